// Verifies electronic driving licences without a server: codes and credential files, both suites.

export { Memory, type Remembered } from "./memory.ts";
export { type Reason, type ReasonCode, Refused, reason } from "./reason.ts";
export { type Status, type StatusList, StatusLists, openStatusList } from "./status.ts";
export { type TrustList, openTrustList } from "./trust.ts";
export {
  type Against,
  type Answer,
  type CodeKind,
  type CodeShown,
  type Outcome,
  type Summary,
  verify,
} from "./verify.ts";
