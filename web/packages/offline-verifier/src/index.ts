export { type Answer, type Outcome, type Status, checkCredential } from "./verify.ts";
export { type Reason, Refused } from "./reason.ts";
export { type TrustList, openTrustList } from "./trust.ts";
