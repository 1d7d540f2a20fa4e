"""Confluent's Python registry client and serializers: python people.py KAFKA REGISTRY {client | write TOPIC | read TOPIC…}"""
import json
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

kafka, registry, role, *topics = sys.argv[1:]
FULL_NAME = json.dumps({"type": "record", "name": "FullName", "namespace": "com.example",
                        "fields": [{"name": "first", "type": "string"}, {"name": "last", "type": "string"}]})
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


def write(topic):
    serializer = AvroSerializer(client, FULL_NAME)
    value = serializer(JOHN, SerializationContext(topic, MessageField.VALUE))
    errors = []
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error) if error else None)
    assert producer.flush(30) == 0 and not errors, errors
    assert value[0] == 0 and value[5:] == b"\x08john\x06doe", value


def read(topic):
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "g-" + uuid.uuid4().hex, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    until, message = time.monotonic() + 20, None
    while message is None and time.monotonic() < until:
        message = consumer.poll(0.5)
    consumer.close()
    assert message is not None and message.error() is None, message and message.error()
    value = AvroDeserializer(client)(message.value(), SerializationContext(topic, MessageField.VALUE))
    assert value == JOHN, (topic, value)


for work in {"client": [walk], "write": [lambda t=t: write(t) for t in topics], "read": [lambda t=t: read(t) for t in topics]}[role]:
    work()
print(f"python {role}: {len(topics) or 1} passed")
