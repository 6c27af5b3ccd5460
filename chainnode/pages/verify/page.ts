// The page: files in, outcome out. Holds what the person chose and shows it again at each change.

import { toHex } from "./bytes";
import { byId, element } from "./dom";
import { InvalidTrust } from "./errors";
import {
  codeIn,
  type Hashed,
  evidenceFile,
  hashFile,
  roleOf,
  sidecarIdentifier,
  smallFile,
  UnusableFile,
} from "./files";
import { isIdentifier } from "./identifiers";
import type { Policy } from "./judge";
import { primitives } from "./primitives";
import { spokenCode } from "./spoken";
import { loadTrust, type Trust } from "./trust";
import { localTime } from "./verdict";
import { isQrText } from "./qr_text";
import { answer, judgeCodeText, judgeEvidence, readCodeText, unusable } from "./verifier";
import { View } from "./view";
import { type Word, WORDS } from "./words";

const SLOTS = ["trust", "evidence", "document"] as const;
type Slot = (typeof SLOTS)[number];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ZONE_MS = 8 * HOUR_MS;

const chosen: Partial<Record<Slot, File>> = {};
let sidecar: string | null = null;
let view = new View("zh");
// A later choice overtakes an earlier one that is still being hashed.
let generation = 0;

function showWords(): void {
  document.documentElement.lang = view.language === "zh" ? "zh-CN" : "en";
  document.title = view.word("title");
  for (const node of document.querySelectorAll<HTMLElement>("[data-word]")) {
    node.textContent = view.word(node.dataset["word"] as Word);
  }
  for (const node of document.querySelectorAll<HTMLElement>("[data-label]")) {
    node.setAttribute("aria-label", view.word(node.dataset["label"] as Word));
  }
  const other = byId("language");
  other.textContent = view.language === "zh" ? "English" : "中文";
  other.lang = view.language === "zh" ? "en" : "zh-CN";
}

async function take(files: Iterable<File>, slot: Slot | null): Promise<void> {
  for (const file of files) {
    const code = slot === null ? await codeIn(file) : null;
    if (code !== null) {
      codeText().value = code;
      continue;
    }
    const role = slot ?? (await roleOf(file).catch(() => "document" as const));
    if (role === "sidecar") {
      sidecar = sidecarIdentifier(await smallFile(file));
      continue;
    }
    chosen[role] = file;
  }
  await show();
}

async function show(): Promise<void> {
  const mine = ++generation;
  const [result, verdict] = [byId("result"), byId("verdict")];
  for (const slot of SLOTS) {
    byId(`clear-${slot}`).hidden = chosen[slot] === undefined;
    byId(`chosen-${slot}`).textContent = chosen[slot]?.name ?? view.word("none");
  }
  byId("devnet").hidden = true;
  result.hidden = !codeText().value.trim() && !SLOTS.some((slot) => chosen[slot] !== undefined);
  verdict.replaceChildren(element("p", "", view.word("working")));
  const nodes = await outcome();
  if (mine === generation) verdict.replaceChildren(...nodes);
}

async function outcome(): Promise<Node[]> {
  let trust: Trust | null = null;
  const code = codeText().value.trim();
  try {
    trust = chosen.trust === undefined ? null : await readTrust(chosen.trust);
    const missing = (["trust", "evidence"] as const).filter((slot) => chosen[slot] === undefined);
    const hashed = trust && chosen.document ? await hashDocument(chosen.document, trust) : null;
    if (code) {
      if (trust !== null) return await judgedCode(code, trust, hashed);
      const claim = readCodeText(code);
      return claim.kind === "refused" ? view.refused(claim) : view.claimed(claim.identifier);
    }
    if (trust === null || chosen.evidence === undefined) {
      const names = missing.map((slot) => view.word(slot)).join(" · ");
      return [element("p", "", view.word("waiting"), names)];
    }
    return await judged(trust, chosen.evidence, hashed);
  } catch (error) {
    if (error instanceof InvalidTrust) return badTrust(error);
    // A browser that has no room for what a file may hold says so by a RangeError.
    if (!(error instanceof UnusableFile || error instanceof RangeError)) throw error;
    return trust === null ? badTrust(error) : view.outcome(unusable(error.message), trust);
  }
}

function badTrust(error: Error): Node[] {
  return [view.seal("grey", WORDS.badTrust, ""), element("p", "", error.message)];
}

async function judged(trust: Trust, file: File, hashed: Hashed | null): Promise<Node[]> {
  const asked = { contentDigest: hashed?.digest ?? null, identifier: identifierFor(hashed) };
  const result = judgeEvidence(await evidenceFile(file), trust, asked, policy());
  const nodes = view.outcome(result, trust);
  const isAboutFile = result.kind === "certificate" || result.kind === "refused";
  if (hashed !== null && !isAboutFile) nodes.push(element("p", "", view.word("unusedDocument")));
  return nodes;
}

async function judgedCode(text: string, trust: Trust, hashed: Hashed | null): Promise<Node[]> {
  const evidence = chosen.evidence === undefined ? null : await evidenceFile(chosen.evidence);
  const result = judgeCodeText(text, evidence, trust, hashed?.digest ?? null, policy());
  return view.outcome(result, trust);
}

function policy(): Policy {
  return { nowMs: Date.now(), asOfMs: asOf(), maxAgeMs: maxAge() };
}

function codeText(): HTMLTextAreaElement {
  return byId<HTMLTextAreaElement>("code");
}

// What stands behind `#` never leaves the browser; other fragments are places on the page.
function takeFragment(): void {
  if (!isQrText(location.hash)) return;
  codeText().value = location.hash.slice(1);
  void show();
}

function onPaste(event: ClipboardEvent): void {
  const text = event.clipboardData?.getData("text").trim() ?? "";
  if (event.target instanceof HTMLTextAreaElement || !isQrText(text)) return;
  event.preventDefault();
  codeText().value = text;
  void show();
}

async function readTrust(file: File): Promise<Trust> {
  const trust = loadTrust(await smallFile(file));
  const members = [...trust.epochs.values()][0] ?? [];
  byId("devnet").hidden = trust.parameters.devnet !== 1;
  byId("chosen-trust").textContent = [
    file.name,
    ...(trust.label === null ? [] : [trust.label]),
    `${view.word("chain")} ${toHex(trust.chainId)}`,
    `${view.word("suite")} ${trust.suite.name} · ${view.word("members")} ${members.length}`,
    `${view.word("spoken")} ${spokenCode(trust)}`,
    `${view.word("pinned")} ${trust.checkpoint.height} · ${localTime(trust.checkpoint.timeMs)}`,
  ].join("\n");
  return trust;
}

async function hashDocument(file: File, trust: Trust): Promise<Hashed> {
  const hashed = await hashFile(file, trust.suite);
  byId("chosen-document").textContent =
    `${file.name}\n${view.word("digest")} ${trust.suite.hashName}:${toHex(hashed.digest)}`;
  return hashed;
}

// What the person typed; else what the file says of itself, when that is an identifier at all.
function identifierFor(hashed: Hashed | null): string | null {
  const typed = byId<HTMLInputElement>("identifier").value.trim();
  if (typed) return typed;
  if (hashed === null) return null;
  const hint = hashed.identifier ?? sidecar;
  return hint !== null && isIdentifier(hint) ? hint : null;
}

// The last millisecond of the chosen day in +08:00.
function asOf(): number | null {
  const day = byId<HTMLInputElement>("as-of").valueAsNumber;
  return Number.isNaN(day) ? null : day - ZONE_MS + DAY_MS - 1;
}

function maxAge(): number {
  const hours = byId<HTMLInputElement>("max-age").valueAsNumber;
  return Number.isFinite(hours) && hours > 0 ? hours * HOUR_MS : DAY_MS;
}

function onDrop(event: DragEvent): void {
  event.preventDefault();
  byId("drop").classList.remove("over");
  void take(event.dataTransfer?.files ?? [], null);
}

function start(): void {
  byId("language").addEventListener("click", () => {
    view = new View(view.language === "zh" ? "en" : "zh");
    showWords();
    void show();
  });
  const large = byId("large");
  large.addEventListener("click", () => {
    const isLarge = document.documentElement.classList.toggle("large");
    large.setAttribute("aria-pressed", `${isLarge}`);
  });
  for (const slot of [null, ...SLOTS]) {
    const input = byId<HTMLInputElement>(slot === null ? "any" : `pick-${slot}`);
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      input.value = "";
      void take(files, slot);
    });
  }
  for (const slot of SLOTS) {
    byId(`clear-${slot}`).addEventListener("click", () => {
      delete chosen[slot];
      if (slot === "document") sidecar = null;
      void show();
      byId(`pick-${slot}`).focus();
    });
  }
  for (const id of ["as-of", "max-age", "identifier"]) {
    byId(id).addEventListener("change", () => void show());
  }
  codeText().addEventListener("input", () => void show());
  addEventListener("paste", onPaste);
  addEventListener("hashchange", takeFragment);
  // The whole window takes files: one dropped beside the zone must not replace the page.
  addEventListener("dragover", (event) => {
    event.preventDefault();
    byId("drop").classList.add("over");
  });
  addEventListener("dragleave", () => byId("drop").classList.remove("over"));
  addEventListener("drop", onDrop);
  showWords();
  void show();
  takeFragment();
}

start();
// For whoever drives the page by script: the same verdicts without files and clicks.
Object.assign(globalThis, { kunlian: Object.freeze({ answer, primitives }) });
