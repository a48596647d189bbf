// The app's shell, so that it starts without the network: its page and what that loads. Nothing of
// the API passes through here; what an app keeps of a person it keeps itself.

/** Set by the build: the app's name, its page, and the files it needs at once. */
declare const APP: string;
declare const PAGE: string;
declare const SHELL: readonly string[];

const worker = self as unknown as ServiceWorkerGlobalScope;

/** One store for each release: file names carry the hash of what they hold. */
const STORE = `${APP}-${SHELL.map((file) => file.replace(/^.*-|\..*$/g, "")).join("")}`;
/** After how long a page that does not come is taken from the store. */
const PATIENCE_MS = 3_000;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(STORE)
      .then((store) => store.addAll([PAGE, ...SHELL]))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(dropEarlier().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== worker.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(file(request));
});

async function dropEarlier(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(`${APP}-`) && name !== STORE) await caches.delete(name);
  }
}

/** The present release if the server answers in time, else the one that is kept. */
async function page(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.status < 500) return answer;
  } catch {
    // No network: the kept page follows.
  }
  return (await caches.match(PAGE)) ?? Response.error();
}

/** A file with its hash in its name never changes. */
async function file(request: Request): Promise<Response> {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(STORE)).put(request, answer.clone());
  return answer;
}

export {};
