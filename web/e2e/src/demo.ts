// The demonstration that all browser tests share.

import type { TestProject } from "vitest/node";

import { type Account, demonstration } from "./site.ts";

declare module "vitest" {
  interface ProvidedContext {
    base: string;
    accounts: readonly Account[];
    process: number;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { base, accounts, process, stop } = await demonstration();
  project.provide("base", base);
  project.provide("accounts", accounts);
  project.provide("process", process);
  return stop;
}
