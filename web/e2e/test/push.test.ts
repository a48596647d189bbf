// Web Push from the registry's change to the notification: the platform's request is opened by a push
// service of this machine and handed to the page's own service worker. What headless Chromium lacks is a
// push service of its own, so the page's subscription is made here; the rest is real.

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";

import { account, registryChange, staff } from "../src/api.ts";
import { expectQuiet, launch, phone } from "../src/browser.ts";
import { Holder } from "../src/holder.ts";
import { type PushService, type Subscription, pushService } from "../src/push-service.ts";
import { type Site, demonstration } from "../src/site.ts";

let browser: Browser;
let service: PushService;
let site: Site;

beforeAll(async () => {
  service = await pushService();
  [browser, site] = await Promise.all([launch(), demonstration(service.config)]);
}, 120_000);
afterAll(async () => {
  await browser.close();
  await site.stop();
  await service.stop();
});
afterEach(expectQuiet);

/** Lets the page's browser have a push service: this subscription, which it keeps until it ends it. */
async function withPushService(page: Page, subscription: Subscription | null): Promise<void> {
  await page.addInitScript((told) => {
    const kept = "test-push-subscription";
    const made = (key: string) => ({
      endpoint: told?.endpoint,
      options: { applicationServerKey: Uint8Array.from(atob(key.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)).buffer },
      toJSON: () => told,
      unsubscribe: () => {
        localStorage.removeItem(kept);
        return Promise.resolve(true);
      },
    });
    PushManager.prototype.subscribe = (options) => {
      if (told === null) return Promise.reject(new DOMException("no push service", "AbortError"));
      const bytes = options?.applicationServerKey as Uint8Array;
      const key = btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
      localStorage.setItem(kept, key);
      return Promise.resolve(made(key) as unknown as PushSubscription);
    };
    PushManager.prototype.getSubscription = () => {
      const key = localStorage.getItem(kept);
      return Promise.resolve(key === null ? null : (made(key) as unknown as PushSubscription));
    };
  }, subscription);
}

/** Hands a message to the page's service worker, as a push service of the browser would. */
async function deliver(page: Page, data: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const registered = new Promise<string>((resolve) => {
    devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const own = registrations.find(({ scopeURL }) => scopeURL === `${site.base}/`);
      if (own) resolve(own.registrationId);
    });
  });
  await devtools.send("ServiceWorker.enable");
  const registrationId = await registered;
  await devtools.send("ServiceWorker.deliverPushMessage", { origin: site.base, registrationId, data });
  await devtools.detach();
}

interface Shown {
  readonly title: string;
  readonly body: string;
  readonly tag: string;
  readonly data: unknown;
}

const shown = (page: Page): Promise<Shown[]> =>
  page.evaluate(async () => {
    const worker = await navigator.serviceWorker.ready;
    const all = await worker.getNotifications();
    return all.map(({ title, body, tag, data }) => ({ title, body, tag, data: data as unknown }));
  });

async function driverAt(options: Parameters<typeof phone>[1], number: number, told: Subscription | null): Promise<Holder> {
  const page = await phone(browser, options, site.base);
  await withPushService(page, told);
  const driver = new Holder(page, site);
  await driver.activate(account("driver-black", number, site));
  await page.click('[data-tab="messages"]');
  await page.waitForSelector(".push");
  return driver;
}

const pushState = (driver: Holder): Promise<string | null> => driver.page.getAttribute(".push", "data-push");

it("r37 sc_10: a change is told on the device that asked, in its language, and on it alone", async () => {
  const driver = await driverAt({ permissions: ["notifications"] }, 0, service.subscription);
  const { page } = driver;
  expect(await pushState(driver)).toBe("off");
  await page.click('[data-do="push"]');
  await page.waitForSelector('.push[data-push="on"]');
  // It stands after a new start, and the server is told nothing twice.
  await page.reload();
  await page.waitForSelector('.push[data-push="on"]');

  const record = await driver.record();
  await registryChange(record, ["B"], site);
  await expect.poll(() => service.arrived.length, { timeout: 20_000 }).toBe(1);
  const [first = ""] = service.arrived;
  expect(JSON.parse(first)).toMatchObject({ v: 1, kind: "status-changed", link: "/" });
  for (const personal of [record["name"], record["licence_number"]]) {
    expect(first).not.toContain(personal);
  }
  await deliver(page, first);
  await expect.poll(() => shown(page)).toEqual([
    { title: "电子驾驶证", body: "驾驶证状态已变更，点击查看", tag: "status-changed", data: "/" },
  ]);
  // The same again takes its place; English where the page is English.
  await page.click("header .quiet");
  await expect.poll(() => page.getAttribute("html", "lang")).toBe("en");
  await deliver(page, first);
  await expect.poll(async () => (await shown(page)).map(({ title }) => title)).toEqual(["Driving Licence"]);
  await deliver(page, "not of our making");
  await expect.poll(async () => (await shown(page)).map(({ data }) => data).sort()).toEqual(["/", "/messages"]);

  // The inbox says how it was delivered; signing out ends it on both sides.
  const inbox = await driver.told<{ kind: string; deliveries: { channel: string; state: string }[] }[]>(
    "/api/v1/holder/notifications",
  );
  const message = inbox.find(({ kind }) => kind === "status-changed");
  expect(message?.deliveries.map(({ channel, state }) => `${channel} ${state}`)).toContain("push sent");
  await page.click('[data-tab="account"]');
  await page.click('[data-do="sign-out"]');
  await page.waitForSelector("#number");
  expect(await page.evaluate(() => localStorage.getItem("test-push-subscription"))).toBeNull();
  await registryChange(record, ["A"], site);
  const admin = await staff(account("admin", 0, site), site);
  await expect
    .poll(async () => (await admin.get("/api/v1/admin/texts/summary")) as object, { timeout: 10_000 })
    .toMatchObject({ push: { channel: true, sent: 1, queued: 0, given_up: 0 } });
  expect(service.arrived.length).toBe(1);
});

it("a push service that does not answer is said, and the switch stays off", async () => {
  const driver = await driverAt({ permissions: ["notifications"] }, 1, null);
  await driver.page.click('[data-do="push"]');
  await driver.page.waitForSelector('.push[data-push="failed"]');
  expect(await driver.page.getAttribute('[data-do="push"]', "aria-checked")).toBe("false");
  expect(await driver.told("/api/v1/holder/push-subscriptions")).toMatchObject({ subscriptions: [] });
});
