// The demonstration that the browser tests run against: a process of its own, on a free port, with a
// data folder that is removed afterwards.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import type { TestProject } from "vitest/node";

export interface Account {
  readonly role: string;
  readonly login: string;
  readonly secret: string;
}

declare module "vitest" {
  interface ProvidedContext {
    base: string;
    accounts: readonly Account[];
    process: number;
  }
}

const BINARY =
  process.env["JIAZHAO_BIN"] ??
  new URL("../../../target/debug/jiazhao", import.meta.url).pathname;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "jiazhao-e2e-"));
  const config = join(folder, "jiazhao.toml");
  // The shortest period: the tests wait for a list that speaks of a new binding. And every phone has an
  // address of its own, as it would: limits on guessing count by address.
  writeFileSync(config, '[status]\nperiod_seconds = 10\n[server]\nproxies = ["127.0.0.1"]\n');
  const server = spawn(
    BINARY,
    ["--config", config, "--data", join(folder, "data"), "demo", "--drivers", "200"].concat(
      "--listen",
      "127.0.0.1:0",
    ),
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const { base, accounts } = await ready(server);
  project.provide("base", base);
  project.provide("accounts", accounts);
  project.provide("process", server.pid ?? 0);
  return async () => {
    server.kill("SIGTERM");
    await new Promise((resolve) => server.once("exit", resolve));
    rmSync(folder, { recursive: true });
  };
}

async function ready(server: ChildProcess): Promise<{ base: string; accounts: Account[] }> {
  if (server.stdout === null) throw new Error("the demonstration has no output");
  const accounts: Account[] = [];
  let base = "";
  for await (const line of createInterface({ input: server.stdout })) {
    const [role = "", address = "", login = "-", secret = "-"] = line.split("  ");
    if (role === "service") base = address.replace(/\/$/, "");
    if (login !== "-") accounts.push({ role, login, secret });
    // Accounts are told one after the other; this one is the last.
    if (role === "driver-to-activate") break;
  }
  if (base === "") throw new Error(`no demonstration: ${BINARY}`);
  await untilReady(base);
  return { base, accounts };
}

async function untilReady(base: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(`${base}/readyz`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the demonstration is not ready");
}
