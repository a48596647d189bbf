// The forms of codes, for whoever makes them: deterministic CBOR and the text of a code.

import { toBase45 } from "./base45.ts";
import { type Bytes, fromBase64Url, sha256, toBase64Url } from "./bytes.ts";
import { type Value, decode, encode } from "./cbor.ts";

export { type Bytes, type Value, decode as decodeCbor, encode as encodeCbor, sha256, toBase64Url };

/** What every code's text begins with. */
export const PREFIX = "JZ1:";

export function codeText(parts: readonly Value[]): string {
  return PREFIX + toBase45(encode(parts));
}

/** The bytes that the API wrote as base64url. */
export function bytesOf(text: string): Bytes {
  const bytes = fromBase64Url(text);
  if (bytes === null) throw new Error("not base64url");
  return bytes;
}
