export class Malformed extends Error {}

/** Reads values from the front of bytes. */
export class Reader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private place = 0;
  private items: number;
  private depth = 0;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.items = bytes.length + 100_000;
  }
  end(): void {
    if (this.place !== this.bytes.length) throw new Malformed("bytes are left over behind the value");
  }
  private take(size: number): number {
    const from = this.place;
    if (size < 0 || size > this.bytes.length - from) throw new Malformed("the data ends inside a value");
    this.place = from + size;
    return from;
  }
  deeper<T>(read: () => T): T {
    if (++this.depth > 256) throw new Malformed("values nest too deep");
    const value = read();
    this.depth--;
    return value;
  }
  boolean(): boolean {
    const byte = this.bytes[this.take(1)];
    if (byte > 1) throw new Malformed("a boolean is neither 0 nor 1");
    return byte === 1;
  }
  long(): bigint {
    let low = 0;
    let high = 0n;
    for (let index = 0; index < 10; index++) {
      const byte = this.bytes[this.take(1)];
      if (index < 4) low |= (byte & 0x7f) << (7 * index);
      else high |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte < 0x80) {
        if (index === 9 && byte > 1) break;
        const number = high | BigInt(low);
        return (number >> 1n) ^ -(number & 1n);
      }
    }
    throw new Malformed("a number is longer than ten bytes");
  }
  int(): number {
    const number = this.long();
    if (BigInt.asIntN(32, number) !== number) throw new Malformed("an int has more than 32 bits");
    return Number(number);
  }
  float(): number {
    return this.view.getFloat32(this.take(4), true);
  }
  double(): number {
    return this.view.getFloat64(this.take(8), true);
  }
  private length(): number {
    const length = this.long();
    if (length < 0n || length > BigInt(this.bytes.length)) throw new Malformed("the data ends inside a value");
    return Number(length);
  }
  fixed(size: number): Uint8Array {
    const from = this.take(size);
    return this.bytes.slice(from, from + size);
  }
  binary(): Uint8Array {
    return this.fixed(this.length());
  }
  string(): string {
    const length = this.length();
    const from = this.take(length);
    return TEXT.decode(this.bytes.subarray(from, from + length));
  }
  index(count: number): number {
    const index = this.long();
    if (index < 0n || index >= BigInt(count)) throw new Malformed(`there is no branch or symbol ${index}`);
    return Number(index);
  }
  blocks(each: () => void): void {
    for (;;) {
      let count = this.long();
      if (count === 0n) return;
      if (count < 0n) {
        if (this.long() < 0n) throw new Malformed("a length is negative");
        count = -count;
      }
      if (count > BigInt(this.items)) throw new Malformed("the data stands for more values than its size allows");
      this.items -= Number(count);
      for (let index = Number(count); index > 0; index--) each();
    }
  }
  array<T>(read: () => T): T[] {
    const items: T[] = [];
    this.blocks(() => items.push(read()));
    return items;
  }
  map<T>(read: () => T): Map<string, T> {
    const items = new Map<string, T>();
    this.blocks(() => {
      const key = this.string();
      items.set(key, read());
    });
    return items;
  }
}

const TEXT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LETTERS = new TextEncoder();

/** Gathers values as bytes. */
export class Writer {
  private bytes = new Uint8Array(64);
  private size = 0;
  done(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }
  private room(size: number): number {
    const from = this.size;
    this.size += size;
    if (this.size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.size, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(0, from));
      this.bytes = larger;
    }
    return from;
  }
  /** The place is made before the bytes are looked at: they may be others then. */
  private byte(value: number): void {
    const from = this.room(1);
    this.bytes[from] = value;
  }
  boolean(value: boolean): void {
    this.byte(value ? 1 : 0);
  }
  long(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} has more than 64 bits`);
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest >= 0x80n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }
  int(value: number): void {
    if ((value | 0) !== value) throw new RangeError(`${value} is no int of 32 bits`);
    this.long(BigInt(value));
  }
  float(value: number): void {
    const from = this.room(4);
    new DataView(this.bytes.buffer).setFloat32(from, value, true);
  }
  double(value: number): void {
    const from = this.room(8);
    new DataView(this.bytes.buffer).setFloat64(from, value, true);
  }
  fixed(value: Uint8Array, size: number): void {
    if (value.length !== size) throw new RangeError(`a fixed has ${size} bytes, not ${value.length}`);
    const from = this.room(size);
    this.bytes.set(value, from);
  }
  binary(value: Uint8Array): void {
    this.int(value.length);
    this.fixed(value, value.length);
  }
  string(value: string): void {
    this.binary(LETTERS.encode(value));
  }
  array<T>(items: readonly T[], write: (item: T) => void): void {
    if (items.length > 0) this.int(items.length);
    items.forEach(write);
    this.int(0);
  }
  map<T>(items: ReadonlyMap<string, T>, write: (item: T) => void): void {
    if (items.size > 0) this.int(items.size);
    for (const [key, item] of items) {
      this.string(key);
      write(item);
    }
    this.int(0);
  }
}

function readSymbol<T>(r: Reader, symbols: readonly T[]): T {
  return symbols[r.index(symbols.length)];
}
function writeSymbol<T>(w: Writer, symbols: readonly T[], symbol: T): void {
  const index = symbols.indexOf(symbol);
  if (index < 0) throw new RangeError(`${symbol} is no symbol of the enum`);
  w.int(index);
}

const DAY = 86_400_000;

/** Days since 1970 as midnight in UTC. */
function dateOf(days: number): Date {
  return moment(days * DAY);
}
function daysOf(date: Date): number {
  return Math.floor(date.getTime() / DAY);
}
function moment(millis: number): Date {
  const date = new Date(millis);
  if (Number.isNaN(date.getTime())) throw new Malformed("a moment lies beyond what a Date holds");
  return date;
}

/** A number in two's complement as digits, `scale` of them behind the point. */
function decimalOf(bytes: Uint8Array, scale: number): string {
  let number = 0n;
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  number = BigInt.asIntN(8 * bytes.length, number);
  const digits = (number < 0n ? -number : number).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return (number < 0n ? "-" : "") + whole + (scale > 0 ? "." + digits.slice(digits.length - scale) : "");
}
/** The other way; of `size` bytes where that is given, else of as few as it takes. */
function bytesOf(decimal: string, scale: number, size?: number): Uint8Array {
  const parts = /^(-?)(\d+)(?:\.(\d*))?$/.exec(decimal);
  const fraction = parts?.[3] ?? "";
  if (!parts || fraction.length > scale) throw new RangeError(`${decimal} is no decimal of scale ${scale}`);
  const plain = BigInt(parts[2] + fraction.padEnd(scale, "0"));
  let rest = parts[1] ? -plain : plain;
  const bytes: number[] = [];
  // All that is left is the sign, and the last byte says it.
  const whole = () => rest === (bytes[0] < 0x80 ? 0n : -1n);
  do {
    bytes.unshift(Number(BigInt.asUintN(8, rest)));
    rest >>= 8n;
  } while (size === undefined ? !whole() : bytes.length < size);
  if (!whole()) throw new RangeError(`${decimal} does not fit into ${size} bytes`);
  return Uint8Array.from(bytes);
}
