// Builds both apps and their service workers into dist/, each file with its brotli form beside it.
// The server embeds that folder; nothing here is needed to run it.

import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

import vue from "@vitejs/plugin-vue";
import { build } from "vite";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const apps = [
  {
    name: "holder",
    page: "/",
    html: "holder.html",
    worker: "sw.js",
    entry: "apps/holder/src/holder.worker.ts",
  },
  {
    name: "verifier",
    page: "/verify",
    html: "verify.html",
    worker: "verify-sw.js",
    entry: "packages/ui/src/shell.worker.ts",
  },
];

await clean();
await pages();
for (const app of apps) await worker(app, await shell(app));
await rm(join(dist, ".vite"), { recursive: true });
await compress(dist);

/** Everything but what keeps the folder in the repository. */
async function clean() {
  await mkdir(dist, { recursive: true });
  for (const name of await readdir(dist)) {
    if (name !== ".gitkeep") await rm(join(dist, name), { recursive: true });
  }
}

async function pages() {
  const input = apps.map(({ name }) => join(root, "apps", name, "index.html"));
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    publicDir: join(root, "public"),
    plugins: [vue()],
    define: {
      __VUE_OPTIONS_API__: "true",
      __VUE_PROD_DEVTOOLS__: "false",
      __VUE_I18N_FULL_INSTALL__: "false",
      __VUE_I18N_LEGACY_API__: "false",
      __INTLIFY_PROD_DEVTOOLS__: "false",
    },
    build: {
      outDir: dist,
      emptyOutDir: false,
      manifest: true,
      // Nothing inline: the policy of the pages forbids it.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: { input },
    },
  });
  for (const { name, html } of apps) {
    await rename(join(dist, "apps", name, "index.html"), join(dist, html));
  }
  await rm(join(dist, "apps"), { recursive: true });
}

/** What an app needs to start without the network: its entry and all that this imports at once. */
async function shell({ name }) {
  const manifest = JSON.parse(await readFile(join(dist, ".vite/manifest.json"), "utf8"));
  const found = new Set();
  const visit = (key) => {
    const chunk = manifest[key];
    if (!chunk || found.has(`/${chunk.file}`)) return;
    found.add(`/${chunk.file}`);
    for (const file of chunk.css ?? []) found.add(`/${file}`);
    for (const imported of chunk.imports ?? []) visit(imported);
  };
  visit(`apps/${name}/index.html`);
  return [...found].sort();
}

async function worker({ name, page, worker: file, entry }, files) {
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    define: {
      APP: JSON.stringify(name),
      PAGE: JSON.stringify(page),
      SHELL: JSON.stringify(files),
    },
    build: {
      outDir: dist,
      emptyOutDir: false,
      lib: {
        entry: join(root, entry),
        formats: ["iife"],
        name: "shell",
        fileName: () => file,
      },
    },
  });
}

async function compress(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await compress(path);
    else if (/\.(js|css|svg|wasm|webmanifest)$/.test(entry.name)) await packed(path);
  }
}

async function packed(path) {
  const bytes = await readFile(path);
  const small = await promisify(brotliCompress)(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  // A file of a few lines only grows.
  if (small.length < bytes.length) await writeFile(join(dirname(path), `${basename(path)}.br`), small);
}
