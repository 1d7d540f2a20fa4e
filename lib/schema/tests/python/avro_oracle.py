"""Answers questions about Avro with fastavro and Apache's Python library: one JSON object a line in, one out."""

import io
import json
import sys

import avro.io
import avro.schema
import fastavro


def by_fastavro(writer, reader, data):
    answer = {}
    schema = plain(fastavro.parse_schema(json.loads(writer)))
    # Tags keep the branch of a union, so that the same one is written again.
    tags = {"return_record_name": True, "return_named_type": True}
    datum = fastavro.schemaless_reader(io.BytesIO(data), schema, None, **tags)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, datum)
    answer["again"] = out.getvalue().hex()
    # Which branch a value of a union takes is not asked of Python's types.
    if "[" not in reader and "[" not in writer:
        target = plain(fastavro.parse_schema(json.loads(reader)))
        datum = fastavro.schemaless_reader(io.BytesIO(data), schema, target, **tags)
        out = io.BytesIO()
        fastavro.schemaless_writer(out, target, datum)
        answer["resolved"] = out.getvalue().hex()
    return answer


def plain(schema):
    """Without logical types, which fastavro turns into Python's own types and back, rounding on the way."""
    if isinstance(schema, dict):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    return [plain(item) for item in schema] if isinstance(schema, list) else schema


def by_avro(writer, data):
    schema = avro.schema.parse(json.dumps(plain(json.loads(writer))))
    datum = avro.io.DatumReader(schema, schema).read(avro.io.BinaryDecoder(io.BytesIO(data)))
    out = io.BytesIO()
    avro.io.DatumWriter(schema).write(datum, avro.io.BinaryEncoder(out))
    return {"again": out.getvalue().hex()}


def attempt(work, *arguments):
    try:
        return work(*arguments)
    except Exception as error:  # Each library has things that it cannot do; they are counted by what is missing.
        return {"failed": repr(error)[:300]}


for line in sys.stdin:
    question = json.loads(line)
    answer = {}
    try:
        answer["form"] = fastavro.schema.to_parsing_canonical_form(json.loads(question["writer"]))
    except Exception as error:
        answer["failed"] = repr(error)[:300]
    if question["data"] is not None:
        data = bytes.fromhex(question["data"])
        answer["fastavro"] = attempt(by_fastavro, question["writer"], question["reader"], data)
        answer["avro"] = attempt(by_avro, question["writer"], data)
    print(json.dumps(answer))
