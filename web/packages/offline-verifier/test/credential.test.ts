// Credential files made by the Rust crate, and a trust list made here.

import { readFileSync } from "node:fs";
import { sm2 } from "sm-crypto-v2";
import { expect, it } from "vitest";

import { type Bytes, concat, toBase64Url, utf8 } from "../src/bytes.ts";
import { CborMap, Tagged, type Value, encode } from "../src/cbor.ts";
import { verify, openTrustList } from "../src/index.ts";
import { publicKey, suiteOf } from "../src/key.ts";

interface Form {
  readonly suite: string;
  readonly credential: string;
  readonly public_key: string;
  readonly key_id: string;
}

const file = JSON.parse(
  readFileSync(new URL("../../../../test-vectors/licence-credential.json", import.meta.url), "utf8"),
) as Record<"es256" | "sm2_sm3", Form>;

const bytes = (text: string): Bytes => Uint8Array.from(Buffer.from(text, "hex"));
const NOW = Date.parse("2022-01-01T00:00:00Z") / 1000;
const root = sm2.generateKeyPairHex();

/** Signs a trust list of these keys as the platform does, with a root of SM2. */
async function trustJson(
  keys: readonly { suite: string; point: Bytes; state?: number; use?: number }[],
  change: (file: Record<string, unknown>) => unknown = (it) => it,
): Promise<string> {
  const suite = suiteOf("SM2-SM3");
  const rootKey = suite && (await publicKey(suite, bytes(root.publicKey)));
  if (!rootKey) throw new Error("the root");
  const listed = keys.map(
    ({ suite: name, point, state = 0, use }) =>
      new CborMap([
        [1, name],
        [2, point],
        [3, "CN-DEMO"],
        [4, NOW - 100_000_000],
        [5, NOW + 100_000_000],
        [6, state],
        ...(state === 2 ? ([[7, NOW]] as const) : []),
        ...(use === undefined ? [] : ([[8, use]] as const)),
      ]),
  );
  const payload = encode(
    new CborMap([
      [1, 7],
      [2, NOW - 1000],
      [3, NOW + 1000],
      [4, listed],
    ]),
  );
  const list = signed("application/vnd.jiazhao.trust.v1+cbor", bytes(rootKey.keyId), payload);
  return JSON.stringify(
    change({
      format: "jiazhao-trust/1",
      roots: [
        {
          suite: "SM2-SM3",
          key_id: rootKey.keyId,
          public_key: Buffer.from(rootKey.point).toString("base64"),
        },
      ],
      lists: [Buffer.from(list).toString("base64")],
    }),
  );
}

function signed(type: string, keyId: Bytes, payload: Bytes): Bytes {
  const head = encode(
    new CborMap([
      [1, -65_537],
      [4, keyId],
      [16, type],
    ]),
  );
  const message = encode(["Signature1", head, new Uint8Array(), payload]);
  const signature = bytes(sm2.doSignature(message, root.privateKey, { hash: true }));
  const parts: Value = [head, new CborMap([]), payload, signature];
  return encode(new Tagged(18, parts));
}

const both = async (): Promise<string> =>
  trustJson([file.es256, file.sm2_sm3].map((it) => ({ suite: it.suite, point: bytes(it.public_key) })));

it.each([file.es256, file.sm2_sm3])("a credential of $suite is authentic, and no more", async (form) => {
  const trust = await openTrustList(await both());
  const answer = await verify(bytes(form.credential), { trust, now: NOW });
  expect(answer.authentic).toBe(true);
  expect(answer.outcome).toBe("unchecked");
  expect(answer.reasons.map(({ code }) => code)).toEqual(["not-fresh", "status-unknown"]);
  expect(answer.by).toEqual({ issuer: "CN-DEMO", key_id: form.key_id, suite: form.suite });
  expect(answer.licence?.name).toBe("测试甲");
  expect(answer.licence?.valid_until).toBe("2026-05-04");
});

it("sc_42 every altered byte of a credential is refused, and none says revoked", async () => {
  const trust = await openTrustList(await both());
  for (const form of [file.es256, file.sm2_sm3]) {
    const good = bytes(form.credential);
    for (let at = 0; at < good.length; at += 1) {
      const altered = good.slice();
      altered[at] = (altered[at] ?? 0) ^ 0x01;
      const answer = await verify(altered, { trust, now: NOW });
      expect(answer.authentic, `byte ${at}`).toBe(false);
      expect(answer.outcome).toBe("failed");
      expect(JSON.stringify(answer.reasons)).not.toMatch(/revoked|吊销/);
    }
    for (const cut of [0, 1, 40, good.length - 1]) {
      expect((await verify(good.slice(0, cut), { trust, now: NOW })).outcome).toBe("failed");
    }
    const longer = await verify(concat(good, Uint8Array.of(0)), { trust, now: NOW });
    expect(longer.reasons[0]?.code).toBe("trailing-bytes");
  }
});

it("sc_42 sc_45 terms, keys and the trust list's age each have their own reason", async () => {
  const credential = bytes(file.sm2_sm3.credential);
  const point = bytes(file.sm2_sm3.public_key);
  const codes = async (json: string, now: number): Promise<string[]> => {
    const trust = await openTrustList(json);
    return (await verify(credential, { trust, now })).reasons.map(({ code }) => code);
  };
  const suite = "SM2-SM3";
  expect(await codes(await both(), NOW + 90_000_000)).toContain("credential-expired");
  expect(await codes(await both(), NOW - 90_000_000)).toContain("credential-not-yet-valid");
  expect(await codes(await both(), NOW + 2000)).toContain("trust-list-stale");
  expect(await codes(await trustJson([{ suite, point, state: 2 }]), NOW)).toEqual(["key-distrusted"]);
  expect(await codes(await trustJson([{ suite, point, use: 1 }]), NOW)).toEqual(["key-wrong-use"]);
  const others = [{ suite: "ES256", point: bytes(file.es256.public_key) }];
  expect(await codes(await trustJson(others), NOW)).toEqual(["re-signed"]);
  expect(await codes(await trustJson(others), NOW + 2000)).toEqual(["key-unknown", "trust-list-stale"]);
});

it("sc_45 a trust list is the roots' own, or refused with its reason", async () => {
  const keys = [{ suite: "SM2-SM3", point: bytes(file.sm2_sm3.public_key) }];
  const good = await trustJson(keys);
  await expect(openTrustList(good, ["00".repeat(16)])).rejects.toThrow("trust-other-root");
  const altered = await trustJson(keys, (it) => ({
    ...it,
    lists: [Buffer.from((it["lists"] as string[])[0] ?? "", "base64")].map((list) => {
      list[list.length - 70] = (list[list.length - 70] ?? 0) ^ 1;
      return list.toString("base64");
    }),
  }));
  await expect(openTrustList(altered)).rejects.toThrow("trust-bad-signature");
  for (const text of [
    "",
    "[]",
    good.replace('"format"', '"form"'),
    good.replace("{", '{"format":"jiazhao-trust/1",'),
    good.replace("}", ',"more":1}'),
    await trustJson(keys, (it) => ({ ...it, lists: [] })),
    await trustJson(keys, (it) => ({ ...it, lists: ["*"] })),
  ]) {
    await expect(openTrustList(text)).rejects.toThrow("not-trust-list");
  }
  const none = await trustJson(keys, (it) => ({ ...it, roots: [], lists: [] }));
  await expect(openTrustList(none)).rejects.toThrow("missing-claim");
  const twice = await trustJson([...keys, ...keys]);
  await expect(openTrustList(twice)).rejects.toThrow("repeated-key");
  const badUse = await trustJson([{ ...keys[0], suite: "SM2-SM3", point: bytes(file.sm2_sm3.public_key), use: 0 }]);
  await expect(openTrustList(badUse)).rejects.toThrow("claim-value (use)");
});

it("a text that is no code says what it is", async () => {
  const trust = await openTrustList(await both());
  const codes = async (text: string): Promise<string[]> =>
    (await verify(text, { trust, now: NOW })).reasons.map(({ code }) => code);
  expect(await codes("hello")).toEqual(["not-code-text"]);
  expect(await codes("JZ1:a")).toEqual(["not-base45"]);
  expect(await codes("JZ1:")).toEqual(["truncated"]);
  expect(toBase64Url(utf8("x"))).toBe("eA");
});
