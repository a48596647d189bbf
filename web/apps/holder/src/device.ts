// This browser as the licence's one presenting device: a P-256 key that cannot be taken out of it,
// and the codes that it signs.

import { type OfflineMaterialView, Problem, answered } from "@jiazhao/api";
import {
  type Bytes,
  type Value,
  bytesOf,
  codeText,
  decodeCbor,
  encodeCbor,
  sha256,
  toBase64Url,
} from "@jiazhao/offline-verifier/forms";

import { api, clock, store } from "./state.ts";

const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;

/** What this browser knows of its binding. */
export interface Binding {
  readonly id: string;
  /** 16 bytes, base64url. */
  readonly handle: string;
  readonly keys: CryptoKeyPair;
}

/** What an offline code is made of; good without the network until `good_until`. */
export type Material = OfflineMaterialView;

export async function binding(): Promise<Binding | undefined> {
  return store.get<Binding>("binding");
}

export async function material(): Promise<Material | undefined> {
  return store.get<Material>("material");
}

/** Makes a key here, proves it to the server, and ends the binding of any other device. */
export async function bind(): Promise<Binding> {
  const keys = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey));
  const begun = await answered(
    api.POST("/api/v1/holder/bindings", { body: { device_key: toBase64Url(point) } }),
  );
  const handle = handleOf(begun.id);
  const proof = encodeCbor(["jz-bind-1", bytesOf(begun.challenge), handle, point]);
  const bound = await answered(
    api.PUT("/api/v1/holder/bindings/{id}/proof", {
      params: { path: { id: begun.id } },
      body: { signature: toBase64Url(await sign(keys, proof)) },
    }),
  );
  const made: Binding = { id: bound.id, handle: bound.handle, keys };
  await store.put("binding", made);
  return made;
}

/** The identifier's 32 hexadecimal digits as bytes. */
function handleOf(id: string): Bytes {
  const digits = id.replace(/^.*_/, "").match(/../g) ?? [];
  return Uint8Array.from(digits, (pair) => Number.parseInt(pair, 16));
}

/** Asks the server for what a code is made of, which also renews the binding. */
export async function renew(kind: "dynamic" | "offline"): Promise<void> {
  try {
    const told = await answered(
      api.POST("/api/v1/holder/e-licence/codes", { body: { kind } }),
    );
    if ("server_time" in told) clock.set(told.server_time);
    if ("stamp" in told) await store.put("material", told);
  } catch (error) {
    if (error instanceof Problem && !error.temporary) await store.remove("material");
    throw error;
  }
}

export async function forgetBinding(): Promise<void> {
  await store.remove("binding");
  await store.remove("material");
}

/** The dynamic code (动态码): checked online, worth nothing a minute later. */
export async function dynamicCode({ handle, keys }: Binding): Promise<string> {
  const time = now();
  const bytes = bytesOf(handle);
  const signature = await sign(keys, encodeCbor(["jz-dynamic-1", bytes, time]));
  return codeText([1, bytes, time, signature]);
}

export type OfflineForm = "plain" | "portrait" | "enforcement";

/** The offline code (离线码): carries all that is needed to check it without a network. */
export async function offlineCode(
  { keys }: Binding,
  kept: Material,
  form: OfflineForm,
): Promise<string | null> {
  const text = form === "enforcement" ? kept.enforcement : kept.credential;
  if (typeof text !== "string") return null;
  const credential = bytesOf(text);
  const portrait = form === "portrait" && typeof kept.portrait === "string" ? bytesOf(kept.portrait) : null;
  const stamp = decodeCbor(bytesOf(kept.stamp));
  const renewed = Array.isArray(stamp) ? (stamp as readonly Value[])[1] : undefined;
  if (renewed === undefined) throw new Error("the stamp's form");
  const time = now();
  const signature = await sign(
    keys,
    encodeCbor([
      "jz-offline-1",
      await sha256(credential),
      renewed,
      time,
      portrait === null ? null : await sha256(portrait),
    ]),
  );
  return codeText([2, credential, stamp, time, portrait, signature]);
}

function now(): number {
  return Math.floor(clock.now() / 1000);
}

async function sign(keys: CryptoKeyPair, bytes: Bytes) {
  return new Uint8Array(await crypto.subtle.sign(SIGNING, keys.privateKey, bytes));
}
