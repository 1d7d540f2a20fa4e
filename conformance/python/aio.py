"""aiokafka: python aio.py BOOTSTRAP"""
import asyncio
import sys

import work
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

bootstrap = sys.argv[1]


async def topic(partitions):
    name = work.name("aio")
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1)])
    await admin.close()
    return name


async def round_trip(codec, idempotent):
    name = await topic(2)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, enable_idempotence=idempotent) as producer:
        await asyncio.gather(*[await producer.send(name, str(i).encode(), partition=i % 2) for i in range(500)])
    async with AIOKafkaConsumer(name, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None) as consumer:
        values = [int((await consumer.getone()).value) for _ in range(500)]
    assert [v for v in values if v % 2 == 0] == list(range(0, 500, 2))
    assert [v for v in values if v % 2] == list(range(1, 500, 2))


async def group():
    name, group_id = await topic(2), work.name("g")
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for i in range(10):
            await producer.send_and_wait(name, str(i).encode(), partition=i % 2)
    settings = dict(bootstrap_servers=bootstrap, group_id=group_id, auto_offset_reset="earliest", enable_auto_commit=False)
    async with AIOKafkaConsumer(name, **settings) as consumer:
        for _ in range(10):
            await consumer.getone()
        await consumer.commit()
    async with AIOKafkaConsumer(name, **settings) as consumer:
        while not consumer.assignment():
            await asyncio.sleep(0.05)
        assert await consumer.committed(TopicPartition(name, 0)) == 5
        assert await consumer.end_offsets([TopicPartition(name, 0)]) == {TopicPartition(name, 0): 5}


def run(work_of):
    asyncio.run(asyncio.wait_for(work_of, 30))


for c in [None, "gzip", "snappy", "lz4", "zstd"]:
    work.scenario(f"produce and read, {c}", lambda: run(round_trip(c, False)))
work.scenario("idempotent producer", lambda: run(round_trip(None, True)))
work.scenario("a group commits and comes back", lambda: run(group()))
work.close()
