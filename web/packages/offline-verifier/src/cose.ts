// COSE_Sign1 (RFC 9052), the one form of it that is read here: tag 18, protected headers
// algorithm, key and type, no unprotected header, payload inside.

import { type Bytes, hex } from "./bytes.ts";
import { CborMap, Tagged, type Value, decode, encode } from "./cbor.ts";
import { Fields, bytesOf, isInteger } from "./fields.ts";
import { ES256, type PublicKey, SM2_SM3, verifies } from "./key.ts";
import { malformed } from "./reason.ts";

/** What may be signed, as it stands in the protected header: no kind passes for another. */
export const LICENCE = 61;
export const TRUST_LIST = "application/vnd.jiazhao.trust.v1+cbor";
export const STATUS_LIST = "application/statuslist+cwt";

export interface Sign1 {
  readonly algorithm: number;
  readonly keyId: string;
  /** What was signed. */
  readonly content: Value;
  readonly protectedHeader: Bytes;
  readonly payload: Bytes;
  readonly signature: Bytes;
}

/** Reads the envelope; its signature is not checked yet. */
export function parse(bytes: Uint8Array, contents: readonly Value[]): Sign1 {
  // A file of another kind is told so, not that its CBOR is at fault.
  if (bytes[0] !== 0xd2) throw malformed("not-cose-sign1");
  const value = decode(bytes);
  const parts = value instanceof Tagged ? value.value : null;
  if (!Array.isArray(parts) || parts.length !== 4) throw malformed("not-cose-sign1");
  const [protectedHeader, unprotected, payload, signature] = parts as readonly Value[];
  if (
    !(protectedHeader instanceof Uint8Array) ||
    !(unprotected instanceof CborMap) ||
    !(payload instanceof Uint8Array) ||
    !(signature instanceof Uint8Array)
  ) {
    throw malformed("not-cose-sign1");
  }
  if (unprotected.entries.length > 0) throw malformed("headers");
  const head = headers(protectedHeader, contents);
  if (signature.length !== 64) throw malformed("signature-length");
  return { ...head, protectedHeader, payload, signature };
}

function headers(
  bytes: Bytes,
  contents: readonly Value[],
): Pick<Sign1, "algorithm" | "keyId" | "content"> {
  const fields = new Fields(decode(bytes), "protected");
  const keyId = hex(fields.required([4, "kid"], bytesOf(16)));
  const algorithm = fields.required([1, "alg"], (value) => value);
  const content = fields.required([16, "typ"], (value) => value);
  try {
    fields.close();
  } catch {
    throw malformed("headers");
  }
  if (!contents.includes(content)) throw malformed("wrong-type");
  if (!isInteger(algorithm) || (algorithm !== ES256 && algorithm !== SM2_SM3)) {
    throw malformed("unknown-algorithm");
  }
  return { algorithm, keyId, content };
}

/** Whether the key signed exactly this (`Sig_structure`, without external data). */
export function signedBy(key: PublicKey, signed: Sign1): Promise<boolean> {
  const structure = encode([
    "Signature1",
    signed.protectedHeader,
    new Uint8Array(),
    signed.payload,
  ]);
  return verifies(key, structure, signed.signature);
}
