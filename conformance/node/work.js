// What the programs here share: named scenarios, and one closing line.
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

// @platformatic/kafka asks for a word of Node 22; on Node 20 it is three lines.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((yes, no) => { resolve = yes; reject = no; });
  return { promise, resolve, reject };
};

let passed = 0, failed = 0;
export const name = (prefix) => `${prefix}-${randomUUID().slice(0, 8)}`;
export function same(got, expected) {
  if (!isDeepStrictEqual(got, expected)) throw new Error(`expected ${JSON.stringify(expected)?.slice(0, 200)}, got ${JSON.stringify(got)?.slice(0, 200)}`);
}
export async function scenario(title, work) {
  const start = Date.now();
  try {
    await Promise.race([work(), new Promise((_, no) => setTimeout(() => no(new Error("60 s are over")), 60000).unref())]);
    passed++;
    console.log(`pass ${title} (${Date.now() - start} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${title}: ${error.message}`);
  }
}
export function close() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
