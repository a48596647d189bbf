// Points of short Weierstrass curves with a = -3, by BigInt: decompression, membership, and the sum
// of two multiples for SM2. For public data only: nothing here takes the same time twice.

import { type Bytes, concat } from "./bytes.ts";

export interface Curve {
  readonly p: bigint;
  readonly n: bigint;
  readonly b: bigint;
  readonly g: Affine;
}
export interface Affine {
  readonly x: bigint;
  readonly y: bigint;
}

export const P256: Curve = {
  p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
  n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  g: {
    x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
    y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
  },
};

/** The recommended curve of GB/T 32918.5-2017. */
export const SM2: Curve = {
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  g: {
    x: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
    y: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
  },
};

export function integer(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** 32 bytes, big-endian. */
export function octets(value: bigint): Bytes {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * (31 - at))) & 255n));
}

const mod = (value: bigint, p: bigint): bigint => ((value % p) + p) % p;

/** x^3 - 3x + b */
const right = (x: bigint, { p, b }: Curve): bigint => mod(x * x * x - 3n * x + b, p);

/** The point of SEC 1 in uncompressed form, or null where it is none of the curve. */
export function uncompressed(bytes: Uint8Array, curve: Curve): Affine | null {
  if (bytes.length !== 65 || bytes[0] !== 4) return null;
  const x = integer(bytes.subarray(1, 33));
  const y = integer(bytes.subarray(33));
  if (x >= curve.p || y >= curve.p) return null;
  return mod(y * y, curve.p) === right(x, curve) ? { x, y } : null;
}

/** The uncompressed form of a compressed point, or null where it is none of the curve. */
export function decompress(bytes: Uint8Array, curve: Curve): Bytes | null {
  const sign = bytes[0];
  if (bytes.length !== 33 || (sign !== 2 && sign !== 3)) return null;
  const x = integer(bytes.subarray(1));
  if (x >= curve.p) return null;
  const square = right(x, curve);
  // p is 3 modulo 4 for both curves.
  const root = power(square, (curve.p + 1n) / 4n, curve.p);
  if (mod(root * root, curve.p) !== square) return null;
  const y = (root & 1n) === BigInt(sign & 1) ? root : curve.p - root;
  return concat(Uint8Array.of(4), octets(x), octets(y));
}

function power(base: bigint, exponent: bigint, p: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % p;
    square = (square * square) % p;
  }
  return result;
}

/** Jacobian coordinates; z = 0 is the point at infinity. */
interface Jacobian {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}

const INFINITY: Jacobian = { x: 1n, y: 1n, z: 0n };

/** The x coordinate of u*G + v*Q, or null at infinity. */
export function sumOfMultiples(u: bigint, v: bigint, q: Affine, curve: Curve): bigint | null {
  const { p, g } = curve;
  const base = { ...g, z: 1n };
  const other = { ...q, z: 1n };
  const both = add(base, other, p);
  let sum = INFINITY;
  for (let bit = 255n; bit >= 0n; bit -= 1n) {
    sum = double(sum, p);
    const inU = (u >> bit) & 1n;
    const inV = (v >> bit) & 1n;
    if (inU === 1n) sum = add(sum, inV === 1n ? both : base, p);
    else if (inV === 1n) sum = add(sum, other, p);
  }
  if (sum.z === 0n) return null;
  const inverse = power(sum.z, p - 2n, p);
  return mod(sum.x * inverse * inverse, p);
}

function double({ x, y, z }: Jacobian, p: bigint): Jacobian {
  if (z === 0n || y === 0n) return INFINITY;
  const zz = (z * z) % p;
  const yy = (y * y) % p;
  const s = (4n * x * yy) % p;
  const m = (3n * (x - zz) * (x + zz)) % p;
  const x3 = mod(m * m - 2n * s, p);
  return { x: x3, y: mod(m * (s - x3) - 8n * yy * yy, p), z: (2n * y * z) % p };
}

function add(a: Jacobian, b: Jacobian, p: bigint): Jacobian {
  if (a.z === 0n) return b;
  if (b.z === 0n) return a;
  const aa = (a.z * a.z) % p;
  const bb = (b.z * b.z) % p;
  const u1 = (a.x * bb) % p;
  const s1 = (a.y * bb * b.z) % p;
  const h = mod(b.x * aa - u1, p);
  const r = mod(b.y * aa * a.z - s1, p);
  if (h === 0n) return r === 0n ? double(a, p) : INFINITY;
  const hh = (h * h) % p;
  const hhh = (hh * h) % p;
  const v = (u1 * hh) % p;
  const x3 = mod(r * r - hhh - 2n * v, p);
  return { x: x3, y: mod(r * (v - x3) - s1 * hhh, p), z: (a.z * b.z * h) % p };
}
