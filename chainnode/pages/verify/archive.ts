// `.kunproof`: a zip archive with exactly one form (docs/wire-format.md §12). Members are stored,
// never packed: what is read is never larger than the file, and nothing is copied. As
// chainnode/verify/archive.py, which accepts the same files.

import { concat, equal, join, latin1, toUtf8 } from "./bytes";
import { crc32 } from "./crc32";
import { type Refusal, unreadable } from "./errors";

export const ARCHIVE_BYTES_MAX = 64 * 1024 * 1024;
const MEMBERS_MAX = 1024;
export const MANIFEST = "manifest.json";
export const ROWS = "rows.jsonl";
export const CSV = "rows.csv";
export const PARQUET = "rows.parquet";
export const SUMMARY = "summary.pdf";
export const SIGNATURES = "signatures.json";
export const PAGE = "verify.html";
export const PROOFS = "proofs/";
export const QUESTION = "proofs/question.json";
const NAME =
  /^(?:manifest\.json|rows\.(?:csv|jsonl|parquet)|signatures\.json|summary\.pdf|verify\.html|proofs\/[a-z0-9-]{1,64}\.json)$/;
const NAME_BYTES_MAX = 96;
// Marks and fields of APPNOTE 4.3.7, 4.3.12 and 4.3.16.
const LOCAL_MARK = Uint8Array.of(0x50, 0x4b, 3, 4);
const ENTRY_MARK = Uint8Array.of(0x50, 0x4b, 1, 2);
const END_MARK = Uint8Array.of(0x50, 0x4b, 5, 6);
const LOCAL_BYTES = 30;
const [SIZE_AT, NAME_SIZE_AT] = [18, 26];
const VERSION = 20;
const UNIX = 3;
// 1980-01-01, the first day of a zip archive.
const DATE = 0x21;
const REGULAR_FILE = 0o100644 * 2 ** 16;

export type Members = ReadonlyMap<string, Uint8Array>;

// Whether a file means to be a zip archive, well-formed or not.
export function isArchive(data: Uint8Array): boolean {
  return data[0] === LOCAL_MARK[0] && data[1] === LOCAL_MARK[1];
}

// Whether a file begins as every export does: with its first member.
export function isExport(start: Uint8Array): boolean {
  return isArchive(start) && latin1(start.subarray(LOCAL_BYTES)).startsWith(MANIFEST);
}

// The members by name, ascending. Each header is made again and held against what stands there.
export function readArchive(data: Uint8Array): Members {
  if (data.length > ARCHIVE_BYTES_MAX) {
    throw broken(`at most ${ARCHIVE_BYTES_MAX} bytes`, `${data.length} bytes`);
  }
  const members = new Map<string, Uint8Array>();
  const directory: Uint8Array[] = [];
  let at = 0;
  for (let before = ""; equal(data.subarray(at, at + 4), LOCAL_MARK); ) {
    const { name, content, size } = readMember(data, at);
    if (members.size === MEMBERS_MAX || name <= before) {
      throw broken(`at most ${MEMBERS_MAX} members, ascending`, `${members.size} or another order`);
    }
    const common = commonFields(name, content);
    requireBytes(data, at, concat(LOCAL_MARK, common, toUtf8(name)));
    members.set(name, content);
    directory.push(entryOf(name, common, at));
    at += size;
    before = name;
  }
  const entries = join(directory);
  const count = number(members.size, 2);
  const place = [number(entries.length, 4), number(at, 4)];
  const end = concat(END_MARK, number(0, 4), count, count, ...place, number(0, 2));
  requireBytes(data, at, entries);
  requireBytes(data, at + entries.length, end);
  if (at + entries.length + end.length !== data.length) {
    throw broken("nothing behind the directory", `${data.length} bytes`);
  }
  return members;
}

function readMember(
  data: Uint8Array,
  at: number,
): { name: string; content: Uint8Array; size: number } {
  if (data.length - at < LOCAL_BYTES) throw broken("a whole header", "a part of one");
  const view = new DataView(data.buffer, data.byteOffset + at, LOCAL_BYTES);
  const [size, nameSize] = [view.getUint32(SIZE_AT, true), view.getUint16(NAME_SIZE_AT, true)];
  const start = at + LOCAL_BYTES + nameSize;
  const name =
    nameSize > NAME_BYTES_MAX ? "" : latin1(data.subarray(at + LOCAL_BYTES, start));
  if (!NAME.test(name)) throw broken("names of an export", "another name");
  if (start + size > data.length) throw broken("members as large as what is stored", `${size}`);
  return { name, content: data.subarray(start, start + size), size: start + size - at };
}

// What stands before a member and in the directory alike: from the version on to the sizes of name
// and extra field.
function commonFields(name: string, content: Uint8Array): Uint8Array {
  const [stored, size] = [number(0, 6), number(content.length, 4)];
  return concat(
    number(VERSION, 2), stored, number(DATE, 2), number(crc32(content), 4), size, size,
    number(name.length, 2), number(0, 2),
  );
}

function entryOf(name: string, common: Uint8Array, at: number): Uint8Array {
  const made = Uint8Array.of(VERSION, UNIX);
  // No comment, disk 0, no internal attributes.
  const place = [number(0, 6), number(REGULAR_FILE, 4), number(at, 4)];
  return concat(ENTRY_MARK, made, common, ...place, toUtf8(name));
}

// Little-endian.
function number(value: number, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, at) => Math.floor(value / 256 ** at) % 256);
}

function requireBytes(data: Uint8Array, at: number, expected: Uint8Array): void {
  if (!equal(data.subarray(at, at + expected.length), expected)) {
    throw broken("the one form of an export", `other bytes from byte ${at} on`);
  }
}

function broken(expected: string, actual: string): Refusal {
  return unreadable("archive", expected, actual);
}
