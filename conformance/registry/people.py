"""Confluent's Python registry client and serializers: python people.py KAFKA REGISTRY {client | write TOPIC… | read TOPIC…}

The first word of a topic's name is the format: avro, json or protobuf."""
import json
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

kafka, registry, role, *topics = sys.argv[1:]
FULL_NAME = json.dumps({"type": "record", "name": "FullName", "namespace": "com.example",
                        "fields": [{"name": "first", "type": "string"}, {"name": "last", "type": "string"}]})
JSON_SCHEMA = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "title": "FullName", "type": "object",
                          "properties": {"first": {"type": "string"}, "last": {"type": "string"}}, "required": ["first"]})
JOHN = {"first": "john", "last": "doe"}
client = SchemaRegistryClient({"url": registry})


def refused(work, status, code):
    try:
        work()
    except SchemaRegistryError as error:
        assert (error.http_status_code, error.error_code) == (status, code), error
    else:
        raise AssertionError(f"expected {code}")


def walk():
    """Every call of the client that needs no keys."""
    subject = "py-" + uuid.uuid4().hex[:8]
    schema = Schema(FULL_NAME, "AVRO")
    number = client.register_schema(subject, schema)
    assert client.register_schema(subject, schema) == number
    assert json.loads(client.get_schema(number).schema_str) == json.loads(FULL_NAME)
    found = client.lookup_schema(subject, schema)
    assert (found.schema_id, found.version, found.subject) == (number, 1, subject)
    assert subject in client.get_subjects()
    assert client.get_versions(subject) == [1]
    assert client.get_latest_version(subject).schema_id == number
    assert client.get_version(subject, 1).schema_id == number
    fields = json.loads(FULL_NAME)["fields"]
    wider = json.loads(FULL_NAME) | {"fields": fields + [{"name": "age", "type": ["null", "int"], "default": None}]}
    needy = json.loads(FULL_NAME) | {"fields": fields + [{"name": "age", "type": "int"}]}
    assert client.test_compatibility(subject, Schema(json.dumps(wider), "AVRO"))
    assert not client.test_compatibility(subject, Schema(json.dumps(needy), "AVRO"))
    refused(lambda: client.register_schema(subject, Schema(json.dumps(needy), "AVRO")), 409, 40901)
    client.register_schema(subject, Schema(json.dumps(wider), "AVRO"))
    client.set_compatibility(subject, "FULL")
    assert client.get_compatibility(subject) == "FULL"
    assert client.delete_version(subject, 1) == 1
    assert client.delete_subject(subject) == [2]
    assert client.delete_subject(subject, permanent=True) == [1, 2]
    refused(lambda: client.get_versions(subject), 404, 40401)
    refused(lambda: client.get_schema(2**31 - 1), 404, 40403)


def message_class():
    """What protoc makes of a message with two strings, without protoc."""
    file = descriptor_pb2.FileDescriptorProto(name="fullname.proto", package="com.example", syntax="proto3")
    message = file.message_type.add(name="FullName")
    for number, name in enumerate(["first", "last"], 1):
        kind = descriptor_pb2.FieldDescriptorProto
        message.field.add(name=name, json_name=name, number=number, type=kind.TYPE_STRING, label=kind.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("com.example.FullName"))


def encoded(topic):
    """The bytes of John, and what follows the schema's id in them."""
    context = SerializationContext(topic, MessageField.VALUE)
    match topic.split("-")[0]:
        case "avro":
            return AvroSerializer(client, FULL_NAME)(JOHN, context), b"\x08john\x06doe"
        case "json":
            return JSONSerializer(JSON_SCHEMA, client)(JOHN, context), json.dumps(JOHN, separators=(",", ":")).encode()
        case "protobuf":
            message = message_class()(**JOHN)
            return ProtobufSerializer(type(message), client)(message, context), b"\0\x0a\x04john\x12\x03doe"


def decoded(topic, value):
    context = SerializationContext(topic, MessageField.VALUE)
    match topic.split("-")[0]:
        case "avro":
            return AvroDeserializer(client)(value, context)
        case "json":
            return JSONDeserializer(None, schema_registry_client=client)(value, context)
        case "protobuf":
            message = ProtobufDeserializer(message_class(), schema_registry_client=client)(value, context)
            return {"first": message.first, "last": message.last}


def write(topic):
    value, payload = encoded(topic)
    errors = []
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error) if error else None)
    assert producer.flush(30) == 0 and not errors, errors
    assert value[0] == 0 and value[5:] == payload, value


def read(topic):
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "g-" + uuid.uuid4().hex, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    until, message = time.monotonic() + 20, None
    while message is None and time.monotonic() < until:
        message = consumer.poll(0.5)
    consumer.close()
    assert message is not None and message.error() is None, message and message.error()
    value = decoded(topic, message.value())
    assert value == JOHN, (topic, value)


for work in {"client": [walk], "write": [lambda t=t: write(t) for t in topics], "read": [lambda t=t: read(t) for t in topics]}[role]:
    work()
print(f"python {role}: {len(topics) or 1} passed")
