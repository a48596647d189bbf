// What a licence credential says: a CWT claims set with the licence in one private claim.

import { type Bytes, concat, textOf } from "./bytes.ts";
import { CborMap, type Integer, type Value, decode } from "./cbor.ts";
import {
  Fields,
  bytes,
  bytesOf,
  classes,
  day,
  id,
  instant,
  text,
  unsigned,
} from "./fields.ts";
import { P256, uncompressed } from "./curve.ts";
import { malformed } from "./reason.ts";

export interface StatusReference {
  /** Number of the list. */
  readonly list: string;
  readonly index: Integer;
}

/** What every kind of credential says, as far as a check needs it. */
export interface Claims {
  readonly credentialId: string;
  readonly issuer: string | null;
  readonly issuedAt: number;
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly name: string;
  readonly licenceNumber: string;
  readonly classes: readonly string[];
  readonly validFrom: number;
  /** The last day, or null for long-term. */
  readonly validUntil: number | null;
  readonly authorityCode: string;
  readonly authorityName: string | null;
  readonly eLicenceId: string | null;
  readonly status: StatusReference;
  readonly portraitSha256: Bytes | null;
  /** Uncompressed point of the holder's device. */
  readonly deviceKey: Bytes | null;
}

export function readLicence(payload: Bytes): Claims {
  const outer = new Fields(decode(payload), "claims");
  const inner = outer.required([-65_537, "licence"], (value, name) => new Fields(value, name));
  const issuer = outer.required([1, "iss"], text);
  const eLicenceId = inner.required([1, "e_licence_id"], id);
  const credentialId = outer.required([7, "cti"], idBytes);
  const issuedAt = outer.required([6, "iat"], instant);
  const notBefore = outer.required([5, "nbf"], instant);
  const expiresAt = outer.required([4, "exp"], instant);
  inner.required([2, "generated_at"], instant);
  const status = outer.required([65_535, "status"], statusReference);
  inner.optional([3, "certificate_identifier"], text);
  const licenceNumber = inner.required([4, "licence_number"], text);
  const name = inner.required([5, "name"], text);
  inner.required([6, "sex"], sex);
  inner.required([7, "nationality"], text);
  inner.required([8, "birth_date"], day);
  inner.optional([9, "address"], text);
  inner.required([10, "first_issue_date"], day);
  const held = inner.required([11, "classes"], classes);
  const validFrom = inner.required([12, "valid_from"], day);
  const validUntil = inner.required([13, "valid_until"], validity).lastDay;
  const authorityCode = inner.required([14, "authority_code"], text);
  const authorityName = inner.required([15, "authority_name"], text);
  inner.optional([16, "file_number"], text);
  inner.required([17, "document_edition"], edition);
  const portraitSha256 = inner.optional([18, "portrait_sha256"], bytesOf(32)) ?? null;
  const deviceKey = outer.optional([8, "cnf"], confirmation) ?? null;
  inner.close();
  outer.close();
  return checkedOrder({
    credentialId,
    issuer,
    issuedAt,
    notBefore,
    expiresAt,
    name,
    licenceNumber,
    classes: held,
    validFrom,
    validUntil,
    authorityCode,
    authorityName,
    eLicenceId,
    status,
    portraitSha256,
    deviceKey,
  });
}

/** Periods must not end before they begin, and a credential is not signed after its end. */
export function checkedOrder(claims: Claims): Claims {
  if (claims.expiresAt <= claims.notBefore || claims.expiresAt <= claims.issuedAt) {
    throw malformed("claim-value", "exp");
  }
  if (claims.validUntil !== null && claims.validUntil < claims.validFrom) {
    throw malformed("claim-value", "valid_until");
  }
  return claims;
}

function idBytes(value: Value, name: string): string {
  const read = textOf(bytes(value, name));
  if (read === null) throw malformed("claim-value", name);
  return id(read, name);
}

function sex(value: Value, name: string): void {
  const code = unsigned(value, name);
  if (code !== 1 && code !== 2) throw malformed("claim-value", name);
}

function edition(value: Value, name: string): void {
  if (unsigned(value, name) > 0xffff_ffff) throw malformed("claim-value", name);
}

/** A last day, or none for `long-term` (长期). */
export function validity(value: Value, name: string): { readonly lastDay: number | null } {
  if (typeof value !== "string") return { lastDay: day(value, name) };
  if (value !== "long-term") throw malformed("claim-value", name);
  return { lastDay: null };
}

function statusReference(value: Value, name: string): StatusReference {
  const [mechanism, reference] = onlyEntry(value, name);
  if (!(reference instanceof CborMap) || reference.entries.length !== 2) {
    throw malformed("claim-type", name);
  }
  const [[idx, index], [uri, list]] = reference.entries as readonly [Entry, Entry];
  if (typeof mechanism !== "string" || typeof idx !== "string" || typeof uri !== "string") {
    throw malformed("claim-type", name);
  }
  if (mechanism !== "status_list" || idx !== "idx" || uri !== "uri") {
    throw malformed("unknown-claim");
  }
  return {
    list: text(list, name).replace(/^.*\//, ""),
    index: unsigned(index, name),
  };
}

type Entry = readonly [Value, Value];

function onlyEntry(value: Value, name: string): Entry {
  const entry = value instanceof CborMap && value.entries.length === 1 ? value.entries[0] : null;
  if (!entry) throw malformed("claim-type", name);
  return entry;
}

/** The holder's device key as COSE_Key (RFC 8747); P-256 only. */
function confirmation(value: Value, name: string): Bytes {
  const outer = new Fields(value, name);
  const point = outer.required([1, name], coseKey);
  outer.close();
  return point;
}

function coseKey(value: Value, name: string): Bytes {
  const fields = new Fields(value, name);
  const type = fields.required([1, "kty"], (it) => it);
  const curve = fields.required([-1, "crv"], (it) => it);
  const x = fields.required([-2, "x"], bytesOf(32));
  const y = fields.required([-3, "y"], bytesOf(32));
  fields.close();
  if (type !== 2 || curve !== 1) throw malformed("claim-value", name);
  const point = concat(Uint8Array.of(4), x, y);
  if (uncompressed(point, P256) === null) throw malformed("bad-public-key");
  return point;
}
