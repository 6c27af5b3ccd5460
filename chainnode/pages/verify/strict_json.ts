// Strict, bounded JSON, as chainnode/verify/strict_json.py reads it: evidence and trust files are
// hostile. Refused: more than `bytesMax` bytes, invalid UTF-8, nesting deeper than DEPTH_MAX, more
// than CONTAINERS_MAX arrays and objects, a name twice in one object, fractions, NaN, infinities,
// integers outside 0 … 2^53 − 1. An object is a Map: no name reaches a prototype.

import { characters, fromBase64, fromHex, fromUtf8 } from "./bytes";
import { unreadable } from "./errors";

export type JsonObject = Map<string, JsonValue>;
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

export const EVIDENCE_BYTES_MAX = 4 * 1024 * 1024;
const DEPTH_MAX = 16;
const CONTAINERS_MAX = 65_536;
const INTEGER_DIGITS_MAX = 16;
const ESCAPES: Record<string, string> = {
  '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t",
};
const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

export function readJson(data: Uint8Array, bytesMax = EVIDENCE_BYTES_MAX): JsonValue {
  if (data.length > bytesMax) {
    throw unreadable("json size", `at most ${bytesMax} bytes`, `${data.length} bytes`);
  }
  checkNesting(data);
  const text = fromUtf8(data);
  if (text === null) throw unreadable("json", "UTF-8", "other bytes");
  return new Parser(text).whole();
}

export function readObject(data: Uint8Array, bytesMax = EVIDENCE_BYTES_MAX): JsonObject {
  return asObject(readJson(data, bytesMax), "json");
}

// Bounds recursion and memory before anything is built.
function checkNesting(data: Uint8Array): void {
  let depth = 0;
  let containers = 0;
  for (let at = 0; at < data.length; at++) {
    const byte = data[at];
    if (byte === QUOTE) {
      at++;
      while (at < data.length && data[at] !== QUOTE) at += data[at] === BACKSLASH ? 2 : 1;
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      depth++;
      containers++;
      if (depth > DEPTH_MAX || containers > CONTAINERS_MAX) {
        throw unreadable(
          "json nesting",
          `at most ${DEPTH_MAX} levels and ${CONTAINERS_MAX} arrays and objects`,
          `level ${depth}, container ${containers}`,
        );
      }
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      depth--;
    }
  }
}

// Recursive descent over RFC 8259; `checkNesting` has bounded the recursion.
class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  whole(): JsonValue {
    this.space();
    const value = this.value();
    this.space();
    if (this.at !== this.text.length) throw this.broken("extra data");
    return value;
  }

  private value(): JsonValue {
    const first = this.text[this.at];
    if (first === "{") return this.object();
    if (first === "[") return this.array();
    if (first === '"') return this.string();
    for (const [word, value] of [["null", null], ["true", true], ["false", false]] as const) {
      if (this.takes(word)) return value;
    }
    for (const word of ["NaN", "Infinity", "-Infinity"]) {
      if (this.takes(word)) throw unreadable("json number", "an integer", word);
    }
    return this.number();
  }

  private object(): JsonObject {
    const pairs: [string, JsonValue][] = [];
    this.at++;
    this.space();
    if (this.takes("}")) return new Map();
    do {
      this.space();
      if (this.text[this.at] !== '"') throw this.broken("no name");
      const name = this.string();
      this.space();
      if (!this.takes(":")) throw this.broken("no colon");
      this.space();
      pairs.push([name, this.value()]);
      this.space();
    } while (this.takes(","));
    if (!this.takes("}")) throw this.broken("an object without end");
    const found: JsonObject = new Map();
    for (const [name, value] of pairs) {
      if (found.has(name)) {
        throw unreadable("json names", "each name once in an object", `${shown(name)} twice`);
      }
      found.set(name, value);
    }
    return found;
  }

  private array(): JsonValue[] {
    const values: JsonValue[] = [];
    this.at++;
    this.space();
    if (this.takes("]")) return values;
    do {
      this.space();
      values.push(this.value());
      this.space();
    } while (this.takes(","));
    if (!this.takes("]")) throw this.broken("an array without end");
    return values;
  }

  private string(): string {
    const parts: string[] = [];
    let start = ++this.at;
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      // NaN past the end is not ≥ 0x20 either.
      if (!(code >= 0x20)) throw this.broken("a string without end or with a control character");
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        parts.push(this.text.slice(start, this.at), this.escape());
        start = this.at;
      } else {
        this.at++;
      }
    }
    parts.push(this.text.slice(start, this.at++));
    return parts.join("");
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? "";
    if (letter === "u") {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.broken("a bad escape");
      this.at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const meant = ESCAPES[letter];
    if (meant === undefined || !Object.hasOwn(ESCAPES, letter)) throw this.broken("a bad escape");
    this.at += 2;
    return meant;
  }

  private number(): number {
    const pattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) throw this.broken("no value");
    const literal = found[0];
    this.at += literal.length;
    if (found[1] !== undefined || found[2] !== undefined) {
      throw unreadable("json number", "an integer", literal.slice(0, 32));
    }
    const value = Number(literal);
    if (literal.length > INTEGER_DIGITS_MAX || !(value >= 0) || value > Number.MAX_SAFE_INTEGER) {
      throw unreadable("json number", `0 … ${Number.MAX_SAFE_INTEGER}`, literal.slice(0, 32));
    }
    // "-0" is zero; its sign goes.
    return value + 0;
  }

  private takes(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private space(): void {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at++;
  }

  private broken(what: string): Error {
    return unreadable("json", "one JSON value", `${what} at character ${this.at}`);
  }
}

// A short, printable form of a hostile value for an error message.
export function shown(value: JsonValue): string {
  if (value instanceof Map) return `an object of ${value.size} names`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "string") return `'${ascii(value.slice(0, 64))}'`.slice(0, 80);
  if (value === null) return "None";
  return value === true ? "True" : value === false ? "False" : `${value}`;
}

export function ascii(text: string): string {
  return text.replace(
    /[^\x20-\x7e]/gu,
    (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

export function asObject(value: JsonValue, what: string): JsonObject {
  if (!(value instanceof Map)) throw unreadable(what, "an object", shown(value));
  return value;
}

// The values of an object with exactly these names.
export function asFields<Name extends string>(
  value: JsonValue,
  what: string,
  names: readonly Name[],
): Record<Name, JsonValue> {
  const found = asObject(value, what);
  const missing = names.filter((name) => !found.has(name));
  const unknown = [...found.keys()].filter((name) => !(names as readonly string[]).includes(name));
  if (missing.length || unknown.length) {
    throw unreadable(
      what,
      `the names ${names.join(", ")}`,
      `missing: ${[...missing].sort().join(", ") || "none"}; ` +
        `unknown: ${unknown.sort().slice(0, 4).map(shown).join(", ") || "none"}`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, found.get(name)!])) as Record<
    Name,
    JsonValue
  >;
}

export function asArray(
  value: JsonValue,
  what: string,
  { max, size }: { max: number; size?: number },
): JsonValue[] {
  if (!Array.isArray(value)) throw unreadable(what, "an array", shown(value));
  if (value.length > max || (size !== undefined && value.length !== size)) {
    const wanted = size === undefined ? `at most ${max}` : `${size}`;
    throw unreadable(what, `${wanted} values`, `${value.length}`);
  }
  return value;
}

export function asInteger(value: JsonValue, what: string): number {
  if (typeof value !== "number") {
    throw unreadable(what, `an integer 0 … ${Number.MAX_SAFE_INTEGER}`, shown(value));
  }
  return value;
}

export function asText(value: JsonValue, what: string, max: number): string {
  if (typeof value !== "string" || characters(value) > max) {
    throw unreadable(what, `a string of at most ${max} characters`, shown(value));
  }
  if (/\p{Surrogate}/u.test(value)) {
    throw unreadable(what, "Unicode without lone surrogates", shown(value));
  }
  return value;
}

export function asConstant(value: JsonValue, what: string, expected: string | number): void {
  if (value !== expected) throw unreadable(what, shown(expected), shown(value));
}

export function asHex(value: JsonValue, what: string, size: number): Uint8Array {
  const data = typeof value === "string" && value.length === 2 * size ? fromHex(value) : null;
  if (data === null) throw unreadable(what, `${2 * size} lower-case hex digits`, shown(value));
  return data;
}

// A refusal tells lengths alone: what is encoded may be the reason of a call.
export function asBase64(
  value: JsonValue,
  what: string,
  { max, size }: { max: number; size?: number },
): Uint8Array {
  const limit = size ?? max;
  if (typeof value !== "string" || value.length > 4 * Math.floor((limit + 2) / 3)) {
    const length = typeof value === "string" ? `${value.length} characters` : shown(value);
    throw unreadable(what, `base64 of at most ${limit} bytes`, length);
  }
  const data = fromBase64(value);
  if (data === null) {
    throw unreadable(what, "canonical base64", `${value.length} other characters`);
  }
  if (data.length > limit || (size !== undefined && data.length !== size)) {
    const wanted = size === undefined ? `at most ${limit}` : `${limit}`;
    throw unreadable(what, `${wanted} bytes`, `${data.length}`);
  }
  return data;
}
