import { defineConfig } from "vitest/config";

// One demonstration serves all files, so they run one after the other.
export default defineConfig({
  test: {
    include: ["e2e/test/**/*.test.ts"],
    globalSetup: "./e2e/src/demo.ts",
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 60_000,
    retry: 0,
  },
});
