// What staff and the registry do beside the pages, over HTTP.

import { inject } from "vitest";

import { nextAddress } from "./browser.ts";
import type { Account } from "./demo.ts";

export function account(role: string, number = 0): Account {
  const found = inject("accounts").filter((one) => one.role === role)[number];
  if (found === undefined) throw new Error(`no account ${role} ${number}`);
  return found;
}

async function post(path: string, headers: Record<string, string>, body: unknown) {
  const answer = await fetch(inject("base") + path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-forwarded-for": nextAddress(), ...headers },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** The officers of the cities whose drivers the demonstration tells. */
const COUNTERS: Readonly<Record<string, string>> = {
  "1101": "counter-beijing",
  "4403": "counter-shenzhen",
  "5101": "counter-chengdu",
};

/** Prints an activation code at the counter of the driver's city. */
export async function activationCode(licenceNumber: string): Promise<string> {
  const login = COUNTERS[licenceNumber.slice(0, 4)];
  const officer = inject("accounts").find((one) => one.login === login);
  const signedIn = await post("/api/v1/sessions", {}, {
    kind: "staff",
    login,
    password: officer?.secret,
  });
  const cookie = (signedIn.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const made = await post("/api/v1/counter/activation-codes", { cookie }, {
    licence_number: licenceNumber,
    identity: { method: "id-card-reader" },
  });
  return ((await made.json()) as { code: string }).code;
}

export interface RegistryRecord {
  readonly [field: string]: unknown;
}

/** Counts up from run to run and file to file. */
let version = Date.now();

/** The registry tells a new state of the record of a city's first driver, which a page has shown. */
export async function registryChange(record: RegistryRecord, status: string[]): Promise<void> {
  version += 1;
  const {
    authority_code: code,
    issuing_authority: name,
    licence_number,
    name: person,
    sex,
    nationality,
    birth_date,
    address,
    classes,
    first_issue_date,
    valid_from,
    valid_until,
    file_number,
    document_edition,
    points,
  } = record;
  const line = {
    subject: `demo-${String(code)}-0`,
    licence_number,
    name: person,
    sex,
    nationality,
    birth_date,
    address,
    classes,
    first_issue_date,
    valid_from,
    valid_until,
    file_number,
    document_edition,
    points,
    issuing_authority: { code, name },
    status,
    version,
  };
  const authorization = `Bearer ${account("registry").secret}`;
  const answer = await post("/api/v1/registry/changes", { authorization }, [line]);
  const told = (await answer.json()) as { imported: number };
  if (told.imported !== 1) throw new Error(JSON.stringify(told));
}

/** Waits until every published status list is newer than an instant. */
export async function listsNewerThan(instant: number): Promise<void> {
  // A list is dated half a minute back, and published every ten seconds.
  for (let tries = 0; tries < 120; tries += 1) {
    const answer = await fetch(`${inject("base")}/api/v1/status-lists`);
    const { lists } = (await answer.json()) as { lists: { issued_at: string }[] };
    const times = lists.map((list) => Date.parse(list.issued_at));
    if (times.length > 0 && times.every((time) => time > instant)) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error("no newer status list");
}
