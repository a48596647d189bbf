import { expect, it } from "vitest";

import { linkOf, told } from "../src/told.ts";

it("r37: a push is told in the language of the page, and opens where it is read", () => {
  const issued = JSON.stringify({ v: 1, kind: "e-licence-issued", message: "msg_1", link: "/" });
  expect(told(issued, "zh")).toEqual({
    title: "电子驾驶证",
    body: "申领成功，电子驾驶证已可出示",
    tag: "e-licence-issued",
    link: "/",
  });
  expect(told(issued, "en").body).toBe("Your e-licence was issued and can be shown");
});

it("what cannot be read still says that there is something, and opens no other place", () => {
  const odd = ["", "[]", "null", "1", "{", '{"kind":1}', null];
  for (const text of odd) {
    const said = told(text, "en");
    expect(said.body).toBe("You have a new message");
    expect([said.tag, said.link]).toEqual(["message", "/messages"]);
  }
  // Kinds that came later, and names that every object has.
  for (const kind of ["something-new", "constructor", "__proto__"]) {
    const said = told(JSON.stringify({ kind, link: "/messages" }), "zh");
    expect(said.body).toBe("您有一条新消息");
    expect(said.tag).toBe(kind);
  }
});

it("a link is a page of the app or the messages", () => {
  for (const link of ["//evil.example/", "javascript:alert(1)", "/freeze#x", "/messages?x", 7, undefined]) {
    expect(linkOf(link)).toBe("/messages");
  }
  expect([linkOf("/"), linkOf("/messages")]).toEqual(["/", "/messages"]);
});

it("every message of the inbox has words of its own", () => {
  const kinds = [
    "e-licence-issued", "e-licence-superseded", "status-changed", "application-rejected", "issue-refused",
    "binding-revoked", "account-activated", "account-recovered", "device-added", "device-refused",
    "device-replaced", "contact-changed", "password-changed", "account-frozen", "account-unfrozen",
  ];
  for (const language of ["zh", "en"] as const) {
    const bodies = kinds.map((kind) => told(JSON.stringify({ kind }), language).body);
    expect(new Set(bodies).size).toBe(kinds.length);
    // A line of a locked screen.
    for (const body of bodies) expect(body.length).toBeLessThanOrEqual(64);
  }
});
