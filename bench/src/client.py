"""librdkafka as the client: prints one line of JSON with what it sent or received.

    python client.py ADDRESS TOPIC SIZE SECONDS"""
import json
import sys
import time

from confluent_kafka import Producer, Consumer, TopicPartition

address, topic, size, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
done, failed = 0, 0


def told(error, _):
    global done, failed
    if error:
        failed += 1
    else:
        done += 1


producer = Producer({"bootstrap.servers": address, "acks": "all", "linger.ms": 5, "batch.num.messages": 10000,
                     "queue.buffering.max.messages": 100000, "queue.buffering.max.kbytes": 262144})
value, begin, sent = bytes(i * 7 % 251 for i in range(size)), time.time(), 0
cpu = time.process_time()
while time.time() - begin < seconds:
    for _ in range(500):
        try:
            producer.produce(topic, value, partition=0, on_delivery=told)
            sent += 1
        except BufferError:
            producer.poll(0.01)
    producer.poll(0)
producer.flush(60)
took, cpu = time.time() - begin, time.process_time() - cpu
result = {"sent": sent, "done": done, "failed": failed, "seconds": took, "client_cpu": cpu}

consumer = Consumer({"bootstrap.servers": address, "group.id": "bench", "enable.auto.commit": False})
consumer.assign([TopicPartition(topic, 0, 0)])
begin, read = time.time(), 0
while read < done and time.time() - begin < 30:
    read += len(consumer.consume(10000, 1.0))
result |= {"read": read, "read_seconds": time.time() - begin}
consumer.close()
print(json.dumps(result))
