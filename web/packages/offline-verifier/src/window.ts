// For how long a code counts as shown now, in seconds. The reasons stand at the same constants in
// the Rust crate `credential`.

import type { ReasonCode } from "./reason.ts";

export const LASTS = 60;
/** How far the clocks of device and verifier may stand apart. */
export const SKEW = 30;
/** Beyond this a wrong clock is the likely cause, on either side. */
export const CLOCK_OFF = 300;
/** How long a renewal stamp holds. */
export const STAMP_LASTS = 7 * 24 * 3600;

/** Why a code of this time does not count as shown now; null where it does. */
export function outsideWindow(time: number, now: number): ReasonCode | null {
  const age = now - time;
  if (age >= -SKEW && age <= LASTS) return null;
  return Math.abs(age) <= CLOCK_OFF ? "not-fresh" : "clock-off";
}

/** Why a stamp of this time does not hold now; null where it does. */
export function lapsed(renewedAt: number, now: number): ReasonCode | null {
  if (now >= renewedAt + STAMP_LASTS) return "stamp-stale";
  return renewedAt - now > SKEW ? "stamp-not-yet-valid" : null;
}
