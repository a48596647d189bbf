// The building blocks against published vectors and against other implementations.

import { readFileSync } from "node:fs";
import { sm2 as oracle, sm3 as oracleSm3 } from "sm-crypto-v2";
import { expect, it } from "vitest";

import { concat, fromBase64, fromBase64Url, hex, toBase64Url, utf8 } from "../src/bytes.ts";
import { CborMap, Tagged, type Value, decode, encode } from "../src/cbor.ts";
import { P256, SM2, decompress, uncompressed } from "../src/curve.ts";
import { ES256, publicKey, suiteOf, verifies } from "../src/key.ts";
import { sm3 } from "../src/sm3.ts";

const vectors = (name: string): Record<string, string> =>
  JSON.parse(
    readFileSync(new URL(`../../../../test-vectors/${name}`, import.meta.url), "utf8"),
  ) as Record<string, string>;

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));

it("sm3: the standard's example, and another implementation at every length of a block", () => {
  expect(hex(sm3(utf8("abc")))).toBe(
    "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
  );
  for (let length = 0; length < 200; length += 1) {
    const message = Uint8Array.from({ length }, (_, at) => (at * 7 + length) & 255);
    expect(hex(sm3(message))).toBe(oracleSm3(message));
  }
});

it("sm2: the standard's example verifies, and nothing near it", async () => {
  const vector = vectors("sm2-signature.json");
  const suite = suiteOf("SM2-SM3");
  if (suite === null) throw new Error("the suite");
  const point = bytes(oracle.getPublicKeyFromPrivateKey(vector["private_key"] ?? ""));
  const key = await publicKey(suite, point);
  if (key === null) throw new Error("the key");
  const message = utf8(vector["message"] ?? "");
  const signature = bytes(`${vector["r"] ?? ""}${vector["s"] ?? ""}`);
  expect(await verifies(key, message, signature)).toBe(true);
  expect(await verifies(key, utf8("another"), signature)).toBe(false);
  for (let at = 0; at < 64; at += 9) {
    const altered = signature.slice();
    altered[at] = (altered[at] ?? 0) ^ 1;
    expect(await verifies(key, message, altered)).toBe(false);
  }
});

it("sm2: signatures of another implementation verify", async () => {
  const suite = suiteOf("SM2-SM3");
  if (suite === null) throw new Error("the suite");
  for (let n = 0; n < 8; n += 1) {
    const pair = oracle.generateKeyPairHex();
    const message = utf8(`message ${n}`);
    const signature = bytes(oracle.doSignature(message, pair.privateKey, { hash: true }));
    const key = await publicKey(suite, bytes(pair.publicKey));
    expect(key && (await verifies(key, message, signature))).toBe(true);
  }
});

it("sm2: r and s out of range are refused", async () => {
  const suite = suiteOf("SM2-SM3");
  if (suite === null) throw new Error("the suite");
  const key = await publicKey(suite, bytes(oracle.generateKeyPairHex().publicKey));
  if (key === null) throw new Error("the key");
  const n = SM2.n.toString(16);
  const one = "1".padStart(64, "0");
  const nLessOne = (SM2.n - 1n).toString(16);
  for (const raw of ["0".repeat(128), n + one, one + n, one + nLessOne, "f".repeat(128), one]) {
    expect(await verifies(key, utf8("m"), bytes(raw))).toBe(false);
  }
});

it("es256: WebCrypto's own signatures verify, altered ones do not", async () => {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, [
    "sign",
    "verify",
  ]);
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const suite = suiteOf("ES256");
  if (suite?.algorithm !== ES256) throw new Error("the suite");
  const key = await publicKey(suite, raw);
  if (key === null) throw new Error("the key");
  const message = utf8("message");
  const signing = { name: "ECDSA", hash: "SHA-256" };
  const signature = new Uint8Array(await crypto.subtle.sign(signing, pair.privateKey, message));
  expect(await verifies(key, message, signature)).toBe(true);
  expect(await verifies(key, utf8("massage"), signature)).toBe(false);
  expect(await verifies(key, message, signature.slice(1))).toBe(false);
  const compressed = concat(Uint8Array.of((raw[64] ?? 0) & 1 ? 3 : 2), raw.subarray(1, 33));
  expect(decompress(compressed, P256)).toEqual(raw);
});

it("points: what is off the curve or another form is none", () => {
  const good = concat(Uint8Array.of(4), bytes(P256.g.x.toString(16)), bytes(P256.g.y.toString(16)));
  expect(uncompressed(good, P256)).not.toBeNull();
  expect(uncompressed(good, SM2)).toBeNull();
  expect(uncompressed(good.subarray(0, 64), P256)).toBeNull();
  const off = good.slice();
  off[64] = (off[64] ?? 0) ^ 1;
  expect(uncompressed(off, P256)).toBeNull();
  for (const form of ["00", "02", `05${"11".repeat(32)}`, `02${"ff".repeat(32)}`]) {
    expect(decompress(bytes(form), P256)).toBeNull();
  }
});

it("suites have one spelling each", () => {
  expect(suiteOf("SM2-SM3:me@x")?.userId).toBe("me@x");
  for (const text of ["", "es256", "ES256:x", "SM2-SM3:", "SM2-SM3:1234567812345678", "SM2-SM3:a b"]) {
    expect(suiteOf(text)).toBeNull();
  }
});

it("cbor: every width of an integer is written as it is read", () => {
  const edges: Value[] = [0, 23, 24, 255, 256, 65_535, 65_536, 0xffff_ffff, 0x1_0000_0000];
  const wide = [2n ** 53n, 2n ** 64n - 1n, -(2n ** 64n)];
  for (const value of [...edges, ...edges.map((edge) => -1 - Number(edge)), ...wide]) {
    expect(decode(encode(value))).toBe(value);
  }
  const nested: Value = [new Tagged(18, new CborMap([[1, "文"]])), new Uint8Array([1]), true, null];
  expect(encode(decode(encode(nested)))).toEqual(encode(nested));
});

it.each([
  ["1800", "not-canonical"],
  ["1817", "not-canonical"],
  ["190018", "not-canonical"],
  ["1a0000ffff", "not-canonical"],
  ["1b00000000ffffffff", "not-canonical"],
  ["5f4100ff", "not-canonical"],
  ["1c", "unsupported-cbor"],
  ["f4", "unsupported-cbor"],
  ["f7", "unsupported-cbor"],
  ["fb3ff0000000000000", "unsupported-cbor"],
  ["a201000100", "duplicate-key"],
  ["a202000100", "not-canonical"],
  ["0000", "trailing-bytes"],
  ["", "truncated"],
  ["61ff", "not-utf8"],
  ["5bffffffffffffffff00", "truncated"],
  ["9bffffffffffffffff00", "truncated"],
  ["8181818181818100", "too-deep"],
])("cbor: %s is refused as %s", (text, code) => {
  expect(() => decode(bytes(text))).toThrow(code);
});

it("base64 has one spelling of each value", () => {
  expect(fromBase64("AA==")).toEqual(Uint8Array.of(0));
  for (const text of ["AA", "AB==", "A A=", "AA==\n", "*"]) expect(fromBase64(text)).toBeNull();
  expect(fromBase64Url("_-8")).toEqual(Uint8Array.of(0xff, 0xef));
  expect(fromBase64Url("_-8=")).toBeNull();
  expect(toBase64Url(Uint8Array.of(0xff, 0xef))).toBe("_-8");
});
