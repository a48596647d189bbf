// A platform that browser tests run against: a process of its own, on a free port, with a data folder
// that is removed afterwards.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Account {
  readonly role: string;
  readonly login: string;
  readonly secret: string;
}

export interface Site {
  readonly base: string;
  readonly accounts: readonly Account[];
  readonly process: number;
  /** Runs a command on the same data; answers what it printed. */
  readonly command: (...words: string[]) => string;
  readonly folder: string;
  readonly stop: () => Promise<void>;
}

const BINARY =
  process.env["JIAZHAO_BIN"] ??
  new URL("../../../target/debug/jiazhao", import.meta.url).pathname;

/** The shortest period: tests wait for a list that speaks of a new binding. And every phone has an
 * address of its own, as it would: limits on guessing count by address. */
const CONFIG = '[status]\nperiod_seconds = 10\n[server]\nproxies = ["127.0.0.1"]\n';

/** Commands beside a demonstration sign in its name. */
const ISSUER = '[issuer]\nname = "全国公安交管电子证照系统（演示）"\n';

/** A demonstration with made-up people, and its accounts; `more` is added to its configuration. */
export async function demonstration(more = ""): Promise<Site> {
  const place = prepared(CONFIG + ISSUER + more);
  const server = place.spawn("demo", "--drivers", "200", "--listen", "127.0.0.1:0");
  const accounts: Account[] = [];
  let base = "";
  for await (const [role = "", address = "", login = "-", secret = "-"] of columns(server)) {
    if (role === "service") base = address.replace(/\/$/, "");
    if (login !== "-") accounts.push({ role, login, secret });
    // Accounts are told one after the other; this one is the last.
    if (role === "driver-to-activate") break;
  }
  return place.site(server, base, accounts);
}

/** A platform as it is installed: nobody but its first administrator, whose second factor is asked for. */
export async function installation(): Promise<Site> {
  const place = prepared(`${CONFIG}listen = "127.0.0.1:0"\n[log]\nfilter = "warn"\n`);
  place.command("keys", "generate", "--root-out", join(place.folder, "root.json"));
  const [login = "", secret = ""] = place.command("staff", "bootstrap").trim().split("  ");
  const server = place.spawn("serve");
  let base = "";
  for await (const [line = ""] of columns(server)) {
    base = line.replace("listening on ", "http://");
    break;
  }
  return place.site(server, base, [{ role: "admin", login, secret }]);
}

function prepared(config: string) {
  const folder = mkdtempSync(join(tmpdir(), "jiazhao-e2e-"));
  const file = join(folder, "jiazhao.toml");
  writeFileSync(file, config);
  const global = ["--config", file, "--data", join(folder, "data")];
  const command = (...words: string[]): string =>
    execFileSync(BINARY, [...global, ...words], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  return {
    folder,
    command,
    spawn: (...words: string[]): ChildProcess =>
      spawn(BINARY, [...global, ...words], { stdio: ["ignore", "pipe", "inherit"] }),
    site: async (server: ChildProcess, base: string, accounts: readonly Account[]): Promise<Site> => {
      if (base === "") throw new Error(`nothing is served: ${BINARY}`);
      await untilReady(base);
      const stop = async (): Promise<void> => {
        server.kill("SIGTERM");
        await new Promise((resolve) => server.once("exit", resolve));
        rmSync(folder, { recursive: true });
      };
      return { base, accounts, process: server.pid ?? 0, command, folder, stop };
    },
  };
}

async function* columns(server: ChildProcess): AsyncGenerator<string[]> {
  if (server.stdout === null) throw new Error("the platform has no output");
  for await (const line of createInterface({ input: server.stdout })) yield line.split("  ");
}

async function untilReady(base: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(`${base}/readyz`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the platform is not ready");
}
