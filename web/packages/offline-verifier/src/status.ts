// Status lists (状态列表, Token Status List): what became of credentials, one small number each.

import { type Bytes, fromBase64Url, textOf, utf8 } from "./bytes.ts";
import { CborMap, type Integer, type Value, decode } from "./cbor.ts";
import type { StatusReference } from "./claims.ts";
import { STATUS_LIST, parse, signedBy } from "./cose.ts";
import { Fields, instant, text, unsigned } from "./fields.ts";
import { type PublicKey, ES256, SM2_SM3, verifies } from "./key.ts";
import { Refused, malformed } from "./reason.ts";
import { type TrustList, mayHaveSigned } from "./trust.ts";

export type Status = "unknown" | "valid" | "invalid" | "suspended" | "red";

/** A status list that a trusted key signed. Only `openStatusList` makes one. */
export interface StatusList {
  /** Its number, as its address ends. */
  readonly number: string;
  /** The instant as of which its values are known. */
  readonly issuedAt: number;
  /** From when on a newer one should have been fetched. */
  readonly nextUpdate: number;
  readonly bits: number;
  readonly values: Bytes;
}

const MAX_TOKEN = 2 << 20;
/** Most entries that a list has; it bounds what a list may expand to. */
const ENTRIES = 1 << 20;
const WIDTHS: readonly Integer[] = [1, 2, 4, 8];

interface Token {
  readonly keyId: string;
  readonly claims: ListClaims;
  readonly fits: (key: PublicKey) => boolean;
  readonly signedBy: (key: PublicKey) => Promise<boolean>;
}

interface ListClaims {
  readonly number: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly bits: number;
  readonly zlib: Bytes;
}

/** Reads a signed list, JWT or CWT, and checks it under a trust list. */
export async function openStatusList(
  file: string | Uint8Array,
  trust: TrustList,
): Promise<StatusList> {
  const { keyId, claims, ...token } = await read(typeof file === "string" ? utf8(file) : file);
  const key = trust.keys.get(keyId);
  if (key === undefined) throw new Refused("status-list-unknown-key");
  if (!token.fits(key.key)) throw new Refused("status-list-algorithm-mismatch");
  if (key.use !== "online") throw new Refused("key-wrong-use");
  if (!(await token.signedBy(key.key))) throw new Refused("status-list-bad-signature");
  if (key.state === "revoked") throw new Refused("status-list-key-distrusted");
  if (!mayHaveSigned(key, claims.issuedAt)) throw new Refused("status-list-key-not-valid-then");
  return {
    number: claims.number,
    issuedAt: claims.issuedAt,
    nextUpdate: claims.expiresAt,
    bits: claims.bits,
    values: await expand(claims),
  };
}

async function read(file: Uint8Array): Promise<Token> {
  if (file[0] === 0xd2) return readCwt(file);
  const jwt = textOf(file);
  if (jwt === null) throw malformed("not-status-list");
  return Promise.resolve(readJwt(jwt));
}

function readCwt(file: Uint8Array): Token {
  if (file.length > MAX_TOKEN) throw malformed("too-large");
  const signed = parse(file, [STATUS_LIST]);
  const fields = new Fields(decode(signed.payload), "claims");
  const subject = fields.required([2, "sub"], text);
  const issuedAt = fields.required([6, "iat"], instant);
  const expiresAt = fields.required([4, "exp"], instant);
  const ttl = fields.required([65_534, "ttl"], unsigned);
  const list = fields.required([65_533, "status_list"], listOfCbor);
  fields.close();
  return {
    keyId: signed.keyId,
    claims: checked({ subject, issuedAt, expiresAt, ttl, ...list }),
    fits: (key) => key.suite.algorithm === signed.algorithm,
    signedBy: (key) => signedBy(key, signed),
  };
}

function listOfCbor(value: Value, name: string): Pick<ListClaims, "bits" | "zlib"> {
  if (!(value instanceof CborMap)) throw malformed("claim-type", name);
  // `lst` is the shorter text and so comes first.
  const [[lst, zlib] = [], [bits, width] = [], ...more] = value.entries;
  const wellFormed =
    typeof lst === "string" &&
    typeof bits === "string" &&
    zlib instanceof Uint8Array &&
    typeof width === "number" &&
    width >= 0 &&
    more.length === 0;
  if (!wellFormed) throw malformed("claim-value", name);
  if (lst !== "lst" || bits !== "bits") throw malformed("unknown-claim");
  if (!WIDTHS.includes(width)) throw malformed("claim-value", "bits");
  return { bits: width, zlib };
}

function readJwt(jwt: string): Token {
  if (utf8(jwt).length > MAX_TOKEN) throw malformed("too-large");
  const end = jwt.lastIndexOf(".");
  const middle = jwt.indexOf(".");
  if (end < 0 || middle === end) throw malformed("not-status-list");
  const header = member(jwt.slice(0, middle), ["alg", "kid", "typ"]);
  const { alg, kid, typ } = header ?? {};
  if (
    typeof alg !== "string" ||
    typeof typ !== "string" ||
    typeof kid !== "string" ||
    !/^[0-9a-f]{32}$/.test(kid)
  ) {
    throw malformed("headers");
  }
  if (typ !== "statuslist+jwt") throw malformed("wrong-type");
  const signature = fromBase64Url(jwt.slice(end + 1));
  if (signature?.length !== 64) throw malformed("signature-length");
  const algorithm = alg === "ES256" ? ES256 : alg === "SM2" ? SM2_SM3 : null;
  return {
    keyId: kid,
    claims: claimsOfJson(jwt.slice(middle + 1, end)),
    fits: (key) => key.suite.algorithm === algorithm,
    signedBy: (key) => verifies(key, utf8(jwt.slice(0, end)), signature),
  };
}

function claimsOfJson(part: string): ListClaims {
  const claims = member(part, ["exp", "iat", "status_list", "sub", "ttl"]);
  const list = claims?.["status_list"];
  if (
    claims === null ||
    typeof claims["sub"] !== "string" ||
    !whole(claims["iat"]) ||
    !whole(claims["exp"]) ||
    !whole(claims["ttl"]) ||
    claims["ttl"] < 0 ||
    !hasExactly(list, ["bits", "lst"]) ||
    !whole(list["bits"]) ||
    list["bits"] < 0 ||
    typeof list["lst"] !== "string"
  ) {
    throw malformed("not-status-list");
  }
  const subject = text(claims["sub"], "sub");
  const issuedAt = instant(claims["iat"], "iat");
  const expiresAt = instant(claims["exp"], "exp");
  if (!WIDTHS.includes(list["bits"])) throw malformed("claim-value", "bits");
  const zlib = fromBase64Url(list["lst"]);
  if (zlib === null) throw malformed("claim-value", "lst");
  return checked({ subject, issuedAt, expiresAt, ttl: claims["ttl"], bits: list["bits"], zlib });
}

const whole = (value: unknown): value is number => Number.isSafeInteger(value);

function member(part: string, names: readonly string[]): Record<string, unknown> | null {
  const json = textOf(fromBase64Url(part) ?? Uint8Array.of(0xff));
  if (json === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  // JSON.parse takes a repeated member; written anew it stands there once.
  const blank = /[ \t\r\n]/g;
  if (JSON.stringify(value).replace(blank, "") !== json.replace(blank, "")) return null;
  return hasExactly(value, names) ? value : null;
}

function hasExactly(value: unknown, names: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.keys(value).sort().join() === names.join();
}

/** What both forms ask for. */
function checked({
  subject,
  ttl,
  ...claims
}: Omit<ListClaims, "number"> & { subject: string; ttl: Integer }): ListClaims {
  // One spelling for each number: neither 07 nor +7.
  const number = /\/(0|[1-9]\d{0,9})$/.exec(subject)?.[1];
  if (number === undefined || Number(number) > 0xffff_ffff) throw malformed("claim-value", "sub");
  if (claims.expiresAt <= claims.issuedAt) throw malformed("claim-value", "exp");
  if (ttl === 0) throw malformed("claim-value", "ttl");
  return { number, ...claims };
}

/** Never takes more memory than the largest list has. */
async function expand({ bits, zlib }: ListClaims): Promise<Bytes> {
  const most = (ENTRIES / 8) * bits;
  const values = new Uint8Array(most);
  let length = 0;
  const expanded = new Blob([zlib]).stream().pipeThrough(new DecompressionStream("deflate"));
  const reader = expanded.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw malformed("bad-compression");
    });
    if (done) break;
    if (length + value.length > most) {
      await reader.cancel();
      throw malformed("too-large");
    }
    values.set(value, length);
    length += value.length;
  }
  if (length === 0) throw malformed("bad-compression");
  return values.slice(0, length);
}

const NAMES: readonly Status[] = ["valid", "invalid", "suspended", "red"];

/** What is known of one place, and as of when. */
export interface Known {
  readonly status: Status;
  readonly asOf: number;
  readonly stale: boolean;
}

/** The status lists that a verifier holds, by number: of two the newer stays, of one time the wider. */
export class StatusLists {
  private readonly held = new Map<string, StatusList>();

  hold(list: StatusList): void {
    const held = this.held.get(list.number);
    const better =
      held === undefined ||
      held.issuedAt < list.issuedAt ||
      (held.issuedAt === list.issuedAt && held.bits < list.bits);
    if (better) this.held.set(list.number, list);
  }

  /** What is known of the place of a credential signed at an instant; null where no list speaks of it. */
  value({ list: number, index }: StatusReference, signedAt: number, now: number): Known | null {
    const list = this.held.get(number);
    // A list that was made before the credential says nothing of it: a place that nobody had then
    // reads as invalid.
    if (list === undefined || list.issuedAt <= signedAt) return null;
    const value = entry(list, index);
    if (value === null) return null;
    return {
      // A value that nobody has given a meaning is no status.
      status: NAMES[value] ?? "unknown",
      asOf: list.issuedAt,
      stale: now >= list.nextUpdate,
    };
  }
}

/** Entry 0 lies in the lowest bits of the first byte. */
function entry({ bits, values }: StatusList, index: Integer): number | null {
  const perByte = 8 / bits;
  if (index >= values.length * perByte) return null;
  const at = Number(index);
  const byte = values[Math.floor(at / perByte)] ?? 0;
  return (byte >> ((at % perByte) * bits)) & ((1 << bits) - 1);
}
