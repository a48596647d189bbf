// Keys that change beside a platform: an operator with the root keys at hand, and two administrators.

import { join } from "node:path";

import { type Officer, account, staff } from "./api.ts";
import type { Site } from "./site.ts";

export class Keys {
  private readonly site: Site;
  private readonly admin: Officer;
  private readonly second: Officer;

  private constructor(site: Site, admin: Officer, second: Officer) {
    this.site = site;
    this.admin = admin;
    this.second = second;
  }

  static async of(site: Site): Promise<Keys> {
    const admin = await staff(account("admin", 0, site), site);
    const secret = "a long enough pass phrase";
    const person = { login: "second", name: "演示员", password: secret, roles: ["admin"] };
    await admin.post("/api/v1/admin/staff", person);
    return new Keys(site, admin, await staff({ role: "admin", login: "second", secret }, site));
  }

  /** A change that the roots sign at the command line and, where it needs another, the second activates. */
  async change(...words: string[]): Promise<void> {
    const before = await this.served();
    const root = join(this.site.folder, "data", "keys", "root.json");
    const told = this.site.command("keys", ...words, "--root", root, "--by", "admin");
    const waits = /^(\S+) waits for 1 /.exec(told);
    if (waits === null && !told.startsWith("activated")) throw new Error(told);
    if (waits !== null) {
      await this.second.post(`/api/v1/admin/trust-proposals/${waits[1] ?? ""}/activation`, {});
    }
    // What the command line lets count is the server's within a second.
    for (let tries = 0; tries < 100; tries += 1) {
      if ((await this.served()) !== before) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("the list in use is the one of before");
  }

  private async served(): Promise<string> {
    return (await fetch(`${this.site.base}/api/v1/trust-list`)).text();
  }

  /** One administrator ends the trust in a key, at once. */
  async distrust(key: string): Promise<void> {
    await this.admin.post(`/api/v1/admin/keys/${key}/revocation`, { reason: "compromised" });
  }

  /** The newest key of SM2 for a use, which signs. */
  newest(use: "licence" | "online"): string {
    const lines = this.site.command("keys", "list").split("\n").map((line) => line.split("  "));
    const signing = lines.filter(
      ([, suite, used, , signs]) => suite === "SM2-SM3" && used === use && signs === "signs",
    );
    // In an overlap the one before it signs too, what devices show.
    const [found] = signing.sort(([, , , , , one = ""], [, , , , , other = ""]) => other.localeCompare(one));
    if (found?.[0] === undefined) throw new Error(`no key for ${use} signs`);
    return found[0];
  }
}
