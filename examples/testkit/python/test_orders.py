"""A broker that dies, breaks off and lets time pass, and a client (librdkafka) that must not care."""

from collections import Counter

import pytest
from confluent_kafka import Consumer, Producer


def producer(milena):
    return Producer({"bootstrap.servers": milena.kafka, "enable.idempotence": True, "reconnect.backoff.max.ms": 200})


def send(producer, names):
    sent = []

    def told(error, message):
        assert error is None, error
        sent.append(message.value().decode())

    for name in names:
        producer.produce("orders", name, on_delivery=told)
    assert producer.flush(30) == 0
    return sent


def read(milena, count):
    consumer = Consumer({"bootstrap.servers": milena.kafka, "group.id": "shop", "auto.offset.reset": "earliest"})
    consumer.subscribe(["orders"])
    seen = []
    while len(seen) < count:
        message = consumer.poll(20)
        assert message is not None, f"only {len(seen)} of {count} came"
        assert message.error() is None, message.error()
        seen.append(message.value().decode())
    consumer.commit(asynchronous=False)
    consumer.close()
    return seen


def test_nothing_is_lost_and_nothing_doubled_over_a_kill(milena):
    orders = producer(milena)
    first = send(orders, [f"order {n}" for n in range(50)])
    milena.control("POST", "kill", for_="300ms")
    second = send(orders, [f"order {n}" for n in range(50, 100)])
    assert set(Counter(read(milena, 100)).values()) == {1}
    assert len(first + second) == 100
    milena.control("GET", "expect/empty", topic="orders", group="shop", within="5s")
    milena.control("POST", "expect/nothing-lost", end="power-cut")


def test_an_answer_that_breaks_off_is_no_second_message(milena):
    orders = producer(milena)
    for n in range(8):
        milena.control("POST", "cut", after=7 * n, way="answers")
        send(orders, [f"order {n}"])
    # What was not used up would cut the reader.
    milena.control("POST", "cut", after=0, connections=0)
    assert sorted(read(milena, 8)) == [f"order {n}" for n in range(8)]


def test_a_lease_that_runs_out_gives_the_message_to_somebody_else(milena):
    milena.post("/q/v1/topics/jobs/messages", {"value": "paint"})
    receive = "/q/v1/topics/jobs/groups/crew:receive"
    assert milena.post(receive, {})[1]["messages"][0]["delivery_count"] == 1
    assert milena.post(receive, {"wait_ms": 0})[0] == 204
    milena.control("POST", "clock", forward="1h")
    assert milena.post(receive, {"wait_ms": 5000})[1]["messages"][0]["delivery_count"] == 2


def test_an_expectation_that_does_not_hold_says_why(milena):
    milena.post("/q/v1/topics/jobs/messages", {"value": "paint"})
    milena.post("/q/v1/topics/jobs/groups/crew:receive", {})
    with pytest.raises(AssertionError, match="1 messages are left to do"):
        milena.control("GET", "expect/empty", topic="jobs", group="crew", within="50ms")
