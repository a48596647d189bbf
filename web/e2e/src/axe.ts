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

/** No serious finding on this screen, in its light and in its dark colours. */
export async function expectAccessible(page: Page, screen: string): Promise<void> {
  await page.addScriptTag({ content: axe });
  const serious: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const { id, impact, nodes } of await findings(page)) {
      if (impact !== "serious" && impact !== "critical") continue;
      serious.push(`${screen}, ${colorScheme}: ${id}: ${nodes[0]?.html ?? ""}`);
    }
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  expect(serious).toEqual([]);
}

function findings(page: Page): Promise<readonly Finding[]> {
  return page.evaluate(async () => {
    const { axe: tool } = window as unknown as { axe: { run: () => Promise<{ violations: Finding[] }> } };
    return (await tool.run()).violations;
  });
}
