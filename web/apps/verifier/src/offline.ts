// What can be known without the server: the trust list and the status lists that this browser kept
// when it last had a network, and the offline verifier over them.

import type { StatusListsView } from "@jiazhao/api";
import {
  type Answer,
  Memory,
  Refused,
  type Remembered,
  StatusLists,
  type TrustList,
  openStatusList,
  openTrustList,
  verify,
} from "@jiazhao/offline-verifier";
import { Store } from "@jiazhao/ui";
import { ref } from "vue";

/** Public data and what was seen in the last minutes: no person's. */
const store = new Store("jiazhao-verifier");

/** When the lists were last fetched, in milliseconds since 1970. */
export const known = ref<number | null>(null);

export interface OfflineResult {
  readonly at: number;
  /** None where this browser never had a trust list. */
  readonly answer: Answer | null;
  /** The portrait that the code carries, as a data URL. */
  readonly portrait: string | null;
}

/** How many lists are kept at most: half a megabyte each at the worst. */
const MOST_LISTS = 64;
const EVERY_MS = 5 * 60_000;

/** What the browser keeps for its minutes may lack a new key, or still trust one that was revoked. */
const ASKED_AGAIN = { cache: "no-cache" } as const;

interface Kept {
  readonly at: number;
  readonly trust: string;
  readonly lists: readonly Uint8Array[];
}

let learning: Promise<void> | null = null;

/** Fetches what offline checks need, and again every few minutes while there is a network. */
export function learn(): Promise<void> {
  learning ??= fetchAll()
    .catch(() => {
      // What was kept before stands.
    })
    .finally(() => {
      learning = null;
      setTimeout(() => void learn(), EVERY_MS);
    });
  return learning;
}

async function fetchAll(): Promise<void> {
  known.value ??= (await store.get<Kept>("kept"))?.at ?? null;
  const answer = await fetch("/api/v1/trust-list", ASKED_AGAIN);
  if (!answer.ok) return;
  const trust = await answer.text();
  await openTrustList(trust);
  const lists: Uint8Array[] = [];
  for (const number of await published()) {
    const list = await fetchList(number);
    if (list !== null) lists.push(list);
  }
  const kept: Kept = { at: Date.now(), trust, lists };
  await store.put("kept", kept);
  known.value = kept.at;
}

/** The numbers of the lists that there are, the newest first: they hold what is bound today. */
async function published(): Promise<readonly string[]> {
  const answer = await fetch("/api/v1/status-lists", ASKED_AGAIN);
  if (!answer.ok) return [];
  const { status_lists: lists } = (await answer.json()) as StatusListsView;
  const numbers = lists.map((address) => address.replace(/^.*\//, ""));
  return numbers.sort((a, b) => Number(b) - Number(a)).slice(0, MOST_LISTS);
}

/** The list for authorised verifiers, which tells red apart; else the public one. */
async function fetchList(number: string): Promise<Uint8Array | null> {
  for (const path of ["/api/v1/verifier/status-lists", "/api/v1/status-lists"]) {
    const answer = await fetch(`${path}/${number}`, {
      ...ASKED_AGAIN,
      headers: { accept: "application/statuslist+cwt" },
    });
    if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  }
  return null;
}

/** Checks a code with what is kept. Without a trust list nothing at all is known. */
export async function checkOffline(code: string): Promise<OfflineResult> {
  const at = Date.now();
  const kept = await store.get<Kept>("kept");
  if (kept === undefined) return { at, answer: null, portrait: null };
  known.value = kept.at;
  const trust = await openTrustList(kept.trust);
  const memory = new Memory(await store.get<Remembered>("memory"));
  const lists = await held(kept.lists, trust);
  const answer = await verify(code, { trust, lists, memory, now: at / 1000 });
  await store.put("memory", memory.toJSON());
  return { at, answer, portrait: dataUrl(answer.code?.portrait ?? null) };
}

/** A list that is not believed is as good as none. */
async function held(files: readonly Uint8Array[], trust: TrustList): Promise<StatusLists> {
  const lists = new StatusLists();
  for (const file of files) {
    try {
      lists.hold(await openStatusList(file, trust));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return lists;
}

function dataUrl(webp: Uint8Array | null): string | null {
  if (webp === null) return null;
  const binary = Array.from(webp, (byte) => String.fromCharCode(byte)).join("");
  return `data:image/webp;base64,${btoa(binary)}`;
}
