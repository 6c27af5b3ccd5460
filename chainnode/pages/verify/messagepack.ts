// Canonical MessagePack (docs/wire-format.md §1): integers 0 … 2^53 − 1, byte strings, UTF-8
// strings, arrays, each in its shortest form. Decoding bounds bytes, depth and elements, builds the
// value, encodes it again and refuses the input unless both byte strings are equal.

import { characters, equal, fromUtf8, join, toUtf8 } from "./bytes";
import { Malformed } from "./errors";

export type Plain = number | string | Uint8Array | Plain[];

export interface Limits {
  readonly bytes: number;
  readonly depth: number;
  readonly elements: number;
}

export function encode(value: Plain): Uint8Array {
  const parts: Uint8Array[] = [];
  write(value, parts);
  return join(parts);
}

export function decode(data: Uint8Array, limits: Limits): Plain {
  if (data.length > limits.bytes) {
    throw new Malformed("encoded value", `≤ ${limits.bytes} bytes`, `${data.length}`);
  }
  const value = decodeAnyForm(data, limits);
  if (!equal(encode(value), data)) {
    throw new Malformed("encoded value", "shortest forms", "a longer form");
  }
  return value;
}

// As `decode`, whatever the form: for what nobody hashes again.
export function decodeAnyForm(data: Uint8Array, limits: Limits): Plain {
  return new Reader(data, limits).whole();
}

function write(value: Plain, parts: Uint8Array[]): void {
  if (typeof value === "number") {
    parts.push(integer(value));
  } else if (typeof value === "string") {
    const data = toUtf8(value);
    parts.push(data.length < 32 ? Uint8Array.of(0xa0 | data.length) : sized(data, 0xd9), data);
  } else if (value instanceof Uint8Array) {
    parts.push(sized(value, 0xc4), value);
  } else {
    const count = value.length;
    if (count < 16) parts.push(Uint8Array.of(0x90 | count));
    else parts.push(count < 2 ** 16 ? big(0xdc, count, 2) : big(0xdd, count, 4));
    for (const one of value) write(one, parts);
  }
}

function integer(value: number): Uint8Array {
  if (value < 0x80) return Uint8Array.of(value);
  if (value < 2 ** 8) return big(0xcc, value, 1);
  if (value < 2 ** 16) return big(0xcd, value, 2);
  return value < 2 ** 32 ? big(0xce, value, 4) : big(0xcf, value, 8);
}

function sized(data: Uint8Array, first: number): Uint8Array {
  const size = data.length;
  if (size < 2 ** 8) return big(first, size, 1);
  return size < 2 ** 16 ? big(first + 1, size, 2) : big(first + 2, size, 4);
}

function big(first: number, value: number, width: number): Uint8Array {
  const data = new Uint8Array(1 + width);
  data[0] = first;
  for (let at = width, rest = value; at > 0; at--, rest = Math.floor(rest / 256)) {
    data[at] = rest % 256;
  }
  return data;
}

class Reader {
  private at = 0;
  private elements = 1;

  constructor(
    private readonly data: Uint8Array,
    private readonly limits: Limits,
  ) {}

  whole(): Plain {
    const value = this.value(0);
    if (this.at !== this.data.length) throw this.truncated("bytes after it");
    return value;
  }

  private value(depth: number): Plain {
    const first = this.number(1);
    if (first < 0x80) return first;
    if (first >= 0x90 && first < 0xa0) return this.array(first - 0x90, depth + 1);
    if (first >= 0xa0 && first < 0xc0) return this.text(first - 0xa0);
    switch (first) {
      case 0xc4: return this.bytes(this.number(1));
      case 0xc5: return this.bytes(this.number(2));
      case 0xc6: return this.bytes(this.number(4));
      case 0xcc: return this.number(1);
      case 0xcd: return this.number(2);
      case 0xce: return this.number(4);
      case 0xcf: return this.long();
      case 0xd9: return this.text(this.number(1));
      case 0xda: return this.text(this.number(2));
      case 0xdb: return this.text(this.number(4));
      case 0xdc: return this.array(this.number(2), depth + 1);
      case 0xdd: return this.array(this.number(4), depth + 1);
      default: throw new Malformed(
        "type",
        "integer ≥ 0, byte string, string or array",
        `header 0x${first.toString(16)}`,
      );
    }
  }

  private array(count: number, depth: number): Plain[] {
    this.elements += count;
    if (depth > this.limits.depth || this.elements > this.limits.elements) {
      throw new Malformed(
        "arrays",
        `depth ≤ ${this.limits.depth}, elements ≤ ${this.limits.elements}`,
        `depth ${depth}, elements ${this.elements}`,
      );
    }
    const values: Plain[] = [];
    for (let index = 0; index < count; index++) values.push(this.value(depth));
    return values;
  }

  private long(): number {
    const value = this.number(4) * 2 ** 32 + this.number(4);
    if (value > Number.MAX_SAFE_INTEGER) throw new Malformed("integer", "≤ 2^53 − 1", "more");
    return value;
  }

  private text(size: number): string {
    const text = fromUtf8(this.bytes(size));
    if (text === null) throw new Malformed("encoded string", "UTF-8", "other bytes");
    return text;
  }

  private number(width: number): number {
    return this.bytes(width).reduce((value, byte) => value * 256 + byte, 0);
  }

  private bytes(size: number): Uint8Array {
    const end = this.at + size;
    if (end > this.data.length) throw this.truncated("truncated");
    const part = this.data.subarray(this.at, end);
    this.at = end;
    return part;
  }

  private truncated(actual: string): Malformed {
    const what = `encoded value of ${this.data.length} bytes`;
    return new Malformed(what, "exactly one value", actual);
  }
}

// Reads the elements of one array by name, each with its type and bound.
export function plainArray(value: Plain | undefined, what: string, bound: Bound = {}): Plain[] {
  if (!Array.isArray(value)) throw wrongType(what, "an array", value);
  return checked(value, value.length, what, "elements", bound);
}

export function plainInteger(
  value: Plain | undefined,
  what: string,
  maximum = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== "number") throw wrongType(what, "an integer", value);
  if (value > maximum) throw new Malformed(what, `≤ ${maximum}`, `${value}`);
  return value;
}

export function plainBytes(
  value: Plain | undefined,
  what: string,
  bound: Bound = {},
): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrongType(what, "a byte string", value);
  return checked(value, value.length, what, "bytes", bound);
}

export function plainText(value: Plain | undefined, what: string, maximum?: number): string {
  if (typeof value !== "string") throw wrongType(what, "a string", value);
  return checked(value, characters(value), what, "characters", { maximum });
}

export function requireTag(wire: readonly Plain[], tag: string): void {
  if (wire[0] !== tag || wire[1] !== 1) {
    throw new Malformed("tag and version", `${tag} 1`, "another tag or version");
  }
}

export interface Bound {
  readonly size?: number | undefined;
  readonly maximum?: number | undefined;
}

function checked<T>(value: T, actual: number, what: string, unit: string, bound: Bound): T {
  const { size, maximum } = bound;
  if (size !== undefined && actual !== size) {
    throw new Malformed(what, `${size} ${unit}`, `${actual}`);
  }
  if (maximum !== undefined && actual > maximum) {
    throw new Malformed(what, `≤ ${maximum} ${unit}`, `${actual}`);
  }
  return value;
}

function wrongType(what: string, expected: string, value: Plain | undefined): Malformed {
  const type = typeof value;
  const actual =
    type === "number" ? "an integer"
    : type === "string" ? "a string"
    : value instanceof Uint8Array ? "a byte string"
    : value === undefined ? "nothing"
    : "an array";
  return new Malformed(what, expected, actual);
}
