// Public keys, their identifiers, and the check of a signature under each suite.

import { type Bytes, concat, hex, sha256, utf8 } from "./bytes.ts";
import { type Affine, P256, SM2, integer, octets, sumOfMultiples, uncompressed } from "./curve.ts";
import { sm3 } from "./sm3.ts";

export const ES256 = -7;
/** Private use: none is registered for SM2 with SM3. */
export const SM2_SM3 = -65_537;

const DEFAULT_USER_ID = "1234567812345678";

/** A suite as its text names it: `ES256`, `SM2-SM3`, `SM2-SM3:<user id>`. */
export interface Suite {
  readonly text: string;
  readonly algorithm: typeof ES256 | typeof SM2_SM3;
  readonly userId: string;
}

export function suiteOf(text: string): Suite | null {
  if (text === "ES256") return { text, algorithm: ES256, userId: "" };
  if (text === "SM2-SM3") return { text, algorithm: SM2_SM3, userId: DEFAULT_USER_ID };
  const userId = /^SM2-SM3:([!-~]{1,64})$/.exec(text)?.[1];
  // One text for each suite: the default id is never spelled out.
  if (userId === undefined || userId === DEFAULT_USER_ID) return null;
  return { text, algorithm: SM2_SM3, userId };
}

export interface PublicKey {
  readonly suite: Suite;
  readonly point: Bytes;
  /** 32 hexadecimal digits. */
  readonly keyId: string;
  readonly affine: Affine;
}

/** From the uncompressed point of SEC 1; null where it is no point of the suite's curve. */
export async function publicKey(suite: Suite, point: Bytes): Promise<PublicKey | null> {
  const affine = uncompressed(point, suite.algorithm === ES256 ? P256 : SM2);
  if (affine === null) return null;
  const hash = await sha256(concat(utf8(suite.text), Uint8Array.of(0), point));
  return { suite, point, keyId: hex(hash.subarray(0, 16)), affine };
}

/** Whether r and s (32 bytes each) are this key's signature over the message. */
export async function verifies(key: PublicKey, message: Bytes, signature: Bytes): Promise<boolean> {
  if (signature.length !== 64) return false;
  return key.suite.algorithm === ES256
    ? es256(key.point, message, signature)
    : sm2(key, message, signature);
}

/** ES256 under a bare point, for device keys. */
export async function es256(point: Bytes, message: Bytes, signature: Bytes): Promise<boolean> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  try {
    const key = await crypto.subtle.importKey("raw", point, algorithm, false, ["verify"]);
    return await crypto.subtle.verify(algorithm, key, signature, message);
  } catch {
    return false;
  }
}

/** GB/T 32918.2, with the digest of user id and key before the message. */
function sm2(key: PublicKey, message: Bytes, signature: Bytes): boolean {
  const { n } = SM2;
  const r = integer(signature.subarray(0, 32));
  const s = integer(signature.subarray(32));
  if (r === 0n || s === 0n || r >= n || s >= n) return false;
  const t = (r + s) % n;
  if (t === 0n) return false;
  const x = sumOfMultiples(s, t, key.affine, SM2);
  if (x === null) return false;
  const e = integer(sm3(concat(userDigest(key), message)));
  return (e + x) % n === r;
}

function userDigest(key: PublicKey): Bytes {
  const id = utf8(key.suite.userId);
  const bits = id.length * 8;
  return sm3(
    concat(
      Uint8Array.of(bits >> 8, bits & 255),
      id,
      octets(SM2.p - 3n),
      octets(SM2.b),
      octets(SM2.g.x),
      octets(SM2.g.y),
      key.point.subarray(1),
    ),
  );
}
