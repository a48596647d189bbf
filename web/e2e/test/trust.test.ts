// SC-64 as the verifier's page shows it: keys that change while officers check. A demonstration of its
// own, since what is revoked stays revoked.

import { join } from "node:path";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { type Officer, account, listNewerThan, listOf, staff } from "../src/api.ts";
import { expectQuiet, launch, phone } from "../src/browser.ts";
import { Holder } from "../src/holder.ts";
import { type Site, demonstration } from "../src/site.ts";
import { Verifier } from "../src/verifier.ts";

let browser: Browser;
let site: Site;
let police: Verifier;

beforeAll(async () => {
  [browser, site] = await Promise.all([launch(), demonstration(ISSUER)]);
  police = new Verifier(await phone(browser, {}, site.base), site);
  await police.signIn(account("police", 0, site));
}, 120_000);
afterAll(async () => {
  expectQuiet();
  await browser.close();
  await site.stop();
});

interface Key {
  readonly key_id: string;
  readonly suite: string;
  readonly key_use: string;
  readonly signs: boolean;
}

/** Commands beside a demonstration go by the configuration, and so make keys in the name it says. */
const ISSUER = '[issuer]\nname = "全国公安交管电子证照系统（演示）"\n';
const PASSWORD = "another long pass phrase";

/** The key by which licences are signed for codes. */
async function licenceKey(admin: Officer): Promise<Key> {
  const keys = (await admin.get("/api/v1/admin/keys")) as Key[];
  const found = keys.find((key) => key.signs && key.key_use === "licence" && key.suite === "SM2-SM3");
  if (found === undefined) throw new Error("no key signs");
  return found;
}

/** Why a key is not trusted here although the signed list says otherwise; null where it says so too. */
async function emergency(admin: Officer, { key_id }: Key): Promise<string | null> {
  const keys = (await admin.get("/api/v1/admin/keys")) as (Key & { state: string; emergency?: string | null })[];
  const found = keys.find((key) => key.key_id === key_id && key.state === "revoked");
  return found === undefined ? "trusted" : (found.emergency ?? null);
}

function change(...words: string[]): string {
  const root = join(site.folder, "data/keys/root.json");
  return site.command("keys", ...words, "--root", root, "--by", account("admin", 0, site).login);
}

async function bound(number: number): Promise<Holder> {
  const driver = new Holder(await phone(browser, {}, site.base), site);
  await driver.activate(account("driver-black", number, site));
  await driver.bind();
  return driver;
}

/** What the page says of a driver's codes, with the network and without. */
async function seen(driver: Holder): Promise<{ online: string | null; offline: string | null; reasons: string[] }> {
  await police.type(await driver.code("offline"));
  const online = await police.tone();
  await police.page.context().setOffline(true);
  // Another second, another code: one that was seen counts no more.
  await driver.code("dynamic");
  await police.page.waitForTimeout(1100);
  await police.type(await driver.code("offline"));
  const [offline, reasons] = [await police.tone(), await police.reasons()];
  await police.page.context().setOffline(false);
  return { online, offline, reasons };
}

it("sc_64: codes of both keys hold after a rotation; a revoked key's hold nowhere, until signed anew", async () => {
  const admin = await staff(account("admin", 0, site), site);
  const old = await licenceKey(admin);
  const before = await bound(0);
  await before.code("offline");

  // One prepares, another activates.
  expect(change("rotate", "--suite", "SM2-SM3", "--use", "licence")).toContain("waits for 1 other");
  const second = { login: "second-admin", name: "演示员", password: PASSWORD, roles: ["admin"] };
  await admin.post("/api/v1/admin/staff", { ...second, office: null, own_licence_number: null });
  const other = await staff({ role: "admin", login: second.login, secret: PASSWORD }, site);
  const [proposal] = (await admin.get("/api/v1/admin/trust-proposals")) as { id: string }[];
  await other.post(`/api/v1/admin/trust-proposals/${proposal?.id ?? ""}/activation`, {});
  await expect.poll(async () => (await licenceKey(admin)).key_id, { timeout: 20_000 }).not.toBe(old.key_id);
  const after = await bound(1);
  await after.code("offline");
  for (const driver of [before, after]) {
    // What the code carries is signed when it is first asked for; a list from then on speaks of it.
    const list = listOf(await driver.code("offline"));
    await listNewerThan(Date.now(), list, site);
  }
  await police.learn();
  for (const driver of [before, after]) {
    expect(await seen(driver)).toEqual({ online: "good", offline: "good", reasons: ["offline"] });
  }

  // Whoever shows codes without a network goes on with what the old key signed.
  await before.page.context().setOffline(true);
  await admin.post(`/api/v1/admin/keys/${old.key_id}/revocation`, { reason: "compromised" });
  expect(await emergency(admin, old)).toBe("compromised");
  await police.type(await before.code("offline"));
  expect(await police.way()).toBe("online");
  expect([await police.tone(), await police.fact("authentic")]).toEqual(["bad", "no"]);
  expect(await police.reasons()).toContain("key-distrusted");
  expect((await police.text("headline"))).not.toMatch(/吊销/);
  expect(await seen(after)).toEqual({ online: "good", offline: "good", reasons: ["offline"] });

  // Pages without a network know it once the signed list says so, and they have it.
  expect(change("revoke", old.key_id)).toContain("activated");
  await expect.poll(async () => emergency(admin, old), { timeout: 20_000 }).toBe(null);
  await police.learn();
  await before.code("dynamic");
  await police.page.waitForTimeout(1100);
  const told = await seen(before);
  expect([told.online, told.offline]).toEqual(["bad", "bad"]);
  expect(told.reasons).toContain("key-distrusted");
  expect(await police.fact("authentic")).toBe("no");

  // On contact the licence is signed anew, by the key that counts.
  await before.page.context().setOffline(false);
  await before.page.reload();
  await before.page.waitForSelector(".card");
  await before.code("offline");
  await listNewerThan(Date.now(), listOf(await before.code("offline")), site);
  await police.learn();
  expect(await seen(before)).toEqual({ online: "good", offline: "good", reasons: ["offline"] });
}, 300_000);
