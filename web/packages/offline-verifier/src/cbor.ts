// Deterministic CBOR (RFC 8949, 4.2.1), the part that signed forms use: integers, byte and text
// strings, arrays, maps, tags, `true` and `null`. The reader takes exactly what the writer writes: a
// second encoding of the same claims would be a second credential under one check.

import { type Bytes, compare, concat, textOf, utf8 } from "./bytes.ts";
import { malformed } from "./reason.ts";

export class CborMap {
  readonly entries: readonly (readonly [Value, Value])[];
  constructor(entries: readonly (readonly [Value, Value])[]) {
    this.entries = entries;
  }
}

export class Tagged {
  readonly tag: Integer;
  readonly value: Value;
  constructor(tag: Integer, value: Value) {
    this.tag = tag;
    this.value = value;
  }
}

/** A number where it is exact, else a bigint: one form for each integer. */
export type Integer = number | bigint;
export type Value = Integer | Bytes | string | readonly Value[] | CborMap | Tagged | true | null;

/** Deepest form in use, with two to spare. */
const MAX_DEPTH = 7;
const TRUE = 21;
const NULL = 22;

/** Reads one value that fills the bytes. */
export function decode(bytes: Uint8Array): Value {
  const reader = new Reader(bytes);
  const value = reader.value(MAX_DEPTH);
  if (reader.at !== bytes.length) throw malformed("trailing-bytes");
  return value;
}

class Reader {
  at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  value(allowed: number): Value {
    if (allowed === 0) throw malformed("too-deep");
    const depth = allowed - 1;
    const [major, argument] = this.head();
    switch (major) {
      case 0:
        return argument;
      case 1:
        return narrow(-1n - BigInt(argument));
      case 2:
        return this.take(argument);
      case 3: {
        const text = textOf(this.take(argument));
        if (text === null) throw malformed("not-utf8");
        return text;
      }
      case 4: {
        // Nothing is reserved for the announced number: it may be a lie.
        const items: Value[] = [];
        for (let n = 0; n < argument; n += 1) items.push(this.value(depth));
        return items;
      }
      case 5:
        return this.map(argument, depth);
      case 6:
        return new Tagged(argument, this.value(depth));
      default:
        return argument === TRUE ? true : null;
    }
  }

  private head(): [number, Integer] {
    const initial = this.byte();
    const major = initial >> 5;
    const info = initial & 31;
    if (major === 7) {
      if (info === TRUE || info === NULL) return [major, info];
      throw malformed("unsupported-cbor");
    }
    if (info < 24) return [major, info];
    if (info === 31) throw malformed("not-canonical");
    if (info > 27) throw malformed("unsupported-cbor");
    const width = 1 << (info - 24);
    let argument = 0n;
    for (const byte of this.take(width)) argument = (argument << 8n) | BigInt(byte);
    const smallest = width === 1 ? 24n : 1n << BigInt(width * 4);
    if (argument < smallest) throw malformed("not-canonical");
    return [major, narrow(argument)];
  }

  private map(count: Integer, depth: number): CborMap {
    const entries: [Value, Value][] = [];
    let previous: Uint8Array = new Uint8Array();
    for (let n = 0; n < count; n += 1) {
      const from = this.at;
      const key = this.value(depth);
      const encoded = this.bytes.subarray(from, this.at);
      const order = compare(previous, encoded);
      if (order === 0) throw malformed("duplicate-key");
      if (order > 0) throw malformed("not-canonical");
      previous = encoded;
      entries.push([key, this.value(depth)]);
    }
    return new CborMap(entries);
  }

  private take(count: Integer): Bytes {
    if (count > this.bytes.length - this.at) throw malformed("truncated");
    const end = this.at + Number(count);
    const taken = this.bytes.slice(this.at, end);
    this.at = end;
    return taken;
  }

  private byte(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw malformed("truncated");
    this.at += 1;
    return byte;
  }
}

function narrow(wide: bigint): Integer {
  const number = Number(wide);
  return Number.isSafeInteger(number) ? number : wide;
}

/** Writes a value. Maps must come in the order of their encoded keys. */
export function encode(value: Value): Bytes {
  if (value === true) return Uint8Array.of(0xf5);
  if (value === null) return Uint8Array.of(0xf6);
  if (typeof value === "number" || typeof value === "bigint") {
    return value < 0 ? head(1, -1n - BigInt(value)) : head(0, BigInt(value));
  }
  if (typeof value === "string") {
    const bytes = utf8(value);
    return concat(head(3, BigInt(bytes.length)), bytes);
  }
  if (value instanceof Uint8Array) return concat(head(2, BigInt(value.length)), value);
  if (value instanceof Tagged) return concat(head(6, BigInt(value.tag)), encode(value.value));
  if (value instanceof CborMap) {
    const parts = value.entries.flatMap(([key, item]) => [encode(key), encode(item)]);
    return concat(head(5, BigInt(value.entries.length)), ...parts);
  }
  return concat(head(4, BigInt(value.length)), ...value.map(encode));
}

function head(major: number, argument: bigint): Bytes {
  if (argument < 24n) return Uint8Array.of((major << 5) | Number(argument));
  const step = [8n, 16n, 32n].findIndex((bits) => argument >> bits === 0n);
  const width = step < 0 ? 8 : 1 << step;
  const bytes = new Uint8Array(1 + width);
  bytes[0] = (major << 5) | (24 + (step < 0 ? 3 : step));
  for (let at = width, rest = argument; at > 0; at -= 1, rest >>= 8n) bytes[at] = Number(rest & 255n);
  return bytes;
}
