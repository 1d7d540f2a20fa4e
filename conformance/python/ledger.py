"""The ledger: producers keep writing while the server is killed with SIGKILL again and again. Afterwards everything that was
acknowledged must be there, once, at the offset that was told, in order; and committed positions never go back.

    python ledger.py MILENA_BINARY DATA_DIRECTORY KILLS [SEED]

The ledger lives in this process, which is never killed. Kills are aimed at the first moments after a start (recovery itself), and
at moments of heavy writing, when the log is checkpointed and recycled. Prints one line of JSON."""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

binary, data, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
dice = random.Random(seed)
TOPICS = [("ledger-small", 4, 100), ("ledger-large", 2, 60_000), ("ledger-many", 60, 400)]


def start(port=0):
    command = [binary, "serve", "--data", data, "--kafka", f"127.0.0.1:{port}", "--http", "off", "--rest", "off", "-o", "json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = server.stdout.readline()
    assert line, f"the server did not start: {server.stderr.read()}"
    threading.Thread(target=server.stderr.read, daemon=True).start()
    return server, json.loads(line)


class Writer(threading.Thread):
    """One idempotent producer on one topic. Its n-th value to a partition begins with `writer partition n `."""

    def __init__(self, index, port, topic, partitions, size):
        super().__init__(daemon=True)
        self.index, self.topic, self.partitions, self.size = index, topic, partitions, size
        self.acked, self.stop, self.failed = {}, False, []
        self.producer = Producer({"bootstrap.servers": f"127.0.0.1:{port}", "enable.idempotence": True, "linger.ms": 2,
                                  "message.timeout.ms": 120_000, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100,
                                  "retry.backoff.ms": 20, "queue.buffering.max.messages": 20_000, "log_level": 0})

    def told(self, error, message):
        if error:
            self.failed.append(str(error))
        else:
            writer, partition, number, _ = message.value().split(b" ", 3)
            self.acked[(int(partition), int(number))] = message.offset()

    def run(self):
        numbers, filler = [0] * self.partitions, b"x" * self.size
        while not self.stop:
            partition = random.randrange(self.partitions)
            value = b"%d %d %d %s" % (self.index, partition, numbers[partition], filler)
            try:
                self.producer.produce(self.topic, value, partition=partition, on_delivery=self.told)
                numbers[partition] += 1
            except BufferError:
                self.producer.poll(0.05)
            self.producer.poll(0)
            if self.size > 10_000:
                time.sleep(0.003)  # twenty megabytes a second each: an unbounded writer fills the disk of whoever runs this
        self.producer.flush(120)


class Committer(threading.Thread):
    """Commits growing positions for one group; what was acknowledged may never be seen to go back."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.stop, self.acked, self.port, self.back = False, 0, port, []
        self.consumer = None

    def run(self):
        partition = TopicPartition("ledger-small", 0)
        next_position = 1
        while not self.stop:
            if self.consumer is None:
                self.consumer = Consumer({"bootstrap.servers": f"127.0.0.1:{self.port}", "group.id": "ledger", "enable.auto.commit": False,
                                          "log_level": 0, "reconnect.backoff.max.ms": 100})
            try:
                self.consumer.commit(offsets=[TopicPartition(partition.topic, 0, next_position)], asynchronous=False)
                self.acked, next_position = next_position, next_position + 1
                seen = self.consumer.committed([partition], 2)[0].offset
                if seen < self.acked:
                    self.back.append((self.acked, seen))
            except Exception:  # the server is down just now
                time.sleep(0.02)
        self.consumer.close()


def drain(port, writers):
    """Reads everything back and compares it with the ledger. Returns the violations."""
    wrong, seen = [], {}
    consumer = Consumer({"bootstrap.servers": f"127.0.0.1:{port}", "group.id": "drain", "enable.auto.commit": False,
                         "enable.partition.eof": True, "fetch.max.bytes": 50_000_000, "log_level": 0})
    for topic, partitions, _ in TOPICS:
        consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
        ended, next_offset = set(), [0] * partitions
        until = time.monotonic() + 180
        while len(ended) < partitions and time.monotonic() < until:
            for message in consumer.consume(2000, 1):
                if message.error():
                    ended.add(message.partition())
                    continue
                p = message.partition()
                if message.offset() != next_offset[p]:
                    wrong.append(f"{topic}-{p}: offset {message.offset()} after {next_offset[p] - 1}")
                next_offset[p] = message.offset() + 1
                writer, partition, number, _ = message.value().split(b" ", 3)
                key = (int(writer), int(partition), int(number))
                if key in seen:
                    wrong.append(f"{topic}-{p}: {key} at {seen[key]} and again at {message.offset()}")
                seen[key] = message.offset()
        if len(ended) < partitions:
            wrong.append(f"{topic}: only {len(ended)} of {partitions} partitions came to their end")
    consumer.close()
    for writer in writers:
        last = {}
        for (partition, number), offset in sorted(writer.acked.items()):
            found = seen.get((writer.index, partition, number))
            if found != offset:
                wrong.append(f"{writer.topic}: {(writer.index, partition, number)} was acknowledged at {offset}, found at {found}")
            if offset <= last.get(partition, -1):
                wrong.append(f"{writer.topic}: {(writer.index, partition, number)} overtook its predecessor")
            last[partition] = offset
    return wrong, len(seen)


def main():
    begin = time.monotonic()
    server, ready = start()
    port = int(ready["kafka"].rsplit(":", 1)[1])
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
    for created in admin.create_topics([NewTopic(t, p, 1) for t, p, _ in TOPICS]).values():
        created.result(20)
    writers = [Writer(i, port, *TOPICS[i % len(TOPICS)]) for i in range(6)]
    committer = Committer(port)
    for thread in [*writers, committer]:
        thread.start()
    replayed = 0
    for _ in range(kills):
        time.sleep(dice.choice([0.0, 0.002, 0.01, 0.05]) if dice.random() < 0.3 else dice.uniform(0.1, 1.0))
        server.send_signal(signal.SIGKILL)
        server.wait()
        server, ready = start(port)
        assert ready["recovered"]["damage"] == [], ready
        replayed += ready["recovered"]["batches"]
    for thread in [*writers, committer]:
        thread.stop = True
    for thread in [*writers, committer]:
        thread.join(150)
    wrong, found = drain(port, writers)
    wrong += [f"a producer gave up: {e}" for w in writers for e in w.failed[:3]]
    wrong += [f"position {a} was acknowledged, then {b} was seen" for a, b in committer.back]
    server.send_signal(signal.SIGTERM)
    status = server.wait(10)
    acked = sum(len(w.acked) for w in writers)
    print(json.dumps({"harness": "ledger", "seed": seed, "kills": kills, "acknowledged": acked, "found": found, "positions": committer.acked,
                      "replayed": replayed, "violations": len(wrong), "clean_stop": status == 0, "seconds": round(time.monotonic() - begin, 1)}))
    for line in wrong[:20]:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong or status != 0 or acked == 0 else 0)


main()
