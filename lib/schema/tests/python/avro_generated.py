"""Reads data into the classes that were made from a schema, and writes it again: hex in, hex out, a line each."""

import datetime
import sys

import hard
import moments
import person


def of_person(data: bytes) -> str:
    value = person.Person.decode(data)
    assert isinstance(value.type, person.Kind) and all(isinstance(friend, person.Person) for friend in value.friends)
    assert not isinstance(value.contact, (dict, tuple)), value.contact
    # Python counts letters, Java counts UTF-16.
    return f"{value.encode().hex()} {len(value.first.encode('utf-16-le')) // 2}"


def of_moments(data: bytes) -> str:
    value = moments.Moments.decode(data)
    assert isinstance(value.clock, datetime.time) and isinstance(value.exact, datetime.datetime)
    assert all(isinstance(day, datetime.date) for day in value.days)
    at = round(value.at.timestamp() * 1000)
    return f"{value.encode().hex()} {value.day.isoformat()} {at} {value.cost:f} {value.total:f} {value.key}"


def of_hard(data: bytes) -> str:
    value = hard.Hard.decode(data)
    assert isinstance(value.e, hard.Names) and isinstance(value.io_, hard.io)
    return value.encode().hex()


OF = {"moments": of_moments, "hard": of_hard}
for line in sys.stdin:
    print(OF.get(sys.argv[-1], of_person)(bytes.fromhex(line.strip())))
