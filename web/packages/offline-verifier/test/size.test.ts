// What a terminal has to load: under 40 KB gzip, everything that it needs in it.

import { gzipSync } from "node:zlib";

import { build } from "vite";
import { expect, it } from "vitest";

it("is under 40 KB gzip with all its dependencies", async () => {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      lib: {
        entry: new URL("../src/index.ts", import.meta.url).pathname,
        formats: ["es"],
      },
    },
  });
  const bundle = Array.isArray(built) ? built[0] : built;
  if (bundle === undefined || !("output" in bundle)) throw new Error("nothing was built");
  const chunks = bundle.output.filter((part) => part.type === "chunk");
  expect(chunks).toHaveLength(1);
  const [chunk] = chunks;
  expect(chunk?.imports).toEqual([]);
  const size = gzipSync(chunk?.code ?? "").length;
  console.log(`offline-verifier: ${size} bytes gzip`);
  expect(size).toBeGreaterThan(1_000);
  expect(size).toBeLessThan(40_000);
});
