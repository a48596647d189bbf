// The answer to an offline check: separate facts, never one boolean. What could not be checked is
// its own outcome: never "valid", and never said of a licence that nobody has called invalid.

import type { Bytes } from "./bytes.ts";
import { type Claims, readLicence } from "./claims.ts";
import { LICENCE, type Sign1, parse, signedBy } from "./cose.ts";
import { type Reason, type ReasonCode, Refused, malformed, reason } from "./reason.ts";
import { type TrustList, type TrustedKey, isStale, mayHaveSigned } from "./trust.ts";

/** `good`: authentic, fresh, and a valid status known in its time. */
export type Outcome = "good" | "failed" | "unchecked";
export type Status = "valid" | "invalid" | "suspended" | "red" | "unknown";

export interface Answer {
  readonly authentic: boolean;
  readonly fresh: boolean;
  readonly status: Status;
  readonly status_as_of: string | null;
  readonly person: "not-compared";
  readonly reasons: readonly Reason[];
  readonly by: SignedBy | null;
  readonly licence: Summary | null;
  readonly trust_list: TrustListUsed;
  readonly outcome: Outcome;
}

export interface SignedBy {
  readonly issuer: string;
  readonly key_id: string;
  readonly suite: string;
}

/** The claims that a person compares with what is shown. */
export interface Summary {
  readonly credential_id: string;
  readonly e_licence_id: string | null;
  readonly name: string;
  readonly licence_number: string;
  readonly classes: readonly string[];
  readonly valid_from: string;
  /** The last day, null where it is long-term (长期). */
  readonly valid_until: string | null;
  readonly authority_name: string | null;
  readonly issued_at: string;
  readonly expires_at: string;
}

export interface TrustListUsed {
  readonly version: string;
  readonly issued_at: string;
  readonly next_update: string;
  readonly stale: boolean;
}

/** Largest credential in bytes. */
const MAX_CREDENTIAL = 8192;

/** A credential that a trusted key signed. */
export interface Verified {
  readonly claims: Claims;
  readonly key: TrustedKey;
}

export async function verifyCredential(bytes: Bytes, trust: TrustList): Promise<Verified> {
  if (bytes.length > MAX_CREDENTIAL) throw malformed("too-large");
  const signed = parse(bytes, [LICENCE]);
  return believed(signed, trust, readLicence);
}

async function believed(
  signed: Sign1,
  trust: TrustList,
  read: (payload: Bytes) => Claims,
): Promise<Verified> {
  const key = trust.keys.get(signed.keyId);
  if (key === undefined) throw new Refused(unknownKey(signed, trust, read));
  if (signed.algorithm !== key.key.suite.algorithm) throw new Refused("algorithm-mismatch");
  if (!(await signedBy(key.key, signed))) throw new Refused("bad-signature");
  if (key.state === "revoked") throw new Refused("key-distrusted");
  const claims = read(signed.payload);
  if (claims.issuer !== null && claims.issuer !== key.issuer) throw new Refused("issuer-mismatch");
  if (!mayHaveSigned(key, claims.issuedAt)) throw new Refused("key-not-valid-then");
  return { claims, key };
}

/** Under a key that nobody knows: somebody else's credential, or one that uses our issuer's name. */
function unknownKey(
  signed: Sign1,
  trust: TrustList,
  read: (payload: Bytes) => Claims,
): ReasonCode {
  try {
    const { issuer } = read(signed.payload);
    const ours = [...trust.keys.values()].some((key) => key.issuer === issuer);
    return ours ? "re-signed" : "foreign-issuer";
  } catch {
    return "foreign-issuer";
  }
}

/** Checks a credential file with nothing but a trust list, at an instant (seconds since 1970). */
export async function checkCredential(
  bytes: Bytes,
  trust: TrustList,
  now: number,
): Promise<Answer> {
  let verified: Verified;
  try {
    verified = await verifyCredential(bytes, trust);
  } catch (error) {
    return refused(error, trust, now);
  }
  const against = notInForce(verified.claims, now);
  return {
    ...blank(trust, now),
    authentic: true,
    outcome: against.length > 0 ? "failed" : "unchecked",
    by: signedByWhom(verified),
    licence: summary(verified.claims),
    reasons: withStaleness([...against, "not-fresh", "status-unknown"], trust, now),
  };
}

function refused(error: unknown, trust: TrustList, now: number): Answer {
  if (!(error instanceof Refused)) throw error;
  const { code } = error.reason;
  // A key that a stale list does not know may be in the next one, so nobody is called a forger for
  // it. Anything else is wrong whatever a newer list says.
  const newerListMayKnow = code === "foreign-issuer" || code === "re-signed";
  const pardoned = isStale(trust, now) && newerListMayKnow;
  return {
    ...blank(trust, now),
    outcome: pardoned ? "unchecked" : "failed",
    reasons: [
      pardoned ? reason("key-unknown") : error.reason,
      ...withStaleness([], trust, now),
    ],
  };
}

function blank(trust: TrustList, now: number): Answer {
  return {
    authentic: false,
    fresh: false,
    status: "unknown",
    status_as_of: null,
    person: "not-compared",
    reasons: [],
    by: null,
    licence: null,
    trust_list: {
      version: trust.version,
      issued_at: instantText(trust.issuedAt),
      next_update: instantText(trust.nextUpdate),
      stale: isStale(trust, now),
    },
    outcome: "unchecked",
  };
}

function withStaleness(codes: readonly ReasonCode[], trust: TrustList, now: number): Reason[] {
  const reasons = codes.map(reason);
  if (isStale(trust, now)) reasons.push(reason("trust-list-stale"));
  return reasons;
}

/** What the claims themselves say against their use at this instant. */
function notInForce(claims: Claims, now: number): ReasonCode[] {
  const today = dayInChina(now);
  const found: ReasonCode[] = [];
  if (now >= claims.expiresAt) found.push("credential-expired");
  if (now < claims.notBefore) found.push("credential-not-yet-valid");
  if (claims.validUntil !== null && today > claims.validUntil) found.push("licence-expired");
  if (today < claims.validFrom) found.push("licence-not-yet-valid");
  return found;
}

function signedByWhom({ key }: Verified): SignedBy {
  return { issuer: key.issuer, key_id: key.key.keyId, suite: key.key.suite.text };
}

function summary(claims: Claims): Summary {
  return {
    credential_id: claims.credentialId,
    e_licence_id: claims.eLicenceId,
    name: claims.name,
    licence_number: claims.licenceNumber,
    classes: claims.classes,
    valid_from: dayText(claims.validFrom),
    valid_until: claims.validUntil === null ? null : dayText(claims.validUntil),
    authority_name: claims.authorityName,
    issued_at: instantText(claims.issuedAt),
    expires_at: instantText(claims.expiresAt),
  };
}

const DAY = 86_400;

/** The zone has been eight hours ahead, without summer time, since 1991. */
function dayInChina(now: number): number {
  return Math.floor((now + 8 * 3600) / DAY);
}

function dayText(days: number): string {
  return instantText(days * DAY).replace(/T.*$/, "");
}

function instantText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
