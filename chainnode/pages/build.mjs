// Builds assets/verify.html out of verify/: one file with script, style and licences inside, and a
// policy that lets the browser run nothing else and reach no network. Run it by `make assets`.
//
// The result depends on the sources and the locked packages alone, so that anybody can build it
// again and compare bytes. `sourcesDigest` is the same computation as in chainnode/pages.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = resolve(HERE, "../..");
const MODULES = join(ROOT, "build/pages/node_modules");
const BUILD_FILES = ["build.mjs", "package-lock.json", "package.json", "tsconfig.json"];
const PAGE_BYTES_MAX = 164 * 1024;
// Two years back: what a department's desk runs.
const BROWSERS = ["chrome115", "firefox115", "safari16.4"];

const { build } = createRequire(join(MODULES, "..", "package.json"))("esbuild");

function sourceFiles() {
  const sources = readdirSync(join(HERE, "verify")).map((name) => `verify/${name}`);
  return [...BUILD_FILES, ...sources].sort();
}

function sourcesDigest() {
  const hash = createHash("sha256");
  for (const name of sourceFiles()) {
    const data = readFileSync(join(HERE, name));
    hash.update(`${name}\0${data.length}\0`).update(data);
  }
  return hash.digest("hex");
}

function read(name) {
  return readFileSync(join(HERE, "verify", name), "utf8");
}

async function script() {
  const result = await build({
    entryPoints: [join(HERE, "verify/page.ts")],
    bundle: true,
    write: false,
    minify: true,
    format: "iife",
    charset: "utf8",
    target: BROWSERS,
    legalComments: "none",
    nodePaths: [MODULES],
    tsconfigRaw: {},
    logLevel: "warning",
  });
  return result.outputFiles[0].text.trim();
}

function packages() {
  const { dependencies } = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));
  const locked = JSON.parse(readFileSync(join(HERE, "package-lock.json"), "utf8")).packages;
  return Object.entries(dependencies).map(([name, version]) => ({
    name,
    version,
    licence: locked[`node_modules/${name}`].license,
    integrity: locked[`node_modules/${name}`].integrity,
    text: readFileSync(join(MODULES, name, "LICENSE"), "utf8").trim(),
  }));
}

function licences(all) {
  return all.map((one) => `${one.name} ${one.version} (${one.licence})\n\n${one.text}\n`).join("\n");
}

function cspHash(text) {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function escaped(text) {
  return text.replace(/[&<>]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[one]);
}

async function page(all) {
  const [code, style] = [await script(), read("page.css").replace(/\s*\n\s*/g, " ").trim()];
  const policy = [
    "default-src 'none'",
    `script-src ${cspHash(code)}`,
    `style-src ${cspHash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  const parts = {
    CSP: policy,
    SOURCES: `sha256:${sourcesDigest()}`,
    STYLE: style,
    SCRIPT: code,
    LICENCES: escaped(licences(all)),
  };
  return read("page.html").replace(/@([A-Z]+)@/g, (_, name) => parts[name]);
}

execFileSync(join(MODULES, ".bin/tsc"), ["-p", join(HERE, "tsconfig.json")], { stdio: "inherit" });
const all = packages();
const html = await page(all);
const bytes = Buffer.byteLength(html);
if (bytes > PAGE_BYTES_MAX) throw new Error(`verify.html: ${bytes} bytes, at most ${PAGE_BYTES_MAX}`);
const record = {
  "verify.html": `sha256:${createHash("sha256").update(html).digest("hex")}`,
  sources: `sha256:${sourcesDigest()}`,
  packages: Object.fromEntries(all.map((one) => [`${one.name} ${one.version}`, one.integrity])),
};
writeFileSync(join(HERE, "assets/verify.html"), html);
writeFileSync(join(HERE, "assets/licences.txt"), licences(all));
writeFileSync(join(HERE, "assets/hashes.json"), `${JSON.stringify(record, null, 2)}\n`);
console.log(`verify.html: ${bytes} bytes, ${record["verify.html"]}`);
