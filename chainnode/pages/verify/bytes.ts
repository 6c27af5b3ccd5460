// Byte strings: joining, comparing, hexadecimal, base64, UTF-8. Nothing here knows a format.

const ENCODER = new TextEncoder();
// U+FEFF is a character like any other; without this option it would be dropped in silence.
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Int8Array(128).fill(-1);
for (let value = 0; value < 64; value++) VALUES[BASE64.charCodeAt(value)] = value;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return join(parts);
}

// As `concat`, for more parts than a call may have arguments.
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

// Order of byte strings: negative, zero or positive as `left` stands before, at or after `right`.
export function compare(left: Uint8Array, right: Uint8Array): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const difference = left[at]! - right[at]!;
    if (difference) return difference;
  }
  return left.length - right.length;
}

export function equal(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && compare(left, right) === 0;
}

export function toHex(data: Uint8Array): string {
  let text = "";
  for (const byte of data) text += HEX[byte];
  return text;
}

// Bytes of lower-case hexadecimal, or null.
export function fromHex(text: string): Uint8Array | null {
  if (text.length % 2 || !/^[0-9a-f]*$/.test(text)) return null;
  const data = new Uint8Array(text.length / 2);
  for (let at = 0; at < data.length; at++) {
    data[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  }
  return data;
}

// Bytes of padded, canonical base64 (RFC 4648 §4), or null.
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const digits = text.length - padding;
  const data = new Uint8Array((text.length / 4) * 3 - padding);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let index = 0; index < digits; index++) {
    const code = text.charCodeAt(index);
    const value = code < 128 ? VALUES[code]! : -1;
    if (value < 0) return null;
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      data[at++] = bits >> held;
      bits &= (1 << held) - 1;
    }
  }
  // Bits that no byte uses are zero in the one canonical form.
  return bits ? null : data;
}

export function toBase64(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += 3) {
    const [first, second, third] = [data[at]!, data[at + 1], data[at + 2]];
    text += BASE64[first >> 2]! + BASE64[((first & 3) << 4) | ((second ?? 0) >> 4)]!;
    text += second === undefined ? "=" : BASE64[((second & 15) << 2) | ((third ?? 0) >> 6)]!;
    text += third === undefined ? "=" : BASE64[third & 63]!;
  }
  return text;
}

// A text without lone surrogates as UTF-8.
export function toUtf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}

// The text of strict UTF-8, or null.
export function fromUtf8(data: Uint8Array): string | null {
  try {
    return DECODER.decode(data);
  } catch {
    return null;
  }
}

// One character for each byte. TextDecoder would read windows-1252 under this name.
export function latin1(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += 8192) {
    text += String.fromCharCode(...data.subarray(at, at + 8192));
  }
  return text;
}

// Number of Unicode characters; a lone surrogate counts as one.
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

export function uint64(value: number): Uint8Array {
  const data = new Uint8Array(8);
  const view = new DataView(data.buffer);
  view.setUint32(0, Math.floor(value / 2 ** 32));
  view.setUint32(4, value % 2 ** 32);
  return data;
}
