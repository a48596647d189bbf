// Around every app: the service worker, the mark of a demonstration, the network's state.

import { ref } from "vue";

/** Whether the server says that this is a demonstration (样证). */
export const demonstration =
  document.querySelector<HTMLMetaElement>('meta[name="jiazhao"]')?.content === "demo";

/** Whether the browser believes that there is a network. */
export const online = ref(navigator.onLine);

export function watchNetwork(): void {
  const note = (): void => {
    online.value = navigator.onLine;
  };
  addEventListener("online", note);
  addEventListener("offline", note);
}

export function keepShell(worker: string, scope: string): void {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register(worker, { scope }).catch(() => {
    // Without it the app needs the network to start, and works all the same.
  });
}
