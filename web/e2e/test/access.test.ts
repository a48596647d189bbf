// Every screen without serious findings of axe, in both languages, in light and in dark colours.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, inject, it } from "vitest";

import { account } from "../src/api.ts";
import { expectAccessible } from "../src/axe.ts";
import { launch, phone } from "../src/browser.ts";
import { Holder } from "../src/holder.ts";
import { Verifier } from "../src/verifier.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});

const open = async (): Promise<Page> => phone(browser, { bypassCSP: true });

/** The English form differs in its texts only: it is looked at where there are most of them. */
async function inBoth(page: Page, screen: string): Promise<void> {
  await expectAccessible(page, `${screen} zh`);
  await page.locator("header .quiet").last().click();
  await expectAccessible(page, `${screen} en`);
  await page.locator("header .quiet").last().click();
}

it("the holder's screens", async () => {
  const driver = new Holder(await open());
  await driver.open();
  await driver.page.waitForSelector("#number");
  await inBoth(driver.page, "sign in");
  const who = account("driver-black");
  await driver.activate(who);
  await driver.page.waitForSelector(".numeric");
  await expectAccessible(driver.page, "numeric");
  await driver.page.click('[data-choice="dynamic"]');
  await expectAccessible(driver.page, "bind");
  await driver.bind();
  await inBoth(driver.page, "dynamic");
  await driver.code("offline");
  await expectAccessible(driver.page, "offline");
  await driver.page.click('[data-choice="sub"]');
  await inBoth(driver.page, "sub page");
  await driver.page.click('[data-tab="messages"]');
  await driver.page.waitForSelector(".list .panel");
  await expectAccessible(driver.page, "messages");
  await driver.page.click('[data-tab="account"]');
  await driver.page.waitForSelector(".device");
  await inBoth(driver.page, "account");
  await driver.open("/freeze#x");
  await driver.page.reload();
  await driver.page.waitForSelector('[data-do="freeze"]');
  await expectAccessible(driver.page, "freeze");
});

it("the screens of a red licence and of one that is not shown", async () => {
  for (const role of ["driver-red", "driver-hidden"]) {
    const driver = new Holder(await open());
    const who = account(role);
    await driver.activate(who);
    await driver.page.waitForSelector('.card, [data-part="hidden"]');
    await expectAccessible(driver.page, role);
  }
});

it("the verifier's screens", async () => {
  const page = await open();
  const police = new Verifier(page);
  await page.goto(`${inject("base")}/verify`);
  await page.waitForSelector("#login");
  await inBoth(page, "sign in");
  await police.signIn(account("police"));
  await expectAccessible(page, "ask");
  const driver = new Holder(await open());
  const who = account("driver-black", 1);
  await driver.activate(who);
  await police.about("C1");
  await police.type(await driver.code("numeric"));
  await inBoth(page, "online");
  await police.type("771111111111111111");
  await expectAccessible(page, "refused");
  await page.context().setOffline(true);
  await police.type(await driver.code("numeric"));
  await expectAccessible(page, "offline");
});
