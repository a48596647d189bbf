// Base45 (RFC 9285): bytes as the characters of a QR code's alphanumeric mode, three for two.

import type { Bytes } from "./bytes.ts";
import { malformed } from "./reason.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

export function toBase45(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 2) {
    const pair = at + 1 < bytes.length;
    let rest = pair ? ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0) : (bytes[at] ?? 0);
    for (let digits = pair ? 3 : 2; digits > 0; digits -= 1) {
      text += ALPHABET.charAt(rest % 45);
      rest = Math.floor(rest / 45);
    }
  }
  return text;
}

/** Takes exactly what `toBase45` writes. */
export function fromBase45(text: string): Bytes {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 3) {
    const group = [...text.slice(at, at + 3)].map((character) => ALPHABET.indexOf(character));
    const [a = 0, b = 0, c = 0] = group;
    const value = a + b * 45 + c * 45 * 45;
    const most = group.length === 3 ? 0xffff : 0xff;
    if (group.length === 1 || group.includes(-1) || value > most) throw malformed("not-base45");
    if (group.length === 3) bytes.push(value >> 8);
    bytes.push(value & 0xff);
  }
  return Uint8Array.from(bytes);
}
