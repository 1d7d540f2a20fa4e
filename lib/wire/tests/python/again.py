"""Two Python codecs as further oracles: lines `PART KEY NAME VERSION HEX` in, the bytes that each writes after reading those out.

kio has one class for every message and version; kafka-python reads the message definitions when it starts. Each was written by other people than we and
Apache are. An answer is the bytes in hex, `lacks` if the library does not have this message in this version, or `error` and why.
"""

import importlib
import io
import re
import sys


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def with_kio(part, name, version, data):
    from kio.serial import entity_reader, entity_writer

    plain = re.sub("(Request|Response)$", "", name) if part in ("request", "response") else name
    try:
        module = importlib.import_module(f"kio.schema.{snake(plain)}.v{version}.{'data' if part == 'blob' else part}")
    except ModuleNotFoundError:
        return "lacks"
    entity = getattr(module, name)
    value, size = entity_reader(entity)(data, 0)
    if size != len(data):
        return f"error {len(data) - size} bytes left"
    out = io.BytesIO()
    entity_writer(entity)(out, value)
    return out.getvalue().hex()


def with_kafka_python(part, name, version, data):
    import kafka.protocol.admin, kafka.protocol.consumer, kafka.protocol.metadata, kafka.protocol.producer, kafka.protocol.sasl  # noqa: F401, E401

    for module in (kafka.protocol.admin, kafka.protocol.consumer, kafka.protocol.metadata, kafka.protocol.producer, kafka.protocol.sasl):
        message = getattr(module, name, None)
        if message is not None:
            break
    else:
        return "lacks"
    if part == "blob" or not message.min_version <= version <= message.max_version:
        return "lacks"
    value = message.decode(data, version=version)
    value._header = None  # a message that was decoded without its header has no place for one, and writing looks there
    return bytes(value.encode(version=version)).hex()


def main():
    codec = {"kio": with_kio, "kafka-python": with_kafka_python}[sys.argv[1]]
    for line in sys.stdin:
        part, _, name, version, data = (line.rstrip("\n").split(" ", 4) + [""])[:5]
        try:
            print(codec(part, name, int(version), bytes.fromhex(data)))
        except Exception as error:  # the answer, whatever it is
            print("error", type(error).__name__, str(error).replace("\n", " ")[:200])


main()
