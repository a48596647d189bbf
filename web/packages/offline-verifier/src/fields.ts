// Reading maps with integer keys: each entry is taken once, and nothing may be left over.

import { type Bytes, utf8 } from "./bytes.ts";
import { CborMap, type Integer, Tagged, type Value } from "./cbor.ts";
import { malformed } from "./reason.ts";

/** Longest text in a claim, in bytes. */
const MAX_TEXT = 512;
const MAX_I64 = (1n << 63n) - 1n;
const MIN_I64 = -(1n << 63n);

export type Key = readonly [key: number, name: string];

export class Fields {
  private readonly rest = new Map<Integer, Value>();

  constructor(value: Value, name: string) {
    if (!(value instanceof CborMap)) throw malformed("claim-type", name);
    for (const [key, item] of value.entries) {
      if (!isInteger(key) || key > MAX_I64 || key < MIN_I64) throw malformed("unknown-claim");
      this.rest.set(key, item);
    }
  }

  optional<T>([key, name]: Key, read: (value: Value, name: string) => T): T | undefined {
    const value = this.rest.get(key);
    if (value === undefined) return undefined;
    this.rest.delete(key);
    return read(value, name);
  }

  required<T>([key, name]: Key, read: (value: Value, name: string) => T): T {
    const value = this.rest.get(key);
    if (value === undefined) throw malformed("missing-claim", name);
    this.rest.delete(key);
    return read(value, name);
  }

  close(): void {
    if (this.rest.size > 0) throw malformed("unknown-claim");
  }
}

export function isInteger(value: Value): value is Integer {
  return typeof value === "number" || typeof value === "bigint";
}

/** A text that a person can read: not empty, not too long, no control characters. */
export function text(value: Value, name: string): string {
  if (typeof value !== "string") throw malformed("claim-type", name);
  if (value === "" || utf8(value).length > MAX_TEXT || /\p{Cc}/u.test(value)) {
    throw malformed("claim-value", name);
  }
  return value;
}

/** Visible ASCII, at most 64. */
export function id(value: Value, name: string): string {
  const shown = text(value, name);
  if (!/^[!-~]{1,64}$/.test(shown)) throw malformed("claim-value", name);
  return shown;
}

export function bytes(value: Value, name: string): Bytes {
  if (!(value instanceof Uint8Array)) throw malformed("claim-type", name);
  return value;
}

export function bytesOf(length: number) {
  return (value: Value, name: string): Bytes => {
    const read = bytes(value, name);
    if (read.length !== length) throw malformed("claim-value", name);
    return read;
  };
}

export function unsigned(value: Value, name: string): Integer {
  if (!isInteger(value) || value < 0) throw malformed("claim-type", name);
  return value;
}

export function items(value: Value, name: string): readonly Value[] {
  if (!Array.isArray(value)) throw malformed("claim-type", name);
  return value as readonly Value[];
}

/** Seconds since 1970, within the years that the calendar has. */
export function instant(value: Value, name: string): number {
  if (!isInteger(value) || value > MAX_I64 || value < MIN_I64) throw malformed("claim-type", name);
  if (value < -377_705_023_201 || value > 253_402_207_200) throw malformed("claim-value", name);
  return Number(value);
}

const TAG_DAYS = 100;
const FIRST_DAY = -4_371_587;
const LAST_DAY = 2_932_896;

/** Days since 1970-01-01 (RFC 8943). */
export function day(value: Value, name: string): number {
  if (!(value instanceof Tagged) || value.tag !== TAG_DAYS) throw malformed("claim-type", name);
  const days = value.value;
  if (!isInteger(days) || days > MAX_I64 || days < MIN_I64) throw malformed("claim-type", name);
  if (days < FIRST_DAY || days > LAST_DAY) throw malformed("claim-value", name);
  return Number(days);
}

/** At least one class, none twice. */
export function classes(value: Value, name: string): readonly string[] {
  const read = items(value, name).map((item) => id(item, name));
  if (read.length === 0 || new Set(read).size !== read.length) throw malformed("claim-value", name);
  return read;
}
