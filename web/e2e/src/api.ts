// What staff and the registry do beside the pages, over HTTP.

import { inject } from "vitest";

import { parseCode } from "../../packages/offline-verifier/src/code.ts";
import { parse } from "../../packages/offline-verifier/src/cose.ts";
import { PUBLIC_PROFILE, readProfile } from "../../packages/offline-verifier/src/profile.ts";

import { nextAddress } from "./browser.ts";
import type { Account, Site } from "./site.ts";

/** Where the pages and their people are. */
export type Place = Pick<Site, "base" | "accounts">;

/** The demonstration that all tests share. */
export const shared = (): Place => ({ base: inject("base"), accounts: inject("accounts") });

export function account(role: string, number = 0, place: Place = shared()): Account {
  const found = place.accounts.filter((one) => one.role === role)[number];
  if (found === undefined) throw new Error(`no account ${role} ${number}`);
  return found;
}

async function post(
  path: string,
  headers: Record<string, string>,
  body: unknown,
  place: Place = shared(),
) {
  const answer = await fetch(place.base + path, {
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
export async function activationCode(licenceNumber: string, place: Place = shared()): Promise<string> {
  const login = COUNTERS[licenceNumber.slice(0, 4)];
  const officer = place.accounts.find((one) => one.login === login);
  if (officer === undefined) throw new Error(`no counter for ${licenceNumber.slice(0, 4)}`);
  const counter = await staff(officer, place);
  const made = await counter.post("/api/v1/counter/activation-codes", {
    licence_number: licenceNumber,
    identity: { method: "id-card-reader" },
  });
  return (made as { code: string }).code;
}

/** What somebody of the staff asks beside the pages. */
export interface Officer {
  readonly get: (path: string) => Promise<unknown>;
  readonly post: (path: string, body: unknown) => Promise<unknown>;
}

export async function staff({ login, secret }: Account, place: Place = shared()): Promise<Officer> {
  const body = { kind: "staff", login, password: secret };
  const signedIn = await post("/api/v1/sessions", {}, body, place);
  const cookie = (signedIn.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const told = async (answer: Response): Promise<unknown> => {
    const text = await answer.text();
    return text === "" ? null : (JSON.parse(text) as unknown);
  };
  return {
    get: async (path) => told(await fetch(place.base + path, { headers: { cookie } })),
    post: async (path, asked) => told(await post(path, { cookie }, asked, place)),
  };
}

export type RegistryRecord = Readonly<Record<string, unknown>>;

/** Counts up from run to run and file to file. */
let version = Date.now();

/** The registry tells a new state of the record of a city's first driver, which a page has shown. */
export async function registryChange(
  record: RegistryRecord,
  status: string[],
  place: Place = shared(),
): Promise<void> {
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
  const authorization = `Bearer ${account("registry", 0, place).secret}`;
  const answer = await post("/api/v1/registry/changes", { authorization }, [line], place);
  const told = (await answer.json()) as { imported: number };
  if (told.imported !== 1) throw new Error(JSON.stringify(told));
}

/** What an offline code names: the key that signed it, and the number of its credential's status list. */
function named(code: string): { key: string; list: string } {
  const parsed = parseCode(code);
  if (parsed.kind !== "offline") throw new Error("no offline code");
  const { keyId, payload } = parse(parsed.profile, [PUBLIC_PROFILE]);
  return { key: keyId, list: readProfile(payload, false).status.list };
}

/** The number of the status list in which an offline code's credential has its place. */
export const listOf = (code: string): string => named(code).list;

/** The key that signed an offline code's credential. */
export const keyOf = (code: string): string => named(code).key;

/** Waits until a status list is published that speaks of what was so at an instant. */
export async function listNewerThan(
  instant: number,
  number: string,
  place: Place = shared(),
): Promise<void> {
  // A list is dated half a minute back, and signed anew every ten seconds if something changed.
  for (let tries = 0; tries < 150; tries += 1) {
    const answer = await fetch(`${place.base}/api/v1/status-lists`);
    const { lists } = (await answer.json()) as { lists: { number: number; issued_at: string }[] };
    const list = lists.find((one) => String(one.number) === number);
    if (list !== undefined && Date.parse(list.issued_at) > instant) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error("no newer status list");
}
