// Files that a person gives: read within bounds, hashed piece by piece, never sent anywhere.

import { ARCHIVE_BYTES_MAX, isExport } from "./archive";
import { concat, latin1 } from "./bytes";
import { PAGES_FORMAT } from "./pages";
import { isQrText } from "./qr_text";
import { readObject } from "./strict_json";
import type { Suite } from "./suites";

// As `kun verify` reads them.
export const FILE_BYTES_MAX = 256 * 1024 * 1024;
const JSON_BYTES_MAX = 4 * 1024 * 1024;
const SIDECAR_BYTES_MAX = 4096;
const IDENTIFIER_CHARACTERS_MAX = 128;
// No entry of the PDF reader is longer; a window keeps so much of what came before.
const ENTRY_BYTES_MAX = 8 * 1024;

// A QR code holds less; a longer file is a file.
const CODE_BYTES_MAX = 8192;

export class UnusableFile extends Error {}

export type Role = "trust" | "evidence" | "document" | "sidecar";

// The text of a QR code that a file holds, or null.
export async function codeIn(file: File): Promise<string | null> {
  if (file.size > CODE_BYTES_MAX) return null;
  const text = (await file.text().catch(() => "")).trim();
  return isQrText(text) && /^\P{C}+$/u.test(text) ? text : null;
}

// What a file is for, by what stands in it: a dropped file says it by no other means.
export async function roleOf(file: File): Promise<Role> {
  const data = new Uint8Array(await file.slice(0, 4096).arrayBuffer());
  if (isExport(data) || file.name.endsWith(".kunproof")) return "evidence";
  const start = latin1(data);
  if (!start.trimStart().startsWith("{")) return "document";
  if (start.includes(`"${PAGES_FORMAT}"`)) return "evidence";
  if (file.size > JSON_BYTES_MAX) return "document";
  if (start.includes('"kunlian-evidence"')) return "evidence";
  if (/"kunlian-(?:trust|genesis)"/.test(start)) return "trust";
  return start.includes('"kunlian-certificate"') ? "sidecar" : "document";
}

// The bytes of a small file.
export async function smallFile(file: File): Promise<Uint8Array> {
  if (file.size > JSON_BYTES_MAX) {
    throw new UnusableFile(`expected at most ${JSON_BYTES_MAX} bytes, got ${file.size}`);
  }
  return bytesOf(file);
}

// The bytes of evidence, and of a larger file one byte more than any may have: its refusal is the
// verifier's.
export async function evidenceFile(file: File): Promise<Uint8Array> {
  return bytesOf(file.slice(0, ARCHIVE_BYTES_MAX + 1));
}

async function bytesOf(file: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new UnusableFile("expected a readable file, got a folder or one that is gone");
  }
}

export interface Hashed {
  readonly digest: Uint8Array;
  // What the file says of itself; a hint, never proof.
  readonly identifier: string | null;
}

export async function hashFile(file: File, suite: Suite): Promise<Hashed> {
  if (!file.size || file.size > FILE_BYTES_MAX) {
    const actual = file.size ? "more" : "none";
    throw new UnusableFile(`expected 1 to ${FILE_BYTES_MAX} bytes, got ${actual}`);
  }
  const hasher = suite.hasher();
  const stamp = new StampReader();
  const reader = file.stream().getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      hasher.update(value);
      stamp.update(value);
    }
  } catch {
    throw new UnusableFile("expected a readable file, got a folder or one that is gone");
  }
  return { digest: hasher.digest(), identifier: stamp.identifier };
}

// The entry /KunlianCertificate of a PDF (docs/verification.md §8), found in bytes that come piece
// by piece; the last one counts. A PDF that hides its dictionary in compressed objects gives none.
class StampReader {
  identifier: string | null = null;
  private window: Uint8Array = new Uint8Array();
  private isPdf: boolean | null = null;

  update(chunk: Uint8Array): void {
    if (this.isPdf === false) return;
    this.window = concat(this.window, chunk);
    if (this.isPdf === null && this.window.length >= 5) {
      this.isPdf = latin1(this.window.subarray(0, 5)) === "%PDF-";
    }
    if (!this.isPdf) return;
    const entry =
      /\/KunlianCertificate[\0\t\n\f\r ]{0,16}(?:\(((?:[^()\\\r\n]|\\[0-7]{3}){0,1024})\)|<([0-9A-Fa-f\t\n\f\r ]{0,2048})>)/g;
    for (const found of latin1(this.window).matchAll(entry)) {
      this.identifier = pdfString(found[1], found[2]);
    }
    this.window = this.window.slice(-ENTRY_BYTES_MAX);
  }
}

function pdfString(literal: string | undefined, digits: string | undefined): string | null {
  let raw: string;
  if (literal !== undefined) {
    raw = literal.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8) & 0xff),
    );
  } else {
    const compact = (digits ?? "").replace(/[\t\n\f\r ]/g, "");
    const even = compact + "0".repeat(compact.length % 2);
    raw = even.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  }
  const text = raw.startsWith("\xfe\xff") ? utf16(raw.slice(2)) : /^[\0-\x7f]*$/.test(raw) ? raw : "";
  return text && text.length <= IDENTIFIER_CHARACTERS_MAX ? text : null;
}

function utf16(raw: string): string {
  const data = Uint8Array.from(raw, (one) => one.charCodeAt(0));
  try {
    return new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return "";
  }
}

// The identifier that a FILE.kun.json names, or null.
export function sidecarIdentifier(data: Uint8Array): string | null {
  try {
    const fields = readObject(data, SIDECAR_BYTES_MAX);
    const identifier = fields.get("identifier");
    const isForm =
      fields.size === 3 &&
      fields.get("format") === "kunlian-certificate" &&
      fields.get("version") === 1;
    return isForm && typeof identifier === "string" ? identifier : null;
  } catch {
    return null;
  }
}
