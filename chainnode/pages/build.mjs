// Builds assets/verify.html out of verify/: one file with script, style and licences inside, and a
// policy that lets the browser run nothing else and reach no network. Also the script and the style
// of pages that a service of a department serves (console/, citizen/), which verify by the same modules.
// Run it by `make assets`.
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
const PAGE_BYTES_MAX = 180 * 1024;
// Served pages: the script that each loads, and how large it may be.
const SERVED = [
  { name: "console", entry: "search.ts", bytesMax: 192 * 1024 },
  { name: "citizen", entry: "page.ts", bytesMax: 192 * 1024, html: "citizen/page.html" },
];
// Two years back: what a department's desk runs.
const BROWSERS = ["chrome115", "firefox115", "safari16.4"];

const { build } = createRequire(join(MODULES, "..", "package.json"))("esbuild");

function sourceFiles(folders) {
  const sources = folders.flatMap((folder) =>
    readdirSync(join(HERE, folder)).map((name) => `${folder}/${name}`),
  );
  return [...BUILD_FILES, ...sources].sort();
}

function sourcesDigest(...folders) {
  const hash = createHash("sha256");
  for (const name of sourceFiles(folders)) {
    const data = readFileSync(join(HERE, name));
    hash.update(`${name}\0${data.length}\0`).update(data);
  }
  return hash.digest("hex");
}

function read(name) {
  return readFileSync(join(HERE, name), "utf8");
}

function style(name) {
  return read(name).replace(/\/\*.*?\*\//gs, "").replace(/\s*\n\s*/g, " ").trim();
}

async function script(entry) {
  const result = await build({
    entryPoints: [join(HERE, entry)],
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
  const [code, css] = [await script("verify/page.ts"), style("verify/page.css")];
  const policy = [
    "default-src 'none'",
    `script-src ${cspHash(code)}`,
    `style-src ${cspHash(css)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  const parts = {
    CSP: policy,
    SOURCES: `sha256:${sourcesDigest("verify")}`,
    STYLE: css,
    SCRIPT: code,
    LICENCES: escaped(licences(all)),
  };
  return read("verify/page.html").replace(/@([A-Z]+)@/g, (_, name) => parts[name]);
}

execFileSync(join(MODULES, ".bin/tsc"), ["-p", join(HERE, "tsconfig.json")], { stdio: "inherit" });
const all = packages();
const html = await page(all);
const bytes = Buffer.byteLength(html);
if (bytes > PAGE_BYTES_MAX) throw new Error(`verify.html: ${bytes} bytes, at most ${PAGE_BYTES_MAX}`);
function sha256(data) {
  return `sha256:${createHash("sha256").update(data).digest("hex")}`;
}

// The files of a served page, by name, and the digest of what they were made of.
async function served({ name, entry, bytesMax, html }) {
  const code = `${await script(`${name}/${entry}`)}\n`;
  if (Buffer.byteLength(code) > bytesMax) {
    throw new Error(`${name}.js: ${Buffer.byteLength(code)} bytes, at most ${bytesMax}`);
  }
  const made = { [`${name}.js`]: code, [`${name}.css`]: `${style(`${name}/${name}.css`)}\n` };
  if (html !== undefined) made[`${name}.html`] = read(html);
  for (const [file, text] of Object.entries(made)) {
    writeFileSync(join(HERE, "assets", file), text);
    console.log(`${file}: ${Buffer.byteLength(text)} bytes`);
  }
  const digests = Object.entries(made).map(([file, text]) => [file, sha256(text)]);
  return [...digests, [`${name} sources`, `sha256:${sourcesDigest("verify", name)}`]];
}

const record = {
  "verify.html": sha256(html),
  sources: `sha256:${sourcesDigest("verify")}`,
  ...Object.fromEntries((await Promise.all(SERVED.map(served))).flat()),
  packages: Object.fromEntries(all.map((one) => [`${one.name} ${one.version}`, one.integrity])),
};
writeFileSync(join(HERE, "assets/verify.html"), html);
writeFileSync(join(HERE, "assets/licences.txt"), licences(all));
writeFileSync(join(HERE, "assets/hashes.json"), `${JSON.stringify(record, null, 2)}\n`);
console.log(`verify.html: ${bytes} bytes, ${record["verify.html"]}`);
