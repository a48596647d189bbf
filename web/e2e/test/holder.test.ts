import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";

import { account, registryChange } from "../src/api.ts";
import { expectQuiet, launch, phone } from "../src/browser.ts";
import { Holder } from "../src/holder.ts";
import { Verifier } from "../src/verifier.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});
afterEach(expectQuiet);

const holder = async (): Promise<Holder> => new Holder(await phone(browser));

interface Pages {
  readonly main_page: Record<string, unknown> & { classes: string[]; points: number };
  readonly sub_page: Record<string, unknown> & { class_table: unknown[] };
}

it("sc_09 r15 to r22: main page and sub page show every field, time runs, a code is there", async () => {
  const driver = await holder();
  await driver.activate(account("driver-black"));
  const { main_page: main, sub_page: sub } = await driver.told<Pages>("/api/v1/holder/e-licence");
  for (const name of ["licence_number", "name", "birth_date", "first_issue_date"]) {
    expect(await driver.field(name)).toBe(main[name]);
  }
  expect(await driver.field("sex")).toBe(main["sex"] === "female" ? "女" : "男");
  expect(await driver.field("nationality")).toBe("中国");
  expect(await driver.field("classes")).toBe(main.classes.join(" "));
  expect(await driver.field("validity")).toBe(`${String(main["valid_from"])} 至 ${String(main["valid_until"])}`);
  expect(await driver.field("points")).toBe(`${main.points} 分`);
  expect(await driver.field("generated_at")).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  const photo = driver.page.locator("img.photo");
  expect(await photo.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(100);
  // R18: QR and barcode, both drawn.
  for (const symbol of [".numeric .bars", ".numeric .qr"]) {
    await driver.page.waitForSelector(symbol);
    const width = driver.page.locator(symbol).evaluate((image) => (image as HTMLImageElement).naturalWidth);
    expect(await width).toBeGreaterThan(20);
  }
  const clock = driver.page.locator('[data-part="clock"]');
  const before = await clock.textContent();
  await expect.poll(() => clock.textContent(), { timeout: 3000 }).not.toBe(before);
  // The demonstration marks its pages (样证).
  expect(await driver.page.locator(".card.sample").count()).toBe(1);
  await driver.page.click('[data-choice="sub"]');
  for (const name of ["address", "issuing_authority", "file_number"]) {
    expect(await driver.field(name)).toBe(sub[name]);
  }
  expect(await driver.field("record")).not.toBe("");
  expect(await driver.page.locator(".table tbody tr").count()).toBe(sub.class_table.length);
  expect(await driver.page.locator(".table tr.held").count()).toBe(main.classes.length);
});

it("sc_10 r10: a registry change turns the open page and its code red within a second, and back", async () => {
  const driver = await holder();
  await driver.activate(account("driver-black", 1));
  await driver.bind();
  const record = await driver.record();
  expect(await driver.status()).toBe("black");
  const loads: string[] = [];
  driver.page.on("framenavigated", (frame) => loads.push(frame.url()));
  await registryChange(record, ["B"]);
  await driver.page.waitForSelector('.card[data-shown="red"]', { timeout: 1000 });
  await driver.page.waitForSelector('svg.qr[data-colour="red"]');
  expect(await driver.page.locator('[data-part="reasons"] [data-reason="points-reached"]').count()).toBe(1);
  await registryChange(record, ["A"]);
  await driver.page.waitForSelector('svg.qr[data-colour="black"]');
  expect(loads).toEqual([]);
});

it("sc_11: a licence that is not shown says why and whom to ask, and shows no field and no code", async () => {
  for (const number of [0, 1, 2]) {
    const driver = await holder();
    await driver.activate(account("driver-hidden", number));
    const hidden = await driver.page.locator('[data-part="hidden"]').textContent();
    const record = await driver.record();
    expect(hidden).toContain(record["issuing_authority"]);
    expect(await driver.page.locator('[data-part="hidden"] [data-reason]').count()).toBeGreaterThan(0);
    expect(await driver.page.locator(".card, svg.qr, .numeric").count()).toBe(0);
    await driver.page.context().close();
  }
});

it("sc_17: a second phone asks for proof again, ends the first one's codes, and the first is told", async () => {
  const who = account("driver-black", 1);
  const officers = await phone(browser);
  const police = new Verifier(officers);
  await police.signIn(account("police"));
  const first = await holder();
  await first.activate(who);
  await first.bind();
  const second = await holder();
  // Number and password alone are nothing on a new phone.
  await second.open();
  await second.page.fill("#number", who.login);
  await second.page.fill("#password", "a long enough pass phrase");
  await second.page.click('[data-do="enter"]');
  await second.page.waitForSelector('[data-problem="wrong-login"]');
  await second.activate(who);
  const old = await first.code("dynamic");
  await second.bind();
  await police.type(old);
  expect(await police.tone()).not.toBe("good");
  await police.type(await second.code("dynamic"));
  expect(await police.tone()).toBe("good");
  await first.page.waitForSelector('[data-do="bind"]');
  await first.page.click('[data-tab="messages"]');
  await first.page.waitForSelector('[data-kind="device-added"]');
});

it("sc_19: an account frozen from the page is signed out and shows no code", async () => {
  const driver = await holder();
  await driver.activate(account("driver-black", 2));
  await driver.bind();
  const code = await driver.code("dynamic");
  await driver.page.click('[data-tab="account"]');
  await driver.page.waitForSelector('[data-part="binding"]');
  await driver.page.click('[data-do="freeze"]');
  await driver.page.click('[data-do="freeze-now"]');
  await driver.page.waitForSelector("#number");
  const police = new Verifier(await phone(browser));
  await police.signIn(account("police"));
  await police.type(code);
  expect(await police.tone()).not.toBe("good");
});

it("the link of a warning asks once more, and tells everybody the same", async () => {
  const somebody = await holder();
  await somebody.open("/freeze#not-a-token");
  await somebody.page.click('[data-do="freeze"]');
  await somebody.page.waitForSelector('[data-part="frozen"]');
  expect(new URL(somebody.page.url()).hash).toBe("");
  await somebody.open("/freeze");
  await somebody.page.reload();
  await somebody.page.waitForSelector('.note.bad');
});

it("the language is chosen once, and every text follows", async () => {
  const driver = await holder();
  await driver.activate(account("driver-red"));
  expect(await driver.status()).toBe("red");
  await driver.page.click("header .quiet");
  expect(await driver.field("nationality")).toBe("CHN");
  expect(await driver.page.getAttribute("html", "lang")).toBe("en");
  await driver.page.reload();
  await driver.page.waitForSelector(".card");
  expect(await driver.field("nationality")).toBe("CHN");
});

it("sc_67 without an e-licence the driver sees the record in part, and whether to apply", async () => {
  const driver = await holder();
  // The code that the demonstration itself prints.
  const { login, secret } = account("driver-to-activate");
  await driver.activateWith(login, secret);
  await driver.page.waitForSelector('[data-part="without"]');
  const text = await driver.page.locator('[data-part="without"]').textContent();
  expect(text).toMatch(/\*/);
  await driver.page.waitForSelector('[data-part="eligibility"]');
});
