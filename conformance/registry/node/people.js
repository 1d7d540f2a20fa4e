// Both JavaScript registry clients: node people.js KAFKA REGISTRY {kafkajs | confluent} {write TOPIC | read TOPIC…}
import { deepStrictEqual as same } from "node:assert";
import { randomUUID } from "node:crypto";
import * as protobuf from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import kafkajs from "kafkajs";

const [broker, registry, which, role, ...topics] = process.argv.slice(2);
const FULL_NAME = JSON.stringify({ type: "record", name: "FullName", namespace: "com.example",
  fields: [{ name: "first", type: "string" }, { name: "last", type: "string" }] });
const JSON_SCHEMA = JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", title: "FullName", type: "object",
  properties: { first: { type: "string" }, last: { type: "string" } }, required: ["first"] });
const field = (name, number) => ({ name, jsonName: name, number, type: 9, label: 1 });
const FULL_NAME_MESSAGE = protobuf.createFileRegistry(protobuf.create(FileDescriptorProtoSchema, {
  name: "fullname.proto", package: "com.example", syntax: "proto3",
  messageType: [{ name: "FullName", field: [field("first", 1), field("last", 2)] }],
}), () => undefined).getMessage("com.example.FullName");
const JOHN = { first: "john", last: "doe" };
const PAYLOADS = { avro: "\x08john\x06doe", json: JSON.stringify(JOHN), protobuf: "\0\x0a\x04john\x12\x03doe" };
const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });

// The first word of a topic's name is the format of its values.
const format = (topic) => topic.split("-")[0];

const codecs = {
  async kafkajs() {
    const { SchemaRegistry, SchemaType } = (await import("@kafkajs/confluent-schema-registry")).default;
    const client = new SchemaRegistry({ host: registry });
    const schemas = { avro: { type: SchemaType.AVRO, schema: FULL_NAME }, json: { type: SchemaType.JSON, schema: JSON_SCHEMA } };
    return {
      // Its Protobuf lacks the path to the message, so that nobody else can read it. It reads what others write.
      async encode(topic) {
        const { id } = await client.register(schemas[format(topic)], { subject: `${topic}-value` });
        same(await client.getLatestSchemaId(`${topic}-value`), id);
        return client.encode(id, JOHN);
      },
      decode: (_, bytes) => client.decode(bytes),
    };
  },
  async confluent() {
    const library = (await import("@confluentinc/schemaregistry")).default;
    const client = new library.SchemaRegistryClient({ baseURLs: [registry] });
    const { SerdeType } = library;
    const latest = async (topic, schemaType, schema) => {
      await client.register(`${topic}-value`, { schemaType, schema });
      same(await client.testSubjectCompatibility(`${topic}-value`, { schemaType, schema }), true);
    };
    const encoders = {
      async avro(topic) {
        await latest(topic, "AVRO", FULL_NAME);
        return new library.AvroSerializer(client, SerdeType.VALUE, { useLatestVersion: true }).serialize(topic, JOHN);
      },
      async json(topic) {
        await latest(topic, "JSON", JSON_SCHEMA);
        return new library.JsonSerializer(client, SerdeType.VALUE, { useLatestVersion: true, validate: true }).serialize(topic, JOHN);
      },
      // It registers what protoc would have made of the file, as base64.
      async protobuf(topic) {
        const registry = protobuf.createMutableRegistry(FULL_NAME_MESSAGE);
        const serializer = new library.ProtobufSerializer(client, SerdeType.VALUE, { registry, autoRegisterSchemas: true });
        return serializer.serialize(topic, protobuf.create(FULL_NAME_MESSAGE, JOHN));
      },
    };
    const decoders = { avro: library.AvroDeserializer, json: library.JsonDeserializer, protobuf: library.ProtobufDeserializer };
    return {
      encode: (topic) => encoders[format(topic)](topic),
      decode: (topic, bytes) => new decoders[format(topic)](client, SerdeType.VALUE, {}).deserialize(topic, bytes),
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
    same(value.subarray(5).toString("latin1"), PAYLOADS[format(topic)]);
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: [{ value }] });
    await producer.disconnect();
  } else {
    const { first: name, last } = await codec.decode(topic, await first(topic));
    same({ first: name, last }, JOHN);
  }
}
console.log(`${which} ${role}: ${topics.length} passed`);
process.exit(0);
