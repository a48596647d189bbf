// Staff sign in where the second factor is asked for: an installation as it is, no demonstration.

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";

import { expectAccessible } from "../src/axe.ts";
import { expectQuiet, launch, phone } from "../src/browser.ts";
import { type Site, installation } from "../src/site.ts";
import { STEP_MS, totp } from "../src/totp.ts";

let browser: Browser;
let site: Site;

beforeAll(async () => {
  [browser, site] = await Promise.all([launch(), installation()]);
});
afterAll(async () => {
  await browser.close();
  await site.stop();
});
afterEach(expectQuiet);

async function signIn(page: Page, factor = ""): Promise<void> {
  const [admin] = site.accounts;
  await page.fill("#login", admin?.login ?? "");
  await page.fill("#password", admin?.secret ?? "");
  await page.fill("#factor", factor);
  await page.click('[data-do="enter"]');
}

it("the second factor is set up on the page, and from then on asked for", async () => {
  const options = { bypassCSP: true, permissions: ["clipboard-write", "clipboard-read"] };
  const page = await phone(browser, options, site.base);
  await page.goto(`${site.base}/verify`);
  await signIn(page);
  await page.waitForSelector('[data-part="enrol"] img.factor');
  await expectAccessible(page, "enrol");
  // Until then the session is good for nothing.
  expect(await page.locator("#code").count()).toBe(0);
  const refused = await page.evaluate(async () => (await fetch("/api/v1/admin/staff")).status);
  expect(refused).toBe(403);
  const first = await page.locator('[data-part="secret"]').textContent();

  // Another key after a new start, and the one before is worth nothing.
  await page.reload();
  await signIn(page);
  const shown = page.locator('[data-part="secret"]');
  await shown.waitFor();
  const secret = ((await shown.textContent()) ?? "").replaceAll(" ", "");
  expect(secret).toMatch(/^[A-Z2-7]{32}$/);
  expect(secret).not.toBe((first ?? "").replaceAll(" ", ""));
  const picture = page.locator("img.factor");
  expect(await picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(20);
  expect(await page.getAttribute('[data-part="enrol"] a', "href")).toContain(`secret=${secret}`);

  const confirm = page.locator('[data-do="confirm"]');
  await page.fill("#totp", "12345");
  expect(await confirm.isDisabled()).toBe(true);
  const wrong = Number(totp(secret, Date.now())) === 0 ? "000001" : "000000";
  await page.fill("#totp", wrong);
  await confirm.click();
  await page.waitForSelector('[data-problem="proof-refused"]');
  const at = Date.now();
  await page.fill("#totp", totp(secret, at).replace(/^(...)/, "$1 "));
  await confirm.click();

  await page.waitForSelector('[data-part="recovery"]');
  await expectAccessible(page, "recovery codes");
  const codes = await page.locator(".codes code").allTextContents();
  expect(new Set(codes).size).toBe(10);
  await page.click('[data-do="copy"]');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${codes.join("\n")}\n`);
  const go = page.locator('[data-do="go-on"]');
  expect(await go.isDisabled()).toBe(true);
  await page.check('[name="kept"]');
  await go.click();
  await page.waitForSelector("#code");

  // The password alone is nothing any more, nor is a code that was used.
  await page.click('[data-do="sign-out"]');
  await signIn(page);
  await page.waitForSelector('[data-problem="wrong-login"]');
  await signIn(page, codes[0]);
  await page.waitForSelector('[data-part="recovery-left"]');
  expect(await page.locator('[data-part="recovery-left"]').textContent()).toContain("9");
  await page.reload();
  await page.waitForSelector('[data-part="recovery-left"]');
  await page.click('[data-do="sign-out"]');
  // The step after the one that was used; the server takes one on either side.
  await signIn(page, totp(secret, at + STEP_MS));
  await page.waitForSelector("#code");
  expect(await page.locator('[data-part="recovery-left"]').count()).toBe(0);
});

it("setting it up can be given up, which signs out", async () => {
  // Whoever has a factor is not asked to set one up: somebody new is.
  const page = await phone(browser, {}, site.base);
  await page.goto(`${site.base}/verify`);
  site.command("staff", "reset-factor", "--login", site.accounts[0]?.login ?? "");
  await signIn(page);
  await page.waitForSelector('[data-part="enrol"]');
  await page.click('[data-do="cancel"]');
  await page.waitForSelector("#login");
  const answer = await page.evaluate(async () => {
    const headers = { "content-type": "application/json" };
    return (await fetch("/api/v1/staff/factor", { method: "POST", headers })).status;
  });
  expect(answer).toBe(401);
});
