// The holder's app as a person uses it.

import type { Page } from "playwright-core";

import { type Place, type RegistryRecord, activationCode, shared } from "./api.ts";
import type { Account } from "./site.ts";

const PASSWORD = "a long enough pass phrase";

export class Holder {
  readonly page: Page;
  private readonly place: Place;

  constructor(page: Page, place: Place = shared()) {
    this.page = page;
    this.place = place;
  }

  async open(path = "/"): Promise<void> {
    await this.page.goto(this.place.base + path);
  }

  /** SC-17: activates this browser with a code that a counter prints for it. */
  async activate({ login }: Account): Promise<void> {
    await this.activateWith(login, await activationCode(login, this.place));
  }

  async activateWith(login: string, code: string): Promise<void> {
    await this.open();
    await this.page.click('[data-choice="counter"]');
    await this.page.fill("#number", login);
    await this.page.fill("#code", code);
    await this.page.fill("#password", PASSWORD);
    await this.page.click('[data-do="enter"]');
    await this.page.waitForSelector('.tabs [data-tab="licence"]');
  }

  /** Binds this device and waits for its dynamic code. */
  async bind(): Promise<void> {
    await this.page.click('[data-choice="dynamic"]');
    await this.page.click('[data-do="bind"]');
    await this.page.waitForSelector("svg.qr");
  }

  async code(kind: "dynamic" | "offline" | "numeric"): Promise<string> {
    await this.page.click(`[data-choice="${kind}"]`);
    if (kind === "numeric") {
      const digits = await this.page.locator('[data-part="numeric"]').textContent();
      return (digits ?? "").trim();
    }
    await this.page.waitForSelector("svg.qr");
    return (await this.page.getAttribute("svg.qr", "data-text")) ?? "";
  }

  /** What stands in a field of the licence. */
  async field(name: string): Promise<string> {
    const text = await this.page.locator(`[data-field="${name}"]`).first().textContent();
    return (text ?? "").replace(/\s+/g, " ").trim();
  }

  async status(): Promise<string | null> {
    return this.page.getAttribute(".card", "data-shown");
  }

  /** What the server tells this browser. */
  async told<T>(path: string): Promise<T> {
    return this.page.evaluate(async (asked) => (await fetch(asked)).json() as unknown, path) as Promise<T>;
  }

  async record(): Promise<RegistryRecord> {
    return (await this.told<{ record: RegistryRecord }>("/api/v1/holder/licence")).record;
  }

  /** The whole code on the screen, as another camera sees it. */
  async photographCode(): Promise<Buffer> {
    await this.page.click("button.symbol");
    await this.page.waitForSelector("button.symbol.large");
    const picture = await this.page.screenshot();
    await this.page.click("button.symbol");
    return picture;
  }
}
