// Debian's Chromium, and what every page of a test has: one origin, and no other.

import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import { expect, inject } from "vitest";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
];

export interface Launch {
  /** What the camera sees: an absolute path of an mjpeg file. */
  readonly camera?: string;
}

export function launch({ camera }: Launch = {}): Promise<Browser> {
  const seen = camera === undefined ? [] : [`--use-file-for-fake-video-capture=${camera}`];
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [...FLAGS, ...seen],
  });
}

/** A telephone of its own: nothing is shared with another but the browser's program. */
export async function phone(
  browser: Browser,
  options: Parameters<Browser["newContext"]>[0] = {},
  base = inject("base"),
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    locale: "zh-CN",
    permissions: [],
    extraHTTPHeaders: { "x-forwarded-for": nextAddress() },
    ...options,
  });
  const page = await context.newPage();
  watched.set(context, watch(context, page, base));
  return page;
}

let addresses = 0;

/** An address of the range for documentation (RFC 5737), another one each time. */
export function nextAddress(): string {
  addresses += 1;
  return `198.51.100.${addresses}`;
}

interface Watched {
  readonly strangers: string[];
  readonly faults: string[];
}

const watched = new Map<BrowserContext, Watched>();

function watch(context: BrowserContext, page: Page, base: string): Watched {
  const seen: Watched = { strangers: [], faults: [] };
  const own = [base, "data:", "blob:"];
  context.on("request", (request) => {
    if (!own.some((start) => request.url().startsWith(start))) seen.strangers.push(request.url());
  });
  page.on("pageerror", (error) => seen.faults.push(error.message));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) seen.faults.push(message.text());
  });
  return seen;
}

/** No request left the origin, the policy held, and no page failed. */
export function expectQuiet(): void {
  for (const { strangers, faults } of watched.values()) {
    expect(strangers).toEqual([]);
    expect(faults).toEqual([]);
  }
  watched.clear();
}
