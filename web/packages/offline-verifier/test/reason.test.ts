// The same codes and texts as the Rust crate has: they are looked for in its sources.

import { readFileSync, readdirSync } from "node:fs";
import { expect, it } from "vitest";

import { type ReasonCode, reason } from "../src/reason.ts";

const crate = new URL("../../../../crates/credential/src/", import.meta.url);
const rust = readdirSync(crate, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".rs"))
  .map((name) => readFileSync(new URL(name, crate), "utf8"))
  .join("\n")
  // A text over several lines continues after a backslash.
  .replace(/\\\n\s*/g, "");

const written = readFileSync(new URL("../src/reason.ts", import.meta.url), "utf8");
const table = written.slice(written.indexOf("const TEXTS"));
const codes = [...table.matchAll(/^ {2}"?([a-z][a-z0-9-]*)"?: \[/gm)].map(([, code]) => code ?? "");

it("finds every reason of the table", () => {
  expect(codes.length).toBeGreaterThan(40);
});

it.each(codes)("%s is told as in Rust", (code) => {
  const { zh, en } = reason(code as ReasonCode);
  for (const text of [code, zh, en]) expect(rust.includes(`"${text}"`), text).toBe(true);
});
