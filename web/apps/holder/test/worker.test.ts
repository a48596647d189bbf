import { beforeEach, expect, it, vi } from "vitest";

// The service worker's surroundings, as a browser gives them.
type Handler = (event: Record<string, unknown>) => void;
const handlers = new Map<string, Handler>();
const shown: { title: string; options: Record<string, unknown> }[] = [];
const opened: string[] = [];
const windows: { url: string; focused: boolean; told: unknown[] }[] = [];

const scope = {
  addEventListener: (kind: string, handler: Handler) => handlers.set(kind, handler),
  registration: {
    showNotification: (title: string, options: Record<string, unknown>) => {
      shown.push({ title, options });
      return Promise.resolve();
    },
  },
  clients: {
    matchAll: () =>
      Promise.resolve(
        windows.map((one) => ({
          url: one.url,
          focus: () => Promise.resolve(void (one.focused = true)),
          postMessage: (data: unknown) => one.told.push(data),
        })),
      ),
    openWindow: (link: string) => Promise.resolve(void opened.push(link)),
  },
  location: { origin: "https://licence.example" },
};
vi.stubGlobal("self", scope);
for (const [name, value] of Object.entries({ APP: "holder", PAGE: "/", SHELL: [] })) vi.stubGlobal(name, value);
// Without a database the language is Chinese.
vi.stubGlobal("indexedDB", {
  open: () => {
    throw new Error("there is none");
  },
});

// Its types are those of a worker, not of a page.
const source = ["..", "src", "holder.worker.ts"].join("/");
await import(/* @vite-ignore */ source);

async function heard(kind: string, event: Record<string, unknown>): Promise<void> {
  let work: Promise<unknown> = Promise.resolve();
  handlers.get(kind)?.({
    ...event,
    waitUntil: (until: Promise<unknown>) => {
      work = until;
    },
  });
  await work;
}

beforeEach(() => {
  shown.length = opened.length = windows.length = 0;
});

it("every push is shown, one without content too", async () => {
  const text = JSON.stringify({ v: 1, kind: "e-licence-issued", link: "/" });
  await heard("push", { data: { text: () => text } });
  await heard("push", { data: null });
  expect(shown.map(({ options }) => [options["body"], options["data"]])).toEqual([
    ["申领成功，电子驾驶证已可出示", "/"],
    ["您有一条新消息", "/messages"],
  ]);
});

const click = async (data: unknown): Promise<boolean> => {
  let closed = false;
  const close = (): void => {
    closed = true;
  };
  await heard("notificationclick", { notification: { close, data } });
  return closed;
};

it("a notification brings the open page to the front and tells it where to go", async () => {
  windows.push(
    { url: "https://licence.example/verify", focused: false, told: [] },
    { url: "https://licence.example/account", focused: false, told: [] },
  );
  expect(await click("/")).toBe(true);
  expect(windows.map(({ focused }) => focused)).toEqual([false, true]);
  expect(windows[1]?.told).toEqual([{ go: "/" }]);
  expect(opened).toEqual([]);
});

it("without a page one opens, and never another place", async () => {
  await click("/messages");
  await click("https://evil.example/");
  expect(opened).toEqual(["/messages", "/messages"]);
});
