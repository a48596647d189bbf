// axe on a page, which has to be without the policy that forbids other scripts (`bypassCSP`).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { Page } from "playwright-core";
import { expect } from "vitest";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { html: string }[];
}

/** No serious finding on this screen. */
export async function expectAccessible(page: Page, screen: string): Promise<void> {
  await page.addScriptTag({ content: axe });
  const findings = await page.evaluate(async () => {
    const { axe: tool } = window as unknown as { axe: { run: () => Promise<{ violations: unknown }> } };
    return (await tool.run()).violations;
  });
  const serious = (findings as Finding[])
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${screen}: ${id}: ${nodes[0]?.html ?? ""}`);
  expect(serious).toEqual([]);
}
