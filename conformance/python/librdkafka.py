"""librdkafka through confluent-kafka: python librdkafka.py BOOTSTRAP"""
import sys
import time

import work
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic,
                                   OffsetSpec, ResourceType)

bootstrap = sys.argv[1]
admin = AdminClient({"bootstrap.servers": bootstrap})


def topic(partitions=1, **config):
    name = work.name("rdk")
    admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(10)
    return name


def produce(name, values, **config):
    offsets, errors = [], []
    producer = Producer({"bootstrap.servers": bootstrap, **config})
    for value in values:
        producer.produce(name, value, key=b"k", on_delivery=lambda e, m: errors.append(e) if e else offsets.append(m.offset()))
        producer.poll(0)
    assert producer.flush(30) == 0, "messages left in the queue"
    assert not errors, errors[0]
    return offsets


def read(name, count, start=0, group=None, **config):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group or work.name("g"), "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, **config})
    if group:
        consumer.subscribe([name])
    else:
        consumer.assign([TopicPartition(name, 0, start)])
    messages, until = [], time.monotonic() + 20
    while len(messages) < count and time.monotonic() < until:
        messages += consumer.consume(min(500, count - len(messages)), 0.2)
    assert all(m.error() is None for m in messages), [m.error() for m in messages if m.error()]
    assert len(messages) == count, f"expected {count}, got {len(messages)}"
    if group:
        consumer.commit(asynchronous=False)
    consumer.close()
    return messages


def codec(codec, acks):
    name = topic()
    values = [f"value {i} {'x' * (i % 40)}".encode() for i in range(1000)]
    produce(name, values, **{"compression.type": codec, "acks": acks, "linger.ms": 5})
    assert [m.value() for m in read(name, 1000)] == values


def idempotent():
    name = topic()
    values = [str(i).encode() for i in range(20_000)]
    assert produce(name, values, **{"enable.idempotence": True, "linger.ms": 1}) == list(range(20_000))
    assert [m.value() for m in read(name, 20_000)] == values


def auto_create():
    name = work.name("auto")
    assert produce(name, [b"a"]) == [0]
    assert read(name, 1, group=work.name("g"))[0].value() == b"a"


def headers():
    name = topic()
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(name, None, headers=[("a", b"1"), ("a", b"2"), ("n", None)], timestamp=1234567890123)
    producer.flush(10)
    message = read(name, 1)[0]
    assert message.headers() == [("a", b"1"), ("a", b"2"), ("n", None)], message.headers()
    assert message.value() is None and message.timestamp() == (1, 1234567890123)


def groups():
    name, group = topic(3), work.name("g")
    produce(name, [str(i).encode() for i in range(300)], **{"batch.num.messages": 10})
    read(name, 300, group=group)
    committed = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(10).topic_partitions
    assert sum(p.offset for p in committed) == 300, committed
    described = admin.describe_consumer_groups([group])[group].result(10)
    assert described.group_id == group
    assert group in [g.group_id for g in admin.list_consumer_groups().result(10).valid]
    admin.delete_consumer_groups([group])[group].result(10)


def times():
    name = topic()
    producer = Producer({"bootstrap.servers": bootstrap, "batch.num.messages": 1})
    for i in range(10):
        producer.produce(name, str(i), timestamp=1_700_000_000_000 + i * 1000)
    producer.flush(10)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none"})
    assert consumer.get_watermark_offsets(TopicPartition(name, 0), 10) == (0, 10)
    assert consumer.offsets_for_times([TopicPartition(name, 0, 1_700_000_003_500)], 10)[0].offset == 4
    consumer.close()
    partition = TopicPartition(name, 0)
    assert admin.list_offsets({partition: OffsetSpec.max_timestamp()})[partition].result(10).offset == 9


def configs():
    name = topic(**{"retention.ms": "12345"})
    resource = ConfigResource(ResourceType.TOPIC, name)
    assert admin.describe_configs([resource])[resource].result(10)["retention.ms"].value == "12345"
    change = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[ConfigEntry("max.message.bytes", "2000", incremental_operation=AlterConfigOpType.SET)])
    admin.incremental_alter_configs([change])[change].result(10)
    assert admin.describe_configs([resource])[resource].result(10)["max.message.bytes"].value == "2000"
    admin.create_partitions([NewPartitions(name, 4)])[name].result(10)
    assert len(admin.list_topics(name, 10).topics[name].partitions) == 4
    admin.delete_topics([name])[name].result(10)


def eof():
    name = topic()
    produce(name, [b"a", b"b"])
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none", "enable.partition.eof": True})
    consumer.assign([TopicPartition(name, 0, 0)])
    seen = []
    while True:
        message = consumer.poll(10)
        assert message is not None, "no end of partition within ten seconds"
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF
            break
        seen.append(message.value())
    consumer.close()
    assert seen == [b"a", b"b"]


for c in ["none", "gzip", "snappy", "lz4", "zstd"]:
    for a in ["0", "1", "all"]:
        work.scenario(f"produce and read, {c}, acks {a}", lambda: codec(c, a))
work.scenario("idempotent producer keeps order", idempotent)
work.scenario("a topic is created by the first produce", auto_create)
work.scenario("headers, tombstones and timestamps", headers)
work.scenario("a group reads three partitions and commits", groups)
work.scenario("watermarks and offsets by time", times)
work.scenario("configs, partitions, deletion", configs)
work.scenario("the end of a partition is told", eof)
work.close()
