import { beforeEach, expect, it, vi } from "vitest";

// What stands around the module: server, store and browser, as they answer in each test.
const server = {
  key: "BAsi" as string | undefined,
  told: false,
  calls: [] as string[],
  /** Refuses what a browser says of itself. */
  refuses: false,
};
const kept = new Map<string, unknown>();

vi.mock("../src/state.ts", () => ({
  api: {
    GET: () => {
      server.calls.push("GET");
      const subscriptions = server.told
        ? [{ device: "dev_1", this_device: true, created_at: "2026-01-01T00:00:00Z" }]
        : [];
      return answer({ application_server_key: server.key, subscriptions });
    },
    PUT: (_path: string, { body }: { body: { endpoint: string } }) => {
      server.calls.push(`PUT ${body.endpoint}`);
      server.told = !server.refuses;
      return answer({}, server.refuses ? 500 : 200);
    },
    DELETE: () => {
      server.calls.push("DELETE");
      server.told = false;
      return answer(undefined);
    },
  },
  store: {
    get: (key: string) => Promise.resolve(kept.get(key)),
    put: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)),
    remove: (key: string) => Promise.resolve(void kept.delete(key)),
  },
}));

function answer(data: unknown, status = 200) {
  return Promise.resolve({ data, error: null, response: new Response(null, { status }) });
}

/** A browser's push service. */
const browser = {
  permission: "default" as NotificationPermission,
  answers: "granted" as NotificationPermission,
  subscription: null as Subscription | null,
  works: true,
  made: 0,
};

class Subscription {
  readonly endpoint: string;
  readonly options: { applicationServerKey: ArrayBuffer };

  constructor(endpoint: string, key = [4, 11, 34]) {
    this.endpoint = endpoint;
    this.options = { applicationServerKey: new Uint8Array(key).buffer };
  }

  unsubscribe(): Promise<boolean> {
    browser.subscription = null;
    return Promise.resolve(true);
  }

  toJSON() {
    return { endpoint: this.endpoint, keys: { p256dh: "BA==", auth: "AA==" } };
  }
}

const pushManager = {
  getSubscription: () => Promise.resolve(browser.subscription),
  subscribe: () => {
    if (!browser.works) return Promise.reject(new DOMException("no service", "AbortError"));
    browser.made += 1;
    browser.subscription = new Subscription(`https://push.example/${browser.made}`);
    return Promise.resolve(browser.subscription);
  },
};

/** All that is asked of it is whether it is there. */
const manager = (): void => undefined;
vi.stubGlobal("PushManager", manager);
vi.stubGlobal("Notification", {
  get permission() {
    return browser.permission;
  },
  requestPermission: () => {
    browser.permission = browser.answers;
    return Promise.resolve(browser.permission);
  },
});
vi.stubGlobal("navigator", {
  serviceWorker: {
    ready: Promise.resolve({ pushManager }),
    getRegistration: () => Promise.resolve({ pushManager }),
  },
});

const { endHere, push, settle, turnOff, turnOn } = await import("../src/push.ts");

beforeEach(() => {
  Object.assign(server, { key: "BAsi", told: false, calls: [], refuses: false });
  Object.assign(browser, { permission: "default", answers: "granted", subscription: null, works: true, made: 0 });
  kept.clear();
});

it("turned on, the person is asked, the browser subscribes and the server is told; off ends both", async () => {
  await settle();
  expect(push.value).toBe("off");
  await turnOn();
  expect(push.value).toBe("on");
  expect(server.calls).toEqual(["GET", "GET", "PUT https://push.example/1"]);
  server.calls = [];
  // The same again says nothing to the server.
  await settle();
  expect(push.value).toBe("on");
  expect(server.calls).toEqual(["GET"]);
  await turnOff();
  expect(push.value).toBe("off");
  expect([server.told, browser.subscription, kept.size]).toEqual([false, null, 0]);
});

it("who says no is not asked for a subscription", async () => {
  browser.answers = "denied";
  await turnOn();
  expect(push.value).toBe("denied");
  browser.permission = "default";
  browser.answers = "default";
  await turnOn();
  expect(push.value).toBe("off");
  expect([server.told, browser.made]).toEqual([false, 0]);
});

it("a push service that does not answer is said, and nothing stands", async () => {
  browser.works = false;
  await turnOn();
  expect(push.value).toBe("failed");
  expect([server.told, kept.size]).toEqual([false, 0]);
});

it("what the server does not take does not stand in the browser either", async () => {
  server.refuses = true;
  await expect(turnOn()).rejects.toThrow();
  expect([push.value, browser.made, browser.subscription, kept.size]).toEqual(["off", 1, null, 0]);
});

it("another's subscription in this browser ends, and nobody is subscribed unasked", async () => {
  browser.permission = "granted";
  browser.subscription = new Subscription("https://push.example/another");
  await settle();
  expect(push.value).toBe("off");
  expect([browser.subscription, browser.made, server.told]).toEqual([null, 0, false]);
});

it("whoever has it on has it on again after browser or server lost it", async () => {
  await turnOn();
  // The push service said that it is gone.
  server.told = false;
  await settle();
  expect([push.value, server.told]).toEqual(["on", true]);
  // The browser forgot it.
  browser.subscription = null;
  await settle();
  expect(push.value).toBe("on");
  expect(browser.subscription).not.toBeNull();
  // It has another address.
  browser.subscription = new Subscription("https://push.example/moved");
  server.calls = [];
  await settle();
  expect(server.calls).toEqual(["GET", "PUT https://push.example/moved"]);
  // The server has another key, after it was set up anew.
  browser.subscription = new Subscription("https://push.example/old-key", [4, 0, 0]);
  await settle();
  expect(push.value).toBe("on");
  expect(kept.get("push")).toBe(browser.subscription.endpoint);
  // Leave was taken back meanwhile.
  browser.permission = "denied";
  browser.subscription = null;
  await settle();
  expect([push.value, server.told]).toEqual(["denied", false]);
});

it("a server that pushes nothing, and a browser that takes nothing, each say so", async () => {
  server.key = undefined;
  await settle();
  expect(push.value).toBe("absent");
  await turnOn();
  expect(push.value).toBe("absent");
  server.key = "BAsi";
  vi.stubGlobal("PushManager", undefined);
  Reflect.deleteProperty(globalThis, "PushManager");
  await settle();
  expect(push.value).toBe("unsupported");
  await endHere();
  vi.stubGlobal("PushManager", manager);
});
