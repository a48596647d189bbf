// What the pages show: the licence as the server last told it, kept for when there is no network.

import { type ELicenceView, type LicenceView, Problem, answered, client } from "@jiazhao/api";
import { ServerClock, Store } from "@jiazhao/ui";
import { computed, ref, shallowRef } from "vue";

export const api = client();
export const clock = new ServerClock();
/** Everything of a person that this browser keeps; signing out empties it. */
export const store = new Store("jiazhao-holder");

export type Session = "unknown" | "out" | "in";

/** The licence pages as they were told at a time. */
export interface Shown {
  readonly at: string;
  /** None where there is no e-licence. */
  readonly eLicence: ELicenceView | null;
  /** The record behind it; who is asked when the licence is not shown. */
  readonly record: LicenceView;
  /** The photo as a data URL. */
  readonly photo: string | null;
}

export const session = ref<Session>("unknown");
export const shown = shallowRef<Shown | null>(null);
/** The last reading did not come from the server. */
export const stale = ref(false);
/** Counts what arrived from `/holder/events`, for pages that read again. */
export const changes = ref(0);

/** Which page of the licence is turned up. */
export const side = ref<"main" | "sub">("main");

export type Colour = "black" | "red" | "hidden";
export const colour = computed<Colour>(() => {
  const told = shown.value?.eLicence?.status.shown;
  return told === "black" || told === "red" ? told : "hidden";
});

const KEPT = "shown";

/** Reads the licence anew; without a network what was kept stands, marked as such. */
export async function read(): Promise<void> {
  try {
    const fresh = await fetchShown();
    clock.set(fresh.at);
    shown.value = fresh;
    stale.value = false;
    session.value = "in";
    await store.put(KEPT, fresh);
  } catch (error) {
    await onFailure(error);
  }
}

async function onFailure(error: unknown): Promise<void> {
  if (!(error instanceof Problem)) throw error;
  if (error.temporary) {
    shown.value ??= (await store.get<Shown>(KEPT)) ?? null;
    stale.value = true;
    session.value = shown.value === null ? "out" : "in";
    return;
  }
  // The server knows nobody here: what was kept of a person goes. The device's key stays, it is
  // worth nothing without the server's binding.
  await forget();
}

async function fetchShown(): Promise<Shown> {
  const record = await answered(api.GET("/api/v1/holder/licence"));
  const eLicence = await eLicenceOrNone();
  const same = shown.value?.eLicence?.id === eLicence?.id ? shown.value?.photo : null;
  const photo = eLicence?.main_page ? (same ?? (await portrait())) : null;
  return { at: eLicence?.server_time ?? record.status.as_of, eLicence, record, photo };
}

async function eLicenceOrNone(): Promise<ELicenceView | null> {
  try {
    return await answered(api.GET("/api/v1/holder/e-licence"));
  } catch (error) {
    if (error instanceof Problem && error.code === "no-e-licence") return null;
    throw error;
  }
}

async function portrait(): Promise<string | null> {
  const answer = await fetch("/api/v1/holder/e-licence/portrait");
  if (!answer.ok) return null;
  const file = await answer.blob();
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve(typeof reader.result === "string" ? reader.result : null);
    };
    reader.readAsDataURL(file);
  });
}

/** Forgets the person on this browser. */
export async function forget(): Promise<void> {
  session.value = "out";
  shown.value = null;
  for (const key of [KEPT, "material", "binding", "push"]) await store.remove(key);
  stopListening();
}

/** Signs out; what else this browser keeps for the person ends with it. */
export async function signOut(endElse: () => Promise<void>): Promise<void> {
  try {
    await answered(api.DELETE("/api/v1/sessions/current"));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
  }
  await endElse();
  await forget();
}

let events: EventSource | null = null;
const KINDS = ["licence", "status", "e-licence", "application", "notification", "binding", "behind"];

/** Hears what changes (R10): each event says only what to read again. */
export function listen(): void {
  if (events !== null) return;
  events = new EventSource("/api/v1/holder/events");
  const onChange = (): void => {
    changes.value += 1;
    void read();
  };
  for (const kind of KINDS) events.addEventListener(kind, onChange);
  let first = true;
  events.onopen = () => {
    // After a gap something may have been missed.
    if (!first || stale.value) onChange();
    first = false;
  };
  events.onerror = () => {
    if (events?.readyState === EventSource.CLOSED) {
      events = null;
      setTimeout(listenAgain, 5_000);
    }
  };
}

function listenAgain(): void {
  if (session.value === "in") listen();
}

function stopListening(): void {
  events?.close();
  events = null;
}
