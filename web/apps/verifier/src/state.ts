// Who checks, and the check of one code: online where the server answers, else offline.

import {
  type Measure,
  Problem,
  type Purpose,
  type SessionView,
  type VerificationView,
  answered,
  client,
} from "@jiazhao/api";
import { ref, shallowRef } from "vue";

import { type OfflineResult, checkOffline, learn } from "./offline.ts";

/** Longer than a check takes, short enough for a person who waits. */
const PATIENCE_MS = 6_000;
export const api = client(PATIENCE_MS);

const KEPT = "jiazhao-verifier";

/** The session without its secret, which is a cookie that no script reads. */
type Kept = Pick<SessionView, "expires_at" | "office" | "roles" | "recovery_codes_left">;

export const session = shallowRef<Kept | null>(kept());

function kept(): Kept | null {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "null") as Kept | null;
    return found !== null && Date.parse(found.expires_at) > Date.now() ? found : null;
  } catch {
    return null;
  }
}

export function entered(view: SessionView): void {
  session.value = {
    expires_at: view.expires_at,
    office: view.office ?? null,
    roles: view.roles,
    ...(view.recovery_codes_left === undefined
      ? {}
      : { recovery_codes_left: view.recovery_codes_left }),
  };
  localStorage.setItem(KEPT, JSON.stringify(session.value));
  void learn();
}

/** Signed in, but good for nothing until the second factor is set up. */
export const enrolling = ref(false);

export async function signOut(): Promise<void> {
  try {
    await answered(api.DELETE("/api/v1/sessions/current"));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
  left();
}

function left(): void {
  enrolling.value = false;
  session.value = null;
  localStorage.removeItem(KEPT);
}

export interface Question {
  readonly purpose: Purpose;
  readonly vehicleClass: string;
  readonly measure: Measure;
}

export type Result =
  | { readonly way: "online"; readonly view: VerificationView }
  | { readonly way: "offline"; readonly answer: OfflineResult; readonly because: Problem }
  | { readonly way: "refused"; readonly problem: Problem };

export const result = shallowRef<Result | null>(null);
export const busy = ref(false);

/** Checks a code. Without an answer from the server what can be known offline is told as such. */
export async function check(code: string, question: Question): Promise<void> {
  if (busy.value) return;
  busy.value = true;
  result.value = null;
  try {
    result.value = await asked(code, question);
  } finally {
    busy.value = false;
  }
}

async function asked(code: string, question: Question): Promise<Result> {
  try {
    const view = await answered(
      api.POST("/api/v1/verifications", {
        body: {
          code,
          purpose: question.purpose,
          measure: question.measure,
          ...(question.vehicleClass === "" ? {} : { class: question.vehicleClass }),
        },
      }),
    );
    return { way: "online", view };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.view?.status === 401) left();
    if (!error.temporary) return { way: "refused", problem: error };
    return { way: "offline", answer: await checkOffline(code), because: error };
  }
}

/** What was read or typed as the code it is: digits in any grouping, or a code's own text. */
export function codeOf(read: string): string {
  const digits = read.replace(/[\s-]/g, "");
  return /^\d+$/.test(digits) ? digits : read;
}
