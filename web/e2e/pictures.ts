// The screenshots of the README: real pages of a demonstration, in both languages.

import { mkdirSync } from "node:fs";

import type { Page } from "playwright-core";
import { it } from "vitest";

import { account, listNewerThan, listOf, registryChange } from "./src/api.ts";
import { launch, phone } from "./src/browser.ts";
import { Holder } from "./src/holder.ts";
import { Verifier } from "./src/verifier.ts";

const FOLDER = new URL("../../docs/images/", import.meta.url).pathname;

it("pictures", async () => {
  mkdirSync(FOLDER, { recursive: true });
  const browser = await launch();
  const size = { deviceScaleFactor: 1.5 };
  const holder = new Holder(await phone(browser, size));
  await holder.activate(account("driver-black"));
  await holder.bind();
  await inBoth(holder.page, "holder");
  const police = new Verifier(await phone(browser, { ...size, viewport: { width: 390, height: 1320 } }));
  await police.signIn(account("police"));
  await police.about("C1");
  await police.type(await holder.code("dynamic"));
  await police.page.waitForTimeout(1000);
  await inBoth(police.page, "verifier");
  const red = new Holder(await phone(browser, size));
  await red.activate(account("driver-black", 1));
  await red.bind();
  await registryChange(await red.record(), ["B"]);
  await red.page.waitForSelector('svg.qr[data-colour="red"]');
  await inBoth(red.page, "holder-red");
  await listNewerThan(Date.now(), listOf(await holder.code("offline")));
  await police.learn();
  await holder.page.click('[data-choice="portrait"]');
  await holder.page.waitForTimeout(500);
  const code = (await holder.page.getAttribute("svg.qr", "data-text")) ?? "";
  await police.page.context().setOffline(true);
  await police.page.reload();
  await police.type(code);
  await inBoth(police.page, "verifier-offline");
  await browser.close();
});

async function inBoth(page: Page, name: string): Promise<void> {
  for (const language of ["zh", "en"]) {
    await page.evaluate(() => {
      scrollTo(0, 0);
    });
    await page.screenshot({ path: `${FOLDER}${name}-${language}.png` });
    await page.locator("header .quiet").last().click();
  }
}
