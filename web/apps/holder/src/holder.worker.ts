// The holder's service worker: the shell, and what is told while no page is open.

import { Store } from "@jiazhao/ui/store";
import "@jiazhao/ui/shell.worker";

import { type Language, linkOf, told } from "./told.ts";

const worker = self as unknown as ServiceWorkerGlobalScope;
const store = new Store("jiazhao-holder");

worker.addEventListener("push", (event) => {
  event.waitUntil(show(event.data?.text() ?? null));
});

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const data: unknown = event.notification.data;
  event.waitUntil(open(linkOf(data)));
});

/** Every push is shown: browsers take the leave back from those that are not. */
async function show(text: string | null): Promise<void> {
  const { title, body, tag, link } = told(text, await language());
  await worker.registration.showNotification(title, {
    body,
    tag,
    data: link,
    icon: "/icon-192.png",
    badge: "/icon-192.png",
    lang: (await language()) === "en" ? "en" : "zh-CN",
  });
}

/** The language of the page when it was last open. */
async function language(): Promise<Language> {
  try {
    return (await store.get<Language>("language")) === "en" ? "en" : "zh";
  } catch {
    return "zh";
  }
}

/** The page that is open comes to the front; where none is, one opens. */
async function open(link: string): Promise<void> {
  const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const own = pages.find((page) => !new URL(page.url).pathname.startsWith("/verify"));
  if (own === undefined) {
    await worker.clients.openWindow(link);
    return;
  }
  await own.focus();
  own.postMessage({ go: link });
}
