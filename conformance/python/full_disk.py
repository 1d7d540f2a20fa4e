"""A full disk: records are refused and everything else goes on; a topic deleted by a Kafka client makes room, without a restart.

    python full_disk.py MILENA_BINARY DATA_DIRECTORY

The directory stands on a file system of half a gigabyte or so, which this program fills. What was acknowledged must be there at
every moment, and after a kill."""
import collections
import json
import re
import signal
import subprocess
import sys
import threading
import time

import work
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

binary, data = sys.argv[1:]
FILLER = b"x" * 60_000
log, acked = [], collections.defaultdict(dict)
numbers = collections.Counter()


class Server:
    """Milena on the small disk; its log is kept."""

    def __init__(self):
        doors = [word for door in ("--http", "--rest", "--registry") for word in (door, "off")]
        command = [binary, "serve", "--data", data, "--kafka", "127.0.0.1:0", *doors, "-o", "json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=lambda: log.extend(self.process.stderr), daemon=True).start()
        line = self.process.stdout.readline()
        assert line, f"the server did not start: {log}"
        self.kafka = json.loads(line)["kafka"]
        self.admin = AdminClient({"bootstrap.servers": self.kafka})

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


FULL, ROOM = r"the disk is full: records are refused until \d+ more bytes are free", "there is room on the disk again"


def logged(words, since=0, seconds=10):
    """A line of the log that has these words comes within so many seconds, after its first `since` lines."""
    until = time.monotonic() + seconds
    while not any(re.search(words, line) for line in log[since:]):
        assert time.monotonic() < until, f"{words!r} is not in the log: {''.join(log[-20:])}"
        time.sleep(0.05)


def has_room(seconds=10):
    """The last that the log says of the disk is that it has room: who fills it next will read that it is full."""
    until = time.monotonic() + seconds
    while not re.search(ROOM, next(line for line in reversed(log) if re.search(f"{FULL}|{ROOM}", line))):
        assert time.monotonic() < until, f"the log still says that the disk is full: {''.join(log[-20:])}"
        time.sleep(0.05)


def send(topics, count):
    """Sends without retries; gives the errors that came back. What was acknowledged is written down."""
    errors = []

    def told(error, message):
        if error:
            errors.append(error)
        else:
            acked[message.topic()][message.offset()] = message.value()[:20]

    producer = Producer({"bootstrap.servers": server.kafka, "acks": "all", "retries": 0, "linger.ms": 5})
    for number in range(count):
        topic = topics[number % len(topics)]
        numbers[topic] += 1
        producer.produce(topic, b"%-20d" % numbers[topic] + FILLER, on_delivery=told)
        producer.poll(0)
        if errors or number % 100 == 99:
            producer.flush(60)
        if errors:
            break
    assert producer.flush(60) == 0, "messages left in the queue"
    return errors


def fill(*topics):
    """Until nothing has been taken for two seconds: what waits to be put in order lets go of some room at first."""
    refused_since, start = None, len(log)
    while refused_since is None or time.monotonic() - refused_since < 2:
        before = sum(map(len, acked.values()))
        errors = send(topics, 100_000)
        codes = {error.code() for error in errors}
        assert codes == {KafkaError.KAFKA_STORAGE_ERROR}, f"expected KAFKA_STORAGE_ERROR, got {errors[:3]}"
        if sum(map(len, acked.values())) > before or refused_since is None:
            refused_since = time.monotonic()
        time.sleep(0.1)
    logged(FULL, start)


def read(topic, start=0):
    """Everything that was acknowledged from `start` on is there, with the bytes that were sent."""
    wanted = {offset: value for offset, value in acked[topic].items() if offset >= start}
    consumer = Consumer({"bootstrap.servers": server.kafka, "group.id": work.name("g"), "enable.auto.commit": False,
                         "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, start)])
    got, until = {}, time.monotonic() + 60
    while time.monotonic() < until:
        message = consumer.poll(1.0)
        if message and message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            break
        if message:
            got[message.offset()] = message.value()[:20]
    consumer.close()
    lost = {offset for offset, value in wanted.items() if got.get(offset) != value}
    assert not lost, f"{topic}: {len(lost)} of {len(wanted)} acknowledged records are not there: {sorted(lost)[:5]}"
    assert wanted, f"nothing was acknowledged in {topic}"


def commit(position):
    consumer = Consumer({"bootstrap.servers": server.kafka, "group.id": "on-a-full-disk", "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition("kept", 0, position)], asynchronous=False)
    assert consumer.committed([TopicPartition("kept", 0)], 10)[0].offset == position
    consumer.close()


def accepts_again(*topics):
    """Within half a minute, and without a restart."""
    until = time.monotonic() + 30
    while errors := send(topics, 20):
        assert time.monotonic() < until, f"still refused: {errors[0]}"
        time.sleep(0.2)
    has_room()


def refused():
    fill("kept", "doomed")
    print(f"     full after {len(acked['kept'])} and {len(acked['doomed'])} records")


def the_rest_goes_on():
    read("kept")
    read("doomed")
    for position in range(1, 200):
        commit(position)
    assert server.admin.list_topics(timeout=10).topics["kept"].error is None


def deleting_a_topic_makes_room():
    server.admin.delete_topics(["doomed"], operation_timeout=30)["doomed"].result(40)
    acked.pop("doomed")
    accepts_again("kept")
    logged("purged because the disk is full")
    read("kept")


def deleting_records_makes_room():
    fill("kept")
    middle = max(acked["kept"]) // 2
    server.admin.delete_records([TopicPartition("kept", 0, middle)])
    accepts_again("kept")
    read("kept", middle)


def a_kill_on_a_full_disk_loses_nothing():
    global server
    middle = max(acked["kept"]) // 2
    fill("kept")
    commit(middle + 7)
    server.kill()
    server = Server()
    read("kept", middle)
    committed = Consumer({"bootstrap.servers": server.kafka, "group.id": "on-a-full-disk"})
    assert committed.committed([TopicPartition("kept", 0)], 10)[0].offset == middle + 7
    committed.close()
    server.admin.delete_records([TopicPartition("kept", 0, max(acked["kept"]))])
    until = time.monotonic() + 30
    while errors := send(["kept"], 20):
        assert time.monotonic() < until, f"still refused after a restart: {errors[0]}"
        time.sleep(0.2)


server = Server()
for made in server.admin.create_topics([NewTopic(name, 1, 1) for name in ("kept", "doomed")]).values():
    made.result(10)
work.scenario("records are refused with KAFKA_STORAGE_ERROR, and the log says how much is missing", refused)
work.scenario("reads and commits go on", the_rest_goes_on)
work.scenario("deleting a topic makes room", deleting_a_topic_makes_room)
work.scenario("deleting records makes room", deleting_records_makes_room)
work.scenario("a kill on a full disk loses nothing", a_kill_on_a_full_disk_loses_nothing)
server.kill()
work.close()
