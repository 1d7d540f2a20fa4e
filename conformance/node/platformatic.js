// @platformatic/kafka: node platformatic.js BOOTSTRAP
import { Admin, Consumer, Producer, MessagesStreamModes, stringDeserializers, stringSerializers } from "@platformatic/kafka";
import { scenario, close, name, same } from "./work.js";

const base = { clientId: "milena", bootstrapBrokers: [process.argv[2]], timeout: 10000 };
const admin = new Admin(base);

async function topic(partitions = 1) {
  const t = name("plt");
  await admin.createTopics({ topics: [t], partitions, replicas: 1 });
  return t;
}

async function produce(t, values, more = {}) {
  const producer = new Producer({ ...base, serializers: stringSerializers, ...more });
  await producer.send({ messages: values.map((value) => ({ topic: t, key: "k", value })) });
  await producer.close();
}

async function read(t, count, groupId = name("g")) {
  const consumer = new Consumer({ ...base, groupId, deserializers: stringDeserializers });
  const stream = await consumer.consume({ topics: [t], mode: MessagesStreamModes.EARLIEST, autocommit: true, sessionTimeout: 10000, heartbeatInterval: 500 });
  const seen = [];
  for await (const message of stream) {
    seen.push(message.value);
    if (seen.length === count) break;
  }
  await consumer.close(true);
  return seen;
}

for (const compression of ["none", "gzip", "snappy", "lz4"]) // zstd needs a newer Node
  await scenario(`produce and read, ${compression}`, async () => {
    const t = await topic();
    const values = Array.from({ length: 100 }, (_, i) => `v${i}`);
    await produce(t, values, { compression });
    same(await read(t, 100), values);
  });
await scenario("idempotent producer", async () => {
  const t = await topic();
  await produce(t, ["a", "b"], { idempotent: true });
  same(await read(t, 2), ["a", "b"]);
});
await scenario("admin lists and deletes", async () => {
  const t = await topic(3);
  same((await admin.listTopics()).includes(t), true);
  await admin.deleteTopics({ topics: [t] });
});
await admin.close();
close();
