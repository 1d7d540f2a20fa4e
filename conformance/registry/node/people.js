// Both JavaScript registry clients: node people.js KAFKA REGISTRY {kafkajs | confluent} {write TOPIC | read TOPIC…}
import { deepStrictEqual as same } from "node:assert";
import { randomUUID } from "node:crypto";
import kafkajs from "kafkajs";

const [broker, registry, which, role, ...topics] = process.argv.slice(2);
const FULL_NAME = JSON.stringify({ type: "record", name: "FullName", namespace: "com.example",
  fields: [{ name: "first", type: "string" }, { name: "last", type: "string" }] });
const JOHN = { first: "john", last: "doe" };
const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });

const codecs = {
  async kafkajs() {
    const { SchemaRegistry, SchemaType } = (await import("@kafkajs/confluent-schema-registry")).default;
    const client = new SchemaRegistry({ host: registry });
    return {
      async encode(topic) {
        const { id } = await client.register({ type: SchemaType.AVRO, schema: FULL_NAME }, { subject: `${topic}-value` });
        same(await client.getLatestSchemaId(`${topic}-value`), id);
        return client.encode(id, JOHN);
      },
      decode: (_, bytes) => client.decode(bytes),
    };
  },
  async confluent() {
    const library = (await import("@confluentinc/schemaregistry")).default;
    const client = new library.SchemaRegistryClient({ baseURLs: [registry] });
    return {
      async encode(topic) {
        await client.register(`${topic}-value`, { schemaType: "AVRO", schema: FULL_NAME });
        same(await client.testCompatibility(`${topic}-value`, { schemaType: "AVRO", schema: FULL_NAME }), true);
        const serializer = new library.AvroSerializer(client, library.SerdeType.VALUE, { useLatestVersion: true });
        return serializer.serialize(topic, JOHN);
      },
      decode: (topic, bytes) => new library.AvroDeserializer(client, library.SerdeType.VALUE, {}).deserialize(topic, bytes),
    };
  },
};

async function first(topic) {
  const consumer = kafka.consumer({ groupId: randomUUID() });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const value = await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`nothing came from ${topic}`)), 20000).unref();
    consumer.run({ eachMessage: async ({ message }) => resolve(message.value) }).catch(reject);
  });
  await consumer.disconnect();
  return value;
}

const codec = await codecs[which]();
for (const topic of topics) {
  if (role === "write") {
    const value = await codec.encode(topic);
    same(value.subarray(5).toString("latin1"), "\x08john\x06doe");
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ value }] });
    await producer.disconnect();
  } else {
    same({ ...(await codec.decode(topic, await first(topic))) }, JOHN);
  }
}
console.log(`${which} ${role}: ${topics.length} passed`);
process.exit(0);
