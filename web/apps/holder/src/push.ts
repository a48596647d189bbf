// Whether this browser is told what the inbox says (Web Push): what it can, what the person chose, and
// what the server knows of it.

import { type PushView, Problem, answered } from "@jiazhao/api";
import { ref } from "vue";

import { bytesOf, toBase64Url } from "@jiazhao/offline-verifier/forms";
import { api, store } from "./state.ts";

/**
 * `absent`: nothing is pushed by this server; `unsupported`: not in this browser; `denied`: the person
 * told the browser so; `failed`: its push service did not answer.
 */
export type Push = "unknown" | "absent" | "unsupported" | "denied" | "off" | "on" | "failed";

export const push = ref<Push>("unknown");

/** The address that the server was told last; there while the person is signed in and has it on. */
const TOLD = "push";

function supported(): boolean {
  return "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;
}

/** How long the service worker may take to be there: without one there is nobody to tell. */
const PATIENCE_MS = 5_000;

async function manager(): Promise<PushManager | null> {
  const late = new Promise<null>((resolve) => {
    setTimeout(() => {
      resolve(null);
    }, PATIENCE_MS);
  });
  const worker = await Promise.race([navigator.serviceWorker.ready, late]);
  return worker?.pushManager ?? null;
}

/**
 * Brings this browser and the server to the same mind. A subscription of which the server does not know
 * was somebody else's who used this browser: it ends, so that nobody hears of another's messages.
 */
export async function settle(): Promise<void> {
  const known = await answered(api.GET("/api/v1/holder/push-subscriptions"));
  const { application_server_key: key } = known;
  if (!key) {
    push.value = "absent";
    return;
  }
  const service = supported() ? await manager() : null;
  if (service === null) {
    push.value = "unsupported";
    return;
  }
  const here = await service.getSubscription();
  const told = known.subscriptions.some((one) => one.this_device);
  if (here !== null && told && isFor(here, known)) {
    await tellAnew(here);
    push.value = "on";
    return;
  }
  await here?.unsubscribe();
  if (told) await answered(api.DELETE("/api/v1/holder/push-subscriptions"));
  push.value = (await again(key)) ? "on" : silent();
}

/** Whoever had it on and is still signed in has it on again, when browser or server lost it. */
async function again(key: string): Promise<boolean> {
  const wanted = (await store.get<string>(TOLD)) !== undefined;
  if (!wanted || Notification.permission !== "granted") return false;
  const made = await subscribed(key);
  if (made === null) return false;
  await tell(made);
  return true;
}

const silent = (): Push => (Notification.permission === "denied" ? "denied" : "off");

/** Whether it was made for the key that the server has now. */
function isFor(here: PushSubscription, known: PushView): boolean {
  const key = here.options.applicationServerKey;
  return key !== null && toBase64Url(new Uint8Array(key)) === known.application_server_key;
}

/** A browser may have changed its address since it was told. */
async function tellAnew(here: PushSubscription): Promise<void> {
  if ((await store.get<string>(TOLD)) !== here.endpoint) await tell(here);
}

/** Asks the person, subscribes at the browser's push service, and tells the server. */
export async function turnOn(): Promise<void> {
  const { application_server_key: key } = await answered(
    api.GET("/api/v1/holder/push-subscriptions"),
  );
  if (!key) {
    push.value = "absent";
    return;
  }
  if ((await Notification.requestPermission()) !== "granted") {
    push.value = silent();
    return;
  }
  const made = await subscribed(key);
  if (made === null) {
    push.value = "failed";
    return;
  }
  try {
    await tell(made);
    push.value = "on";
  } catch (error) {
    // What the server does not know must not stand.
    await made.unsubscribe();
    push.value = "off";
    throw error;
  }
}

async function subscribed(key: string): Promise<PushSubscription | null> {
  try {
    const made = (await manager())?.subscribe({
      userVisibleOnly: true,
      applicationServerKey: bytesOf(key),
    });
    return (await made) ?? null;
  } catch {
    // No push service behind this browser, or no way to it.
    return null;
  }
}

async function tell(made: PushSubscription): Promise<void> {
  const { endpoint, keys } = made.toJSON();
  const [p256dh, auth] = [keys?.["p256dh"], keys?.["auth"]];
  if (endpoint === undefined || p256dh === undefined || auth === undefined) throw new Problem(null);
  const body = { endpoint, keys: { p256dh: unpadded(p256dh), auth: unpadded(auth) } };
  await answered(api.PUT("/api/v1/holder/push-subscriptions", { body }));
  await store.put(TOLD, endpoint);
}

const unpadded = (text: string): string => text.replace(/=+$/, "");

export async function turnOff(): Promise<void> {
  await answered(api.DELETE("/api/v1/holder/push-subscriptions"));
  await endHere();
  push.value = "off";
}

/** Ends it in this browser; the server ends its own when somebody signs out. */
export async function endHere(): Promise<void> {
  await store.remove(TOLD);
  if (!supported()) return;
  const registration = await navigator.serviceWorker.getRegistration();
  const here = await registration?.pushManager.getSubscription();
  await here?.unsubscribe();
}
