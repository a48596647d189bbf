import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";

import { account, listNewerThan, listOf, registryChange } from "../src/api.ts";
import { expectQuiet, launch, phone } from "../src/browser.ts";
import { filmOf } from "../src/camera.ts";
import { Holder } from "../src/holder.ts";
import { Verifier } from "../src/verifier.ts";

let browser: Browser;
let driver: Holder;
let police: Verifier;
/** A picture of the code as it was when the tests began. */
let screenshot: Buffer;
let taken = 0;
/** Another driver, whose licence has just turned red. */
let red: Holder;
/** After all bindings and changes: a status list from then on speaks of them. */
let changed = 0;

beforeAll(async () => {
  browser = await launch();
  const who = account("driver-black");
  driver = new Holder(await phone(browser));
  await driver.activate(who);
  await driver.bind();
  screenshot = await driver.photographCode();
  taken = Date.now();
  police = new Verifier(await phone(browser));
  await police.signIn(account("police"));
  red = new Holder(await phone(browser));
  await red.activate(account("driver-black", 1));
  await red.bind();
  await registryChange(await red.record(), ["B"]);
  await red.page.waitForSelector('svg.qr[data-colour="red"]');
  // What an offline code carries is signed when it is first asked for.
  for (const shown of [driver, red]) await shown.code("offline");
  await driver.code("dynamic");
  changed = Date.now();
});
afterAll(async () => {
  // Other files meet this driver as the demonstration made it.
  await registryChange(await red.record(), ["A"]);
  expectQuiet();
  await browser.close();
});
afterEach(async () => {
  await driver.page.context().setOffline(false);
  await police.page.context().setOffline(false);
});

/** An officer with a camera that sees this picture. */
async function scanned(picture: Buffer, about?: [string, string]): Promise<Verifier & { close: () => Promise<void> }> {
  const film = filmOf(picture);
  const other = await launch({ camera: film.path });
  const page = await phone(other, { permissions: ["camera"] });
  const officer = new Verifier(page);
  await officer.signIn(account("police"));
  if (about) await officer.about(...about);
  await officer.scan();
  const close = async (): Promise<void> => {
    await other.close();
    film.remove();
  };
  return Object.assign(officer, { close });
}

it("sc_40 sc_41: police scan the holder's screen and see every fact by itself", async () => {
  await driver.code("dynamic");
  const officer = await scanned(await driver.photographCode(), ["C1", "none"]);
  expect(await officer.way()).toBe("online");
  expect(await officer.tone()).toBe("good");
  for (const fact of ["authentic", "fresh", "e-licence", "status", "entitled", "paper"]) {
    expect(await officer.fact(fact), fact).toBe("yes");
  }
  // Nobody compared the face yet: the photo is there to do so.
  expect(await officer.fact("person")).toBe("unknown");
  const portrait = officer.page.locator("img.portrait");
  await expect
    .poll(() => portrait.evaluate((image) => (image as HTMLImageElement).naturalWidth))
    .toBeGreaterThan(100);
  expect(await officer.page.locator('[data-field="points"]').count()).toBe(1);
  await officer.close();
});

it("sc_40 sc_41: a class that is not held, and a measure that withholds the paper, each say so", async () => {
  await police.about("A2", "withhold-licence");
  await police.type(await driver.code("numeric"));
  expect(await police.fact("authentic")).toBe("yes");
  expect(await police.fact("entitled")).toBe("no");
  expect(await police.fact("paper")).toBe("no");
  expect(await police.tone()).toBe("bad");
  await police.about("");
});

it("sc_43: a numeric code works once, by hand scanner; used and mistyped ones each have their reason", async () => {
  await driver.page.click('[data-do="renew"]');
  const used = await driver.code("numeric");
  await expect.poll(() => driver.code("numeric")).toMatch(/^77\d( \d{3}){5}$/);
  await police.wedge(used.replaceAll(" ", ""));
  const first = await police.tone();
  await police.wedge(used.replaceAll(" ", ""));
  expect(await police.reasons()).toEqual(["code-used"]);
  expect(first).toBe("good");
  await police.type(`${used.slice(0, -1)}${(Number(used.at(-1)) + 1) % 10}`);
  expect(await police.reasons()).toEqual(["not-a-code"]);
});

it("sc_42: an altered and a foreign code are refused, and neither says revoked", async () => {
  const code = await driver.code("offline");
  for (const forged of [code.replace(/.$/, (last) => (last === "0" ? "1" : "0")), "JZ1:HELLO", "HTTP://X"]) {
    await police.type(forged);
    expect(await police.tone()).toBe("bad");
    expect(await police.page.locator('[data-part="result"]').textContent()).not.toMatch(/吊销|revoked/i);
  }
});

it("sc_13: with both sides offline the offline code verifies, its status as known before", async () => {
  for (const shown of [driver, red]) {
    await listNewerThan(changed, listOf(await shown.code("offline")));
  }
  await police.learn();
  await driver.page.context().setOffline(true);
  await police.page.context().setOffline(true);
  // Both start anew without the network: the shell and what was kept are enough.
  await driver.page.reload();
  await police.page.reload();
  await driver.page.waitForSelector('[data-part="stale"]');
  const code = await driver.code("offline");
  await police.type(code);
  expect(await police.way()).toBe("offline");
  expect(await police.fact("authentic")).toBe("yes");
  expect(await police.fact("fresh")).toBe("yes");
  expect(await police.fact("status")).toBe("yes");
  expect(await police.text("as-of")).toContain("此后未核查");
  expect(await police.tone()).toBe("good");
  // The same picture a second time is no presentation.
  await police.type(code);
  expect(await police.reasons()).toContain("code-used");
  expect(await police.tone()).toBe("bad");
});

it("sc_13: a scanned offline code with portrait can be compared with the person", async () => {
  await driver.code("offline");
  await driver.page.click('[data-choice="portrait"]');
  await expect.poll(async () => Number(await driver.page.getAttribute("svg.qr", "data-version"))).toBeGreaterThan(18);
  expect(Number(await driver.page.getAttribute("svg.qr", "data-version"))).toBeLessThanOrEqual(28);
  const code = (await driver.page.getAttribute("svg.qr", "data-text")) ?? "";
  await police.page.context().setOffline(true);
  await police.type(code);
  expect(await police.fact("authentic")).toBe("yes");
  await police.page.waitForSelector("img.portrait");
});

it("sc_44: what only the server can tell is never green without it", async () => {
  const numeric = await driver.code("numeric");
  const dynamic = await driver.code("dynamic");
  await police.page.context().setOffline(true);
  for (const code of [numeric, dynamic]) {
    await police.type(code);
    expect(await police.tone()).toBe("unsure");
    expect(await police.fact("authentic")).toBe("unknown");
    expect(await police.reasons()).toContain("needs-server");
  }
});

/** The server's own answer while its records cannot be reached, as the scenarios of the API hold it. */
const WITHOUT_RECORDS = {
  type: "urn:jiazhao:problem:could-not-check",
  title: "暂时无法核验",
  title_en: "It could not be checked",
  status: 503,
  detail: "数据库无法访问，以下为已知信息",
  detail_en: "The records cannot be reached; this is what is known",
  reasons: [],
  known: {
    code_kind: "offline",
    authentic: "yes",
    fresh: "yes",
    status: "valid",
    status_as_of: "2026-01-01T00:00:00Z",
    licence: {
      name: "测试甲",
      masked_number: "1101**********9912",
      classes: ["C1"],
      valid_from: "2026-01-01",
      valid_until: "2032-01-01",
      authority_code: "1101",
    },
    reasons: [],
  },
} as const;

it("sc_44: while the server's records cannot be reached it says what is known since when, and is never green", async () => {
  const officer = new Verifier(await phone(browser));
  await officer.signIn(account("police"));
  await officer.page.route("**/api/v1/verifications", (route) =>
    route.fulfill({
      status: 503,
      contentType: "application/problem+json",
      body: JSON.stringify(WITHOUT_RECORDS),
    }),
  );
  // A dynamic code: this page alone knows nothing of it, so the server's word is all there is.
  await officer.type(await driver.code("dynamic"));
  expect([await officer.way(), await officer.tone()]).toEqual(["known", "unsure"]);
  expect(await officer.fact("authentic")).toBe("yes");
  expect(await officer.text("as-of")).toContain("此后未核查");
  expect(await officer.text("result")).toContain("1101**********9912");
});

it("sc_45: under a trust list past its next update nothing is green", async () => {
  const officer = new Verifier(await phone(browser));
  await officer.signIn(account("police"));
  await officer.learn();
  const code = await driver.code("offline");
  await officer.page.clock.setFixedTime(Date.now() + 400 * 86_400_000);
  await officer.page.context().setOffline(true);
  await officer.type(code);
  expect(await officer.tone()).not.toBe("good");
  expect(await officer.reasons()).toContain("trust-list-stale");
});

it("sc_10: offline, the status list for the police tells a red licence", async () => {
  await listNewerThan(changed, listOf(await red.code("offline")));
  await police.learn();
  const code = await red.code("offline");
  await police.page.context().setOffline(true);
  await police.type(code);
  expect(await police.reasons()).toContain("status-red");
  expect(await police.fact("authentic")).toBe("yes");
  expect(await police.fact("status")).toBe("no");
  expect(await police.tone()).toBe("bad");
});

it("sc_12: a screenshot past its window is not fresh, never valid", async () => {
  const window = 62_000 - (Date.now() - taken);
  if (window > 0) await new Promise((resolve) => setTimeout(resolve, window));
  const officer = await scanned(screenshot);
  expect(await officer.tone()).not.toBe("good");
  expect(await officer.reasons()).toEqual(expect.arrayContaining(["not-fresh"]));
  await officer.close();
});
