"""Reads data into the classes that were made from the schema, and writes it again: hex in, hex out, a line each."""

import sys

import person

for line in sys.stdin:
    value = person.Person.decode(bytes.fromhex(line.strip()))
    assert isinstance(value.type, person.Kind) and all(isinstance(friend, person.Person) for friend in value.friends)
    assert not isinstance(value.contact, (dict, tuple)), value.contact
    # Python counts letters, Java counts UTF-16.
    print(value.encode().hex(), len(value.first.encode("utf-16-le")) // 2)
