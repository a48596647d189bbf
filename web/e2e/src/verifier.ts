// The verifier's app as an officer uses it.

import type { Page } from "playwright-core";

import { type Place, shared } from "./api.ts";
import type { Account } from "./site.ts";

export class Verifier {
  readonly page: Page;
  private readonly place: Place;

  constructor(page: Page, place: Place = shared()) {
    this.page = page;
    this.place = place;
  }

  async signIn({ login, secret }: Account): Promise<void> {
    await this.page.goto(`${this.place.base}/verify`);
    await this.page.fill("#login", login);
    await this.page.fill("#password", secret);
    await this.page.click('[data-do="enter"]');
    await this.page.waitForSelector("#code");
  }

  /** Asks whether a class is covered, from the next check on. */
  async about(vehicleClass: string, measure = "none"): Promise<void> {
    await this.page.selectOption('[name="class"]', vehicleClass);
    await this.page.selectOption('[name="measure"]', measure);
  }

  async type(code: string): Promise<void> {
    await this.page.fill("#code", code);
    await this.page.click('[data-do="check"]');
    await this.answered();
  }

  /** A hand scanner types fast, into no field, and ends with Enter. */
  async wedge(code: string): Promise<void> {
    await this.page.locator("header h1").click();
    await this.page.evaluate(() => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    });
    await this.page.keyboard.type(code);
    await this.page.keyboard.press("Enter");
    await this.answered();
  }

  async scan(): Promise<void> {
    await this.page.click('[data-do="scan"]');
    await this.answered();
  }

  private async answered(): Promise<void> {
    await this.page.waitForSelector('[data-part="headline"]', { timeout: 20_000 });
  }

  /** `good`, `bad` or `unsure`. */
  async tone(): Promise<string | null> {
    return this.page.getAttribute('[data-part="headline"]', "data-tone");
  }

  async way(): Promise<string | null> {
    return this.page.getAttribute('[data-part="headline"]', "data-way");
  }

  /** `yes`, `no` or `unknown`; null where the fact is not told. */
  async fact(name: string): Promise<string | null> {
    const fact = this.page.locator(`[data-fact="${name}"]`).first();
    return (await fact.count()) === 0 ? null : fact.getAttribute("data-verdict");
  }

  async reasons(): Promise<string[]> {
    const told = this.page.locator('[data-part="result"] [data-reason], [data-part="result"] [data-problem]');
    return told.evaluateAll((all) =>
      all.map((one) => one.getAttribute("data-reason") ?? one.getAttribute("data-problem") ?? ""),
    );
  }

  async text(part: string): Promise<string> {
    return (await this.page.locator(`[data-part="${part}"]`).first().textContent()) ?? "";
  }

  /** Fetches trust list and status lists anew, as opening the page does. */
  async learn(): Promise<void> {
    const before = Date.now();
    await this.page.reload();
    await this.page.waitForFunction((asked) => {
      const known = document.querySelector<HTMLElement>("[data-known]");
      return Number(known?.dataset["known"]) >= asked;
    }, before);
  }
}
