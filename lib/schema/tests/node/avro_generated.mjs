// Reads data into the types that were made from a schema, and writes it again: hex in, hex out, a line each.
import { createInterface } from "node:readline";

const [made, what] = process.argv.slice(2);
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const person = await import(`${made}/person.js`);
const hard = await import(`${made}/hard.js`);
const moments = await import(`${made}/moments.js`);

function ofPerson(data) {
  const value = person.decodePerson(data);
  return `${hex(person.encodePerson(value))} ${value.first.length}`;
}

function ofMoments(data) {
  const value = moments.decodeMoments(data);
  const day = value.day.toISOString().slice(0, 10);
  return `${hex(moments.encodeMoments(value))} ${day} ${value.at.getTime()} ${value.cost} ${value.total} ${value.key}`;
}

function ofHard(data) {
  return hex(hard.encodeHard(hard.decodeHard(data)));
}

const of = { moments: ofMoments, hard: ofHard };
for await (const line of createInterface({ input: process.stdin })) {
  const data = Buffer.from(line, "hex");
  console.log((of[what] ?? ofPerson)(data));
}
