import { defineConfig } from "vitest/config";

// `npm run pictures`: the screenshots of the README, made anew from a demonstration.
export default defineConfig({
  test: {
    include: ["e2e/pictures.ts"],
    globalSetup: "./e2e/src/demo.ts",
    testTimeout: 200_000,
    retry: 0,
  },
});
