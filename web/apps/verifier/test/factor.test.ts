import { expect, it } from "vitest";

import { codeOf, grouped, lines } from "../src/factor.ts";

it("six digits are a code, however they are grouped; nothing else is", () => {
  for (const good of ["123456", "123 456", " 123456 "]) expect(codeOf(good)).toBe("123456");
  for (const bad of ["", "12345", "1234567", "12345a", "１２３４５６", "-12345"]) {
    expect(codeOf(bad)).toBeNull();
  }
});

it("a key is copied in groups of four and stays the same", () => {
  const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
  expect(grouped(secret)).toBe("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP");
  expect(grouped(secret).replaceAll(" ", "")).toBe(secret);
  expect(grouped("ABCDE")).toBe("ABCD E");
  expect(grouped("")).toBe("");
});

it("recovery codes are copied one a line", () => {
  expect(lines(["AAAA-BBBB", "CCCC-DDDD"])).toBe("AAAA-BBBB\nCCCC-DDDD\n");
});
