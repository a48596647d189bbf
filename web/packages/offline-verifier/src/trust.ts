// The trust list (信任列表): which keys may sign, signed by the root of each suite.

import { type Bytes, equal, fromBase64, textOf, utf8 } from "./bytes.ts";
import { type Integer, type Value, decode } from "./cbor.ts";
import { TRUST_LIST, parse, signedBy } from "./cose.ts";
import { Fields, type Key, bytes, instant, items, text, unsigned } from "./fields.ts";
import { type PublicKey, publicKey, suiteOf } from "./key.ts";
import { Refused, malformed } from "./reason.ts";

export type KeyState = "active" | "retired" | "revoked";
/** What a key is good for: licences, or what the server signs online (stamps, status lists). */
export type KeyUse = "licence" | "online";

export interface TrustedKey {
  readonly key: PublicKey;
  readonly issuer: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly state: KeyState;
  readonly use: KeyUse;
}

/** A trust list whose signatures hold. Only `openTrustList` makes one. */
export interface TrustList {
  readonly version: Integer;
  readonly issuedAt: number;
  readonly nextUpdate: number;
  readonly keys: ReadonlyMap<string, TrustedKey>;
  /** Identifiers of the roots that signed it. */
  readonly roots: readonly string[];
}

const MAX_FILE = 1 << 20;
const FORMAT = "jiazhao-trust/1";

interface Root {
  readonly root: PublicKey;
  readonly list: Bytes;
}

/**
 * Reads an exported trust list and checks the signature of every root over one and the same list.
 *
 * Without `pins` the roots are those that the file brings along: enough where the file itself came
 * by a trusted way. With pins (key ids, 32 hexadecimal digits) exactly these must have signed.
 */
export async function openTrustList(
  json: string | Uint8Array,
  pins?: readonly string[],
): Promise<TrustList> {
  const rooted = await roots(json);
  const ids = rooted.map(({ root }) => root.keyId);
  if (pins !== undefined && !sameSet(ids, pins)) throw new Refused("trust-other-root");
  const payloads: Bytes[] = [];
  for (const one of rooted) payloads.push(await payloadOf(one));
  const [first, ...others] = payloads;
  if (first === undefined || others.some((other) => !equal(other, first))) {
    throw new Refused("trust-disagreement");
  }
  return { ...(await readList(first)), roots: ids };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const [one, other] = [new Set(a), new Set(b)];
  return one.size === other.size && [...one].every((item) => other.has(item));
}

async function roots(json: string | Uint8Array): Promise<readonly Root[]> {
  const file = readFile(json);
  const read: Root[] = [];
  for (const [at, root] of file.roots.entries()) {
    read.push(await readRoot(root, file.lists[at] ?? ""));
  }
  if (read.length === 0) throw malformed("missing-claim", "roots");
  if (new Set(read.map(({ root }) => root.keyId)).size !== read.length) {
    throw malformed("repeated-key");
  }
  return read;
}

interface FileRoot {
  readonly suite: string;
  readonly key_id: string;
  readonly public_key: string;
}

function readFile(json: string | Uint8Array): { roots: FileRoot[]; lists: string[] } {
  const raw = typeof json === "string" ? utf8(json) : json;
  if (raw.length > MAX_FILE) throw malformed("too-large");
  const written = textOf(raw);
  let file: unknown;
  try {
    file = JSON.parse(written ?? "");
  } catch {
    throw malformed("not-trust-list");
  }
  // JSON.parse takes a repeated member; written anew it stands there once.
  const blank = /[ \t\r\n]/g;
  if (JSON.stringify(file).replace(blank, "") !== written?.replace(blank, "")) {
    throw malformed("not-trust-list");
  }
  if (!hasExactly(file, ["format", "lists", "roots"])) throw malformed("not-trust-list");
  const { format, roots: listed, lists } = file;
  const wellFormed =
    format === FORMAT &&
    Array.isArray(listed) &&
    Array.isArray(lists) &&
    listed.length === lists.length &&
    lists.every((list) => typeof list === "string") &&
    listed.every(
      (root) =>
        hasExactly(root, ["key_id", "public_key", "suite"]) &&
        typeof root["public_key"] === "string" &&
        typeof root["suite"] === "string" &&
        suiteOf(root["suite"]) !== null &&
        typeof root["key_id"] === "string" &&
        /^[0-9a-f]{32}$/.test(root["key_id"]),
    );
  if (!wellFormed) throw malformed("not-trust-list");
  return { roots: listed as FileRoot[], lists };
}

function hasExactly(value: unknown, names: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.keys(value).sort().join() === names.join();
}

async function readRoot(root: FileRoot, list: string): Promise<Root> {
  const point = fromBase64(root.public_key);
  const signed = fromBase64(list);
  const suite = suiteOf(root.suite);
  if (point === null || signed === null || suite === null) throw malformed("not-trust-list");
  const key = await publicKey(suite, point);
  if (key?.keyId !== root.key_id) throw malformed("bad-public-key");
  return { root: key, list: signed };
}

async function payloadOf({ root, list }: Root): Promise<Bytes> {
  const signed = parse(list, [TRUST_LIST]);
  const same = signed.keyId === root.keyId && signed.algorithm === root.suite.algorithm;
  if (!same || !(await signedBy(root, signed))) throw new Refused("trust-bad-signature");
  return signed.payload;
}

const NOT_AFTER: Key = [5, "not_after"];
const STATE: Key = [6, "state"];

async function readList(payload: Bytes): Promise<Omit<TrustList, "roots">> {
  const fields = new Fields(decode(payload), "trust list");
  const version = fields.required([1, "version"], unsigned);
  const issuedAt = fields.required([2, "issued_at"], instant);
  const nextUpdate = fields.required([3, "next_update"], instant);
  const keys = new Map<string, TrustedKey>();
  const listed = fields.required([4, "keys"], items);
  for (const value of listed) {
    const key = await readKey(value);
    keys.set(key.key.keyId, key);
  }
  fields.close();
  if (nextUpdate <= issuedAt) throw malformed("claim-value", "next_update");
  if (keys.size !== listed.length) throw malformed("repeated-key");
  return { version, issuedAt, nextUpdate, keys };
}

async function readKey(value: Value): Promise<TrustedKey> {
  const fields = new Fields(value, "keys");
  const suite = suiteOf(fields.required([1, "suite"], text));
  if (suite === null) throw malformed("unknown-algorithm");
  const key = await publicKey(suite, fields.required([2, "public_key"], bytes));
  if (key === null) throw malformed("bad-public-key");
  const state = fields.required(STATE, unsigned);
  const revokedAt = fields.optional([7, "revoked_at"], instant);
  const issuer = fields.required([3, "issuer"], text);
  const notBefore = fields.required([4, "not_before"], instant);
  const notAfter = fields.required(NOT_AFTER, instant);
  const states: readonly KeyState[] = ["active", "retired", "revoked"];
  const named = states[Number(state)];
  if (named === undefined || (named === "revoked") !== (revokedAt !== undefined)) {
    throw malformed("claim-value", STATE[1]);
  }
  const use = fields.optional([8, "use"], unsigned);
  // Licence keys never write their use: one encoding for each list.
  if (use !== undefined && use !== 1) throw malformed("claim-value", "use");
  fields.close();
  if (notAfter < notBefore) throw malformed("claim-value", NOT_AFTER[1]);
  return {
    key,
    issuer,
    notBefore,
    notAfter,
    state: named,
    use: use === undefined ? "licence" : "online",
  };
}

export function mayHaveSigned(key: TrustedKey, at: number): boolean {
  return at >= key.notBefore && at <= key.notAfter;
}

/** Whether a newer list should have been fetched by now. */
export function isStale(trust: TrustList, now: number): boolean {
  return now >= trust.nextUpdate;
}

