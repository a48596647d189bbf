// Codes made by the Rust crate, honest and otherwise: the same answer to each, reason by reason.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import { fromBase64Url } from "../src/bytes.ts";
import { Memory, StatusLists, openStatusList, openTrustList, verify } from "../src/index.ts";

interface Case {
  readonly name: string;
  readonly code: string;
  readonly trust: string;
  readonly lists: string;
  readonly at: string;
  /** What the same verifier checked earlier. */
  readonly before: readonly { code: string; at: string; trust: string }[];
  readonly expect: Record<string, unknown> & { exit_code: number };
}
interface ListFile {
  readonly number: number;
  readonly bits: number;
  readonly values: string;
  readonly as_of: string;
  readonly next_update: string;
  readonly cwt?: string;
  readonly jwt?: string;
}

const file = JSON.parse(
  readFileSync(new URL("../../../../test-vectors/codes.json", import.meta.url), "utf8"),
) as {
  cases: readonly Case[];
  trust_lists: Record<string, unknown>;
  status_lists: Record<string, readonly ListFile[]>;
};

const seconds = (instant: string): number => Date.parse(instant) / 1000;
const EXIT = { good: 0, failed: 1, unchecked: 2 } as const;

const trustOf = (name: string) => openTrustList(JSON.stringify(file.trust_lists[name]));

async function listsOf(name: string): Promise<StatusLists> {
  const trust = await trustOf("current");
  const lists = new StatusLists();
  for (const { cwt, jwt } of file.status_lists[name] ?? []) {
    lists.hold(await openStatusList(cwt === undefined ? (jwt ?? "") : bytesOf(cwt), trust));
  }
  return lists;
}

function bytesOf(text: string) {
  const bytes = fromBase64Url(text);
  if (bytes === null) throw new Error("the file");
  return bytes;
}

it("has cases of every kind", () => {
  expect(file.cases.length).toBeGreaterThan(100);
});

it.each(file.cases.map((one) => [one.name, one] as const))("sc_42 %s", async (_, one) => {
  const memory = new Memory();
  for (const earlier of one.before) {
    const trust = await trustOf(earlier.trust);
    const lists = await listsOf(one.lists);
    await verify(earlier.code, { trust, lists, memory, now: seconds(earlier.at) });
  }
  const against = { trust: await trustOf(one.trust), lists: await listsOf(one.lists), memory };
  const answer = await verify(one.code, { ...against, now: seconds(one.at) });
  const { outcome, code, reasons, ...facts } = answer;
  const shown = code && (({ portrait: _portrait, ...rest }) => rest)(code);
  const told = {
    ...facts,
    code: shown,
    reasons: reasons.map((reason) => reason.code),
    exit_code: EXIT[outcome],
  };
  expect(told).toMatchObject(one.expect);
});

it("sc_13 every signed list reads as it was written, JWT and CWT", async () => {
  const trust = await trustOf("current");
  for (const list of Object.values(file.status_lists).flat()) {
    for (const text of [list.cwt && bytesOf(list.cwt), list.jwt]) {
      if (text === undefined) continue;
      const read = await openStatusList(text as string, trust);
      expect(read.number).toBe(String(list.number));
      expect(read.bits).toBe(list.bits);
      expect(Buffer.from(read.values).toString("hex")).toBe(list.values);
      expect(read.issuedAt).toBe(seconds(list.as_of));
      expect(read.nextUpdate).toBe(seconds(list.next_update));
    }
  }
});

it("sc_42 sc_45 an altered status list is refused, by its key or its form", async () => {
  const trust = await trustOf("current");
  const lists = Object.values(file.status_lists).flat();
  const cwt = bytesOf(lists.find((list) => list.cwt !== undefined)?.cwt ?? "");
  for (let at = 0; at < cwt.length; at += 1) {
    const altered = cwt.slice();
    altered[at] = (altered[at] ?? 0) ^ 1;
    await expect(openStatusList(altered, trust), `byte ${at}`).rejects.toThrow(/^[a-z-]+/);
  }
  const jwt = lists.find((list) => list.jwt !== undefined)?.jwt ?? "";
  const [head = "", payload = "", signature = ""] = jwt.split(".");
  for (const text of ["", "a", "a.b", `${head}.${payload}`, `${jwt}.`, `.${payload}.${signature}`]) {
    await expect(openStatusList(text, trust)).rejects.toThrow(/not-status-list|headers|signature-length/);
  }
  const other = Buffer.from(payload, "base64url").toString().replace('"ttl":', '"ttl":1');
  const forged = `${head}.${Buffer.from(other).toString("base64url")}.${signature}`;
  await expect(openStatusList(forged, trust)).rejects.toThrow("status-list-bad-signature");
  const twice = Buffer.from(payload, "base64url").toString().replace("{", '{"ttl":1,');
  const repeated = `${head}.${Buffer.from(twice).toString("base64url")}.${signature}`;
  await expect(openStatusList(repeated, trust)).rejects.toThrow("not-status-list");
  const removed = await trustOf("online keys removed");
  await expect(openStatusList(jwt, removed)).rejects.toThrow("status-list-unknown-key");
  const revoked = await trustOf("online keys revoked");
  await expect(openStatusList(jwt, revoked)).rejects.toThrow("status-list-key-distrusted");
});
