// Keys that change while people show and check licences: what the pages say, with and without a network.
// One story: each test goes on from the keys that the one before left.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";

import { account, keyOf, listNewerThan, listOf } from "../src/api.ts";
import { expectQuiet, launch, phone } from "../src/browser.ts";
import { Holder } from "../src/holder.ts";
import { Keys } from "../src/keys.ts";
import { type Site, demonstration } from "../src/site.ts";
import { Verifier } from "../src/verifier.ts";

let browser: Browser;
let site: Site;
let keys: Keys;
let driver: Holder;
/** Another driver, whose device will have no network. */
let away: Holder;
let police: Verifier;
/** The keys of before: of licences, and of what the server says of the present. */
let old: { readonly licence: string; readonly online: string };

/** More than the minute in which a list comes to speak of a new credential. */
const LONG = 180_000;

beforeAll(async () => {
  [browser, site] = await Promise.all([launch(), demonstration()]);
  keys = await Keys.of(site);
  driver = await bound(0);
  away = await bound(1);
  police = new Verifier(await phone(browser, {}, site.base), site);
  await police.signIn(account("police", 0, site));
  old = { licence: keys.newest("licence"), online: keys.newest("online") };
  await listed();
}, LONG);
afterEach(async () => {
  await police.page.context().setOffline(false);
});
afterAll(async () => {
  try {
    expectQuiet();
  } finally {
    await browser.close();
    await site.stop();
  }
});

async function bound(number: number): Promise<Holder> {
  const holder = new Holder(await phone(browser, {}, site.base), site);
  await holder.activate(account("driver-black", number, site));
  await holder.bind();
  await holder.code("offline");
  return holder;
}

/** Waits until the lists speak of both drivers' credentials. */
async function listed(): Promise<void> {
  const now = Date.now();
  for (const holder of [driver, away]) {
    await listNewerThan(now, listOf(await holder.code("offline")), site);
  }
}

/** Has a device ask the server for what it shows. */
async function renewed(holder: Holder): Promise<string> {
  await holder.page.reload();
  await holder.page.waitForSelector('[data-choice="dynamic"]');
  await holder.code("dynamic");
  return holder.code("offline");
}

/** The next code of a device: the one before was shown. */
async function next(holder: Holder, shown: string): Promise<string> {
  await expect.poll(() => holder.code("offline"), { timeout: 30_000 }).not.toBe(shown);
  return holder.code("offline");
}

async function withoutNetwork(code: string): Promise<void> {
  await police.page.context().setOffline(true);
  await police.type(code);
  expect(await police.way()).toBe("offline");
}

async function expectGood(code: string): Promise<void> {
  await withoutNetwork(code);
  expect(await police.reasons()).toEqual(["offline"]);
  for (const fact of ["authentic", "fresh", "status"]) {
    expect(await police.fact(fact), fact).toBe("yes");
  }
  expect(await police.tone()).toBe("good");
}

it("sc_64: at a rotation licences of both keys verify, online and under the list before", async () => {
  await police.learn();
  await keys.change("rotate");
  expect(keys.newest("licence")).not.toBe(old.licence);
  // This terminal has the list of before, and the device was online since.
  const code = await renewed(driver);
  expect(keyOf(code)).toBe(old.licence);
  await expectGood(code);
  await police.page.context().setOffline(false);
  await police.learn();
  await expectGood(await next(driver, code));
  await police.page.context().setOffline(false);
  // A licence that was bound since is by the new key.
  const newcomer = await bound(2);
  await police.type(await newcomer.code("numeric"));
  expect(await police.way()).toBe("online");
  expect(await police.fact("authentic")).toBe("yes");
}, LONG);

it("sc_64: after the overlap codes are by the new key, and good once a list speaks of them", async () => {
  await police.learn();
  for (const key of [old.licence, old.online]) await keys.change("retire", key);
  const code = await renewed(driver);
  expect(keyOf(code)).toBe(keys.newest("licence"));
  // The lists at hand are older than this credential: they say nothing of it.
  await withoutNetwork(code);
  expect(await police.reasons()).toContain("status-unknown");
  expect([await police.fact("authentic"), await police.tone()]).toEqual(["yes", "unsure"]);
  await police.page.context().setOffline(false);
  await renewed(away);
  await listed();
  await police.learn();
  for (const holder of [driver, away]) await expectGood(await next(holder, code));
}, LONG);

it("sc_64: an emergency revocation counts at once, and without a network from the next list on", async () => {
  const revoked = keys.newest("licence");
  await away.page.context().setOffline(true);
  await keys.distrust(revoked);
  await police.type(await driver.code("numeric"));
  expect(await police.way()).toBe("online");
  expect(await police.fact("authentic")).toBe("no");
  expect(await police.tone()).toBe("bad");

  // Licences go on by another key, at their holder's next contact.
  await keys.change("rotate", "--suite", "SM2-SM3", "--use", "licence");
  const code = await renewed(driver);
  expect(keyOf(code)).not.toBe(revoked);
  await police.type(await driver.code("numeric"));
  expect([await police.fact("authentic"), await police.tone()]).toEqual(["yes", "good"]);

  await keys.change("revoke", revoked);
  await police.learn();
  const kept = await away.code("offline");
  expect(keyOf(kept)).toBe(revoked);
  await withoutNetwork(kept);
  expect(await police.reasons()).toContain("key-distrusted");
  expect([await police.fact("authentic"), await police.tone()]).toEqual(["no", "bad"]);
  await police.type(await driver.code("offline"));
  expect(await police.fact("authentic")).toBe("yes");
}, LONG);
