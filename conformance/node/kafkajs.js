// kafkajs: node kafkajs.js BOOTSTRAP
import kafkajs from "kafkajs";
import { scenario, close, name, same } from "./work.js";

const { Kafka, CompressionTypes, logLevel } = kafkajs;
const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING, retry: { retries: 5 } });
const admin = kafka.admin();
await admin.connect();

async function topic(numPartitions = 1) {
  const topic = name("kjs");
  await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1 }] });
  return topic;
}

async function produce(topic, messages, options = {}, sending = {}) {
  const producer = kafka.producer(options);
  await producer.connect();
  const answer = await producer.send({ topic, messages, ...sending });
  await producer.disconnect();
  return answer;
}

async function read(topic, count, groupId = name("g")) {
  const consumer = kafka.consumer({ groupId });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen = [];
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`read ${seen.length} of ${count}`)), 20000);
    consumer.run({ eachMessage: async ({ partition, message }) => {
      seen.push({ partition, ...message });
      if (seen.length === count) { clearTimeout(timer); resolve(); }
    } }).catch(reject);
  });
  await consumer.disconnect();
  return seen;
}

for (const [codec, acks] of [["None", -1], ["None", 1], ["None", 0], ["GZIP", -1]])
  await scenario(`produce and read, ${codec}, acks ${acks}`, async () => {
    const t = await topic();
    const values = Array.from({ length: 200 }, (_, i) => ({ key: "k", value: `v${i}` }));
    await produce(t, values, {}, { compression: CompressionTypes[codec], acks });
    same((await read(t, 200)).map((m) => m.value.toString()), values.map((v) => v.value));
  });
await scenario("idempotent producer", async () => {
  const t = await topic();
  same((await produce(t, [{ value: "a" }], { idempotent: true }))[0].baseOffset, "0");
});
await scenario("headers and tombstones", async () => {
  const t = await topic();
  await produce(t, [{ key: "k", value: null, headers: { a: "1", list: ["x", "y"] } }]);
  const [m] = await read(t, 1);
  same([m.value, m.headers.a.toString(), m.headers.list.map(String)], [null, "1", ["x", "y"]]);
});
await scenario("a group commits, and its offsets can be reset", async () => {
  const t = await topic(2), group = name("g");
  await produce(t, Array.from({ length: 10 }, (_, i) => ({ value: `${i}`, partition: i % 2 })));
  await read(t, 10, group);
  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [t] });
  same(partitions.map((p) => p.offset), ["5", "5"]);
  await admin.resetOffsets({ groupId: group, topic: t, earliest: true });
  same((await read(t, 10, group)).length, 10);
  await admin.deleteGroups([group]);
});
await scenario("admin: metadata, offsets, configs, partitions, records, deletion", async () => {
  const t = await topic(2);
  await produce(t, [{ value: "a", partition: 0 }, { value: "b", partition: 0 }]);
  same((await admin.fetchTopicOffsets(t)).map((p) => p.high).sort(), ["0", "2"]);
  await admin.createPartitions({ topicPartitions: [{ topic: t, count: 3 }] });
  same((await admin.fetchTopicMetadata({ topics: [t] })).topics[0].partitions.length, 3);
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: t, configEntries: [{ name: "retention.ms", value: "99000000" }] }] });
  const configs = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: t }] });
  same(configs.resources[0].configEntries.find((c) => c.configName === "retention.ms").configValue, "99000000");
  await admin.deleteTopicRecords({ topic: t, partitions: [{ partition: 0, offset: "1" }] });
  same((await admin.fetchTopicOffsets(t)).find((p) => p.partition === 0).low, "1");
  await admin.deleteTopics({ topics: [t] });
  same((await admin.describeCluster()).brokers.length, 1);
});
await admin.disconnect();
close();
