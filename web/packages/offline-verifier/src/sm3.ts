// SM3 (GB/T 32905-2016).

import type { Bytes } from "./bytes.ts";

const START = [
  0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
];

const rotate = (x: number, n: number): number => (x << n) | (x >>> (32 - n));

export function sm3(message: Uint8Array): Bytes {
  const blocks = Math.ceil((message.length + 9) / 64);
  const padded = new Uint8Array(blocks * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 0x2000_0000));
  view.setUint32(padded.length - 4, (message.length << 3) >>> 0);
  const state = Int32Array.from(START);
  for (let at = 0; at < padded.length; at += 64) compress(state, view, at);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, at) => {
    digest.setInt32(at * 4, word);
  });
  return new Uint8Array(digest.buffer);
}

function compress(state: Int32Array, view: DataView, from: number): void {
  const w = new Int32Array(68);
  // Every index below lies within the array.
  const at = (index: number): number => w[index] ?? 0;
  for (let j = 0; j < 16; j += 1) w[j] = view.getInt32(from + j * 4);
  for (let j = 16; j < 68; j += 1) {
    const x = at(j - 16) ^ at(j - 9) ^ rotate(at(j - 3), 15);
    w[j] = x ^ rotate(x, 15) ^ rotate(x, 23) ^ rotate(at(j - 13), 7) ^ at(j - 6);
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let j = 0; j < 64; j += 1) {
    const early = j < 16;
    const constant = rotate(early ? 0x79cc4519 : 0x7a879d8a, j % 32);
    const ss1 = rotate((rotate(a, 12) + e + constant) | 0, 7);
    const ss2 = ss1 ^ rotate(a, 12);
    const ff = early ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
    const gg = early ? e ^ f ^ g : (e & f) | (~e & g);
    const tt1 = (ff + d + ss2 + (at(j) ^ at(j + 4))) | 0;
    const tt2 = (gg + h + ss1 + at(j)) | 0;
    [d, c, b, a] = [c, rotate(b, 9), a, tt1];
    [h, g, f, e] = [g, rotate(f, 19), e, tt2 ^ rotate(tt2, 9) ^ rotate(tt2, 17)];
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => {
    state[index] = (state[index] ?? 0) ^ word;
  });
}
