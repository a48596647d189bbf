// With ECDSA, (r, s) and (r, n - s) are signatures of the same message, and anybody can make one of
// the other. Where exactly one text may stand for one act, the smaller s is the settled form.

import { P256, integer } from "./curve.ts";
import { ES256, type Suite } from "./key.ts";

export function isSettled(signature: Uint8Array, suite: Suite): boolean {
  return suite.algorithm !== ES256 || integer(signature.subarray(32)) <= P256.n / 2n;
}
