// The holder-bound profiles (持证人绑定凭证): what an offline code carries of a licence, signed by an
// issuer and bound to the key of the holder's device.

import { type Bytes, hex } from "./bytes.ts";
import { type Value, decode } from "./cbor.ts";
import { type Claims, checkedOrder, validity } from "./claims.ts";
import { P256, decompress } from "./curve.ts";
import { Fields, bytes, bytesOf, classes, day, instant, items, text, unsigned } from "./fields.ts";
import { malformed } from "./reason.ts";

export const PUBLIC_PROFILE = "jz-offline";
export const ENFORCEMENT_PROFILE = "jz-enforce";

/** What a profile says beyond other credentials. */
export interface Profile extends Claims {
  /** 16 bytes; `credentialId` is the same in hexadecimal. */
  readonly credentialBytes: Bytes;
  readonly deviceKey: Bytes;
  readonly enforcement: boolean;
  readonly addressLeftOut: boolean;
}

export function readProfile(payload: Bytes, enforcement: boolean): Profile {
  const outer = new Fields(decode(payload), "claims");
  const inner = outer.required([-65_538, "profile"], (value, name) => new Fields(value, name));
  const credentialBytes = outer.required([7, "cti"], bytesOf(16));
  const issuedAt = outer.required([6, "iat"], instant);
  const notBefore = outer.required([5, "nbf"], instant);
  const expiresAt = outer.required([4, "exp"], instant);
  const name = inner.required([1, "name"], text);
  const licenceNumber = inner.required([2, "masked_number"], masked);
  const held = inner.required([3, "classes"], classes);
  const validFrom = inner.required([4, "valid_from"], day);
  const validUntil = inner.required([5, "valid_until"], validity).lastDay;
  const authorityCode = inner.required([6, "authority_code"], text);
  const status = inner.required([7, "status"], place);
  const deviceKey = inner.required([9, "device_key"], device);
  const portraitSha256 = enforcement
    ? null
    : (inner.optional([8, "portrait_sha256"], bytesOf(32)) ?? null);
  if (enforcement) inner.required([10, "rest"], sealed);
  const leftOut = enforcement ? inner.optional([11, "address_left_out"], onlyTrue) : undefined;
  inner.close();
  outer.close();
  const claims: Profile = {
    credentialId: hex(credentialBytes),
    credentialBytes,
    issuer: null,
    issuedAt,
    notBefore,
    expiresAt,
    name,
    licenceNumber,
    classes: held,
    validFrom,
    validUntil,
    authorityCode,
    authorityName: null,
    eLicenceId: null,
    status,
    portraitSha256,
    deviceKey,
    enforcement,
    addressLeftOut: leftOut ?? false,
  };
  checkedOrder(claims);
  return claims;
}

/** Characters shown at each end of a licence number, at most. */
const SHOWN = 4;

/** A licence number of which the middle is hidden: a full number never is one. */
function masked(value: Value, name: string): string {
  const number = [...text(value, name)];
  const shown = Math.min(SHOWN, Math.floor(number.length / 3));
  const middle = number.slice(shown, number.length - shown);
  if (middle.some((character) => character !== "*")) throw malformed("claim-value", name);
  return number.join("");
}

function place(value: Value, name: string): Claims["status"] {
  const [list, index, ...more] = items(value, name);
  if (list === undefined || index === undefined || more.length > 0) {
    throw malformed("claim-type", name);
  }
  return { list: String(unsigned(list, name)), index: unsigned(index, name) };
}

function device(value: Value, name: string): Bytes {
  const point = decompress(bytes(value, name), P256);
  if (point === null) throw malformed("bad-public-key");
  return point;
}

/** Bytes of GCM's tag, which end every ciphertext. */
const TAG = 16;

function sealed(value: Value, name: string): true {
  const [enc, ciphertext, ...more] = items(value, name);
  if (enc === undefined || ciphertext === undefined || more.length > 0) {
    throw malformed("claim-type", name);
  }
  if (bytes(ciphertext, name).length <= TAG) throw malformed("claim-value", name);
  bytesOf(32)(enc, name);
  return true;
}

function onlyTrue(value: Value, name: string): true {
  if (value !== true) throw malformed("claim-type", name);
  return value;
}
