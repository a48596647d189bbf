// The answer to an offline check: separate facts, never one boolean. What could not be checked is
// its own outcome: never "valid", and never said of a licence that nobody has called invalid.

import { type Bytes, equal, sha256 } from "./bytes.ts";
import type { Integer } from "./cbor.ts";
import { type Claims, readLicence } from "./claims.ts";
import { type OfflineCode, type Stamp, madeBy, parseCode, stampToBeSigned } from "./code.ts";
import { LICENCE, type Sign1, parse, signedBy } from "./cose.ts";
import { PREFIX } from "./forms.ts";
import { verifies } from "./key.ts";
import { Memory } from "./memory.ts";
import { isNumericCode } from "./numeric.ts";
import { ENFORCEMENT_PROFILE, PUBLIC_PROFILE, type Profile, readProfile } from "./profile.ts";
import { type Reason, type ReasonCode, Refused, malformed, reason } from "./reason.ts";
import { isSettled } from "./signature.ts";
import type { Known, Status, StatusLists } from "./status.ts";
import { type TrustList, type TrustedKey, isStale, mayHaveSigned } from "./trust.ts";
import { lapsed, outsideWindow } from "./window.ts";

/** `good`: authentic, fresh, and a valid status known in its time. */
export type Outcome = "good" | "failed" | "unchecked";

export interface Answer {
  readonly authentic: boolean;
  readonly fresh: boolean;
  readonly status: Status;
  readonly status_as_of: string | null;
  /** `portrait-shown`: an authentic portrait is there to compare the face with. */
  readonly person: "not-compared" | "portrait-shown";
  readonly reasons: readonly Reason[];
  readonly by: SignedBy | null;
  readonly licence: Summary | null;
  readonly code: CodeShown | null;
  readonly trust_list: TrustListUsed;
  readonly outcome: Outcome;
}

export interface SignedBy {
  readonly issuer: string;
  readonly key_id: string;
  readonly suite: string;
}

export type CodeKind = "numeric" | "dynamic" | "offline" | "enforcement";

/** The code that was shown. */
export interface CodeShown {
  readonly kind: CodeKind;
  readonly made_at: string | null;
  /** When the server last saw the device, in an offline code. */
  readonly renewed_at: string | null;
  readonly address_left_out: boolean;
  /** The authentic portrait, WebP. */
  readonly portrait: Bytes | null;
}

const NO_CODE = { renewed_at: null, address_left_out: false, portrait: null } as const;

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
  readonly authority_code: string;
  readonly authority_name: string | null;
  readonly issued_at: string;
  readonly expires_at: string;
}

export interface TrustListUsed {
  readonly version: Integer;
  readonly issued_at: string;
  readonly next_update: string;
  readonly stale: boolean;
  /** Whether this verifier has seen a later version: somebody gave it an old one. */
  readonly rolled_back: boolean;
}

/** Largest credential, and largest profile, in bytes. */
const MAX_CREDENTIAL = 8192;
const MAX_PROFILE = 1024;

/** A credential that a trusted key signed. */
interface Verified<C extends Claims> {
  readonly claims: C;
  readonly key: TrustedKey;
}

export interface Against {
  readonly trust: TrustList;
  /** Without any, every status is unknown. */
  readonly lists?: StatusLists;
  readonly memory?: Memory;
  /** Seconds since 1970. */
  readonly now: number;
}

/**
 * Checks a code's text, or a credential's bytes, with nothing but a trust list, status lists, and what
 * this verifier remembers. Never throws for what it was given: the answer says it.
 */
export async function verify(shown: string | Uint8Array, against: Against): Promise<Answer> {
  const draft = new Draft(against.trust, against.now);
  try {
    if (typeof shown === "string") await checkCode(draft, shown, against);
    else await checkCredential(draft, shown, against);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    draft.refuse(error.reason);
  }
  return draft.finished(against.memory);
}

async function checkCredential(draft: Draft, shown: Uint8Array, against: Against): Promise<void> {
  if (shown.length > MAX_CREDENTIAL) throw malformed("too-large");
  const signed = parse(shown, [LICENCE]);
  const key = trusted(signed, against.trust, () => unknownKey(signed, against.trust));
  const verified = await believed(signed, key, (payload) => {
    distrusted(key);
    return readLicence(payload);
  });
  if (verified.claims.issuer !== key.issuer) throw new Refused("issuer-mismatch");
  if (!mayHaveSigned(key, verified.claims.issuedAt)) throw new Refused("key-not-valid-then");
  draft.authentic(verified);
  draft.leaveOpen("not-fresh", "status-unknown");
}

async function checkCode(draft: Draft, text: string, against: Against): Promise<void> {
  if (!text.startsWith(PREFIX) && isNumericCode(text)) {
    draft.onlineOnly("numeric", null);
    return;
  }
  const code = parseCode(text);
  if (code.kind === "dynamic") {
    draft.onlineOnly("dynamic", code.time);
    return;
  }
  const verified = await authenticate(code, against.trust);
  draft.authentic(verified);
  draft.ofCode(code, verified.claims);
  draft.shownNow(code, verified.claims, against.memory ?? new Memory());
  const { status, issuedAt } = verified.claims;
  draft.withStatus(against.lists?.value(status, issuedAt, against.now) ?? null);
}

/** Everything in an offline code that does not depend on a clock. */
async function authenticate(
  code: OfflineCode,
  trust: TrustList,
): Promise<Verified<Profile>> {
  if (code.profile.length > MAX_PROFILE) throw malformed("too-large");
  const signed = parse(code.profile, [PUBLIC_PROFILE, ENFORCEMENT_PROFILE]);
  const enforcement = signed.content === ENFORCEMENT_PROFILE;
  const key = trusted(signed, trust, () => "foreign-issuer");
  const verified = await believed(signed, key, (payload) => {
    if (!isSettled(signed.signature, key.key.suite)) throw new Refused("signature-malleated");
    distrusted(key);
    return readProfile(payload, enforcement);
  });
  const { claims } = verified;
  if (!mayHaveSigned(key, claims.issuedAt)) throw new Refused("key-not-valid-then");
  if (!(await madeBy(code, claims.deviceKey))) throw new Refused("bad-device-signature");
  // No portrait at all is the holder's choice; another's is not.
  if (code.portrait !== null && !(await isPortrait(code.portrait, claims.portraitSha256))) {
    throw new Refused("portrait-mismatch");
  }
  await checkStamp(code.stamp, claims.credentialBytes, trust);
  return verified;
}

async function isPortrait(portrait: Bytes, expected: Bytes | null): Promise<boolean> {
  return expected !== null && equal(await sha256(portrait), expected);
}

/** Whether an online key of the trust list stamped this credential. */
async function checkStamp(stamp: Stamp, credentialId: Bytes, trust: TrustList): Promise<void> {
  const key = trust.keys.get(stamp.keyId);
  if (key === undefined) throw new Refused("stamp-key-unknown");
  if (key.use !== "online") throw new Refused("key-wrong-use");
  const message = stampToBeSigned(stamp, credentialId);
  if (!(await verifies(key.key, message, stamp.signature))) throw new Refused("stamp-mismatch");
  if (!isSettled(stamp.signature, key.key.suite)) throw new Refused("stamp-malleated");
  if (key.state === "revoked") throw new Refused("stamp-key-distrusted");
  if (!mayHaveSigned(key, stamp.renewedAt)) throw new Refused("stamp-key-not-valid-then");
}

function trusted(signed: Sign1, trust: TrustList, unknown: () => ReasonCode): TrustedKey {
  const key = trust.keys.get(signed.keyId);
  if (key === undefined) throw new Refused(unknown());
  if (signed.algorithm !== key.key.suite.algorithm) throw new Refused("algorithm-mismatch");
  if (key.use !== "licence") throw new Refused("key-wrong-use");
  return key;
}

async function believed<C extends Claims>(
  signed: Sign1,
  key: TrustedKey,
  read: (payload: Bytes) => C,
): Promise<Verified<C>> {
  if (!(await signedBy(key.key, signed))) throw new Refused("bad-signature");
  return { claims: read(signed.payload), key };
}

function distrusted(key: TrustedKey): void {
  if (key.state === "revoked") throw new Refused("key-distrusted");
}

/** Under a key that nobody knows: somebody else's credential, or one that uses our issuer's name. */
function unknownKey(signed: Sign1, trust: TrustList): ReasonCode {
  try {
    const { issuer } = readLicence(signed.payload);
    const ours = [...trust.keys.values()].some((key) => key.issuer === issuer);
    return ours ? "re-signed" : "foreign-issuer";
  } catch {
    return "foreign-issuer";
  }
}

/** What a list that is not the newest may lack: nobody is called a forger for it. */
const NEWER_LIST_MAY_KNOW: readonly string[] = ["foreign-issuer", "re-signed", "stamp-key-unknown"];

class Draft {
  private readonly trust: TrustList;
  private readonly now: number;
  private readonly stale: boolean;
  private readonly reasons: Reason[] = [];
  private outcome: Outcome = "good";
  private verified: Verified<Claims> | null = null;
  private fresh = false;
  private status: Status = "unknown";
  private statusAsOf: number | null = null;
  private code: CodeShown | null = null;

  constructor(trust: TrustList, now: number) {
    this.trust = trust;
    this.now = now;
    this.stale = isStale(trust, now);
  }

  refuse(why: Reason): void {
    if (this.stale && NEWER_LIST_MAY_KNOW.includes(why.code)) {
      this.leaveOpen("key-unknown");
    } else {
      this.reasons.push(why);
      this.outcome = "failed";
    }
  }

  authentic(verified: Verified<Claims>): void {
    this.verified = verified;
    for (const code of notInForce(verified.claims, this.now)) this.fail(code);
  }

  /** Codes that only the server can tell: never good here. */
  onlineOnly(kind: CodeKind, time: number | null): void {
    this.code = { ...NO_CODE, kind, made_at: time === null ? null : instantText(time) };
    // Nobody vouches for the time; but one that is past makes a good answer impossible.
    const why = time === null ? null : outsideWindow(time, this.now);
    if (why !== null) this.fail(why);
    this.leaveOpen("needs-server");
  }

  ofCode(code: OfflineCode, claims: Profile): void {
    this.code = {
      kind: claims.enforcement ? "enforcement" : "offline",
      made_at: instantText(code.time),
      renewed_at: instantText(code.stamp.renewedAt),
      address_left_out: claims.addressLeftOut,
      portrait: code.portrait,
    };
  }

  shownNow(code: OfflineCode, claims: Profile, memory: Memory): void {
    const outside = outsideWindow(code.time, this.now);
    const lapse = lapsed(code.stamp.renewedAt, this.now);
    if (outside !== null) {
      this.fail(outside);
    } else if (!memory.isNew(claims.credentialId, code.time, this.now)) {
      this.fail("code-used");
      return;
    }
    if (lapse !== null) this.fail(lapse);
    this.fresh = outside === null && lapse === null;
  }

  withStatus(known: Known | null): void {
    if (known === null) {
      this.leaveOpen("status-unknown");
      return;
    }
    this.statusAsOf = known.asOf;
    if (known.stale) {
      this.leaveOpen("status-list-stale");
      return;
    }
    this.status = known.status;
    if (known.status === "unknown") this.leaveOpen("status-unknown");
    else if (known.status !== "valid") this.fail(`status-${known.status}`);
  }

  leaveOpen(...codes: ReasonCode[]): void {
    this.reasons.push(...codes.map(reason));
    if (this.outcome === "good") this.outcome = "unchecked";
  }

  finished(memory: Memory | undefined): Answer {
    if (this.stale) this.leaveOpen("trust-list-stale");
    const rolledBack = memory?.isRolledBack(this.trust.version) ?? false;
    if (rolledBack) this.leaveOpen("trust-list-rolled-back");
    return {
      authentic: this.verified !== null,
      fresh: this.fresh,
      status: this.status,
      status_as_of: this.statusAsOf === null ? null : instantText(this.statusAsOf),
      person: this.code?.portrait ? "portrait-shown" : "not-compared",
      reasons: this.reasons,
      by: this.verified && signedByWhom(this.verified),
      licence: this.verified && summary(this.verified.claims),
      code: this.code,
      trust_list: {
        version: this.trust.version,
        issued_at: instantText(this.trust.issuedAt),
        next_update: instantText(this.trust.nextUpdate),
        stale: this.stale,
        rolled_back: rolledBack,
      },
      outcome: this.outcome,
    };
  }

  private fail(code: ReasonCode): void {
    this.reasons.push(reason(code));
    this.outcome = "failed";
  }
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

function signedByWhom({ key }: Verified<Claims>): SignedBy {
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
    authority_code: claims.authorityCode,
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
