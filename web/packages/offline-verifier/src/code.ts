// The codes that a holder's device signs (动态码, 离线码): `JZ1:` and base45 of CBOR.
//
//   dynamic               [1, handle, time, signature]
//   offline, enforcement  [2, profile, [key id, renewed, signature], time, portrait or null, signature]

import { fromBase45 } from "./base45.ts";
import { type Bytes, hex, sha256, utf8 } from "./bytes.ts";
import { type Value, decode, encode } from "./cbor.ts";
import { bytes, bytesOf, instant, items, unsigned } from "./fields.ts";
import { PREFIX } from "./forms.ts";
import { es256 } from "./key.ts";
import { malformed } from "./reason.ts";

export interface DynamicCode {
  readonly kind: "dynamic";
  readonly time: number;
}

export interface Stamp {
  readonly keyBytes: Bytes;
  readonly keyId: string;
  readonly renewedAt: number;
  readonly signature: Bytes;
}

export interface OfflineCode {
  readonly kind: "offline";
  readonly profile: Bytes;
  readonly stamp: Stamp;
  readonly time: number;
  readonly portrait: Bytes | null;
  readonly signature: Bytes;
}

/** Characters that QR version 28 holds at level M in alphanumeric mode: no code is larger. */
const MOST_CHARACTERS = 1732;

/** Reads a code's text. Strict: one text for each code. No signature is checked yet. */
export function parseCode(text: string): DynamicCode | OfflineCode {
  if (!text.startsWith(PREFIX)) throw malformed("not-code-text");
  if (utf8(text).length > MOST_CHARACTERS) throw malformed("too-large");
  const value = decode(fromBase45(text.slice(PREFIX.length)));
  if (!Array.isArray(value)) throw malformed("claim-type", "code");
  const [kind, ...parts] = value as readonly Value[];
  if (kind === 1 && parts.length === 3) return dynamic(parts as [Value, Value, Value]);
  if (kind === 2 && parts.length === 5) {
    return offline(parts as [Value, Value, Value, Value, Value]);
  }
  throw kind === 1 || kind === 2
    ? malformed("claim-type", "code")
    : malformed("unknown-code-kind");
}

function dynamic([handle, time, signature]: readonly [Value, Value, Value]): DynamicCode {
  bytesOf(16)(handle, "handle");
  const at = moment(time, "time");
  deviceSignature(signature);
  return { kind: "dynamic", time: at };
}

function offline([profile, stamp, time, portrait, signature]: readonly [
  Value,
  Value,
  Value,
  Value,
  Value,
]): OfflineCode {
  return {
    kind: "offline",
    profile: bytes(profile, "profile"),
    stamp: readStamp(stamp),
    time: moment(time, "time"),
    portrait: portraitOrNull(portrait),
    signature: deviceSignature(signature),
  };
}

/** An instant that is never from before the epoch. */
function moment(value: Value, name: string): number {
  unsigned(value, name);
  return instant(value, name);
}

function deviceSignature(value: Value): Bytes {
  const signature = bytes(value, "signature");
  if (signature.length !== 64) throw malformed("signature-length");
  return signature;
}

/** An empty portrait shows nobody: a code without one says null. */
function portraitOrNull(value: Value): Bytes | null {
  if (value === null) return null;
  const portrait = bytes(value, "portrait");
  if (portrait.length === 0) throw malformed("claim-value", "portrait");
  return portrait;
}

function readStamp(value: Value): Stamp {
  const parts = items(value, "stamp");
  const [keyId, renewed, signature] = parts;
  if (
    keyId === undefined ||
    renewed === undefined ||
    signature === undefined ||
    parts.length !== 3
  ) {
    throw malformed("claim-type", "stamp");
  }
  const keyBytes = bytesOf(16)(keyId, "stamp");
  return {
    keyBytes,
    keyId: hex(keyBytes),
    renewedAt: moment(renewed, "stamp"),
    signature: bytesOf(64)(signature, "stamp"),
  };
}

/** What the online key signs. */
export function stampToBeSigned(stamp: Stamp, credentialId: Bytes): Bytes {
  return encode(["jz-stamp-1", stamp.keyBytes, credentialId, stamp.renewedAt]);
}

/** Whether this device made the code, over exactly this profile, stamp time and portrait. */
export async function madeBy(code: OfflineCode, deviceKey: Bytes): Promise<boolean> {
  const message = encode([
    "jz-offline-1",
    await sha256(code.profile),
    code.stamp.renewedAt,
    code.time,
    code.portrait === null ? null : await sha256(code.portrait),
  ]);
  return es256(deviceKey, message, code.signature);
}
