// The text that a QR code carries: bytes in base 41, alone or behind an address
// (docs/wire-format.md §13). As chainnode/verify/qr_text.py.

import { characters } from "./bytes";
import { ascii } from "./strict_json";
import { type Refusal, unreadable } from "./errors";

const TEXT_MARK = "KUN:";
const FRAGMENT = "#";
// What the largest QR code of the lowest correction level holds as alphanumeric text.
export const PAYLOAD_BYTES_MAX = 2860;
// The longest text of such a payload behind an address.
const TEXT_CHARACTERS_MAX = 6144;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-/*.:";
const GROUP_DIGITS = 3;

// Whether a text means to be the content of such a code, well-formed or not.
export function isQrText(text: string): boolean {
  return text.startsWith(TEXT_MARK) || text.includes(FRAGMENT + TEXT_MARK);
}

export function payloadOf(text: string): Uint8Array {
  // A character is at most two units.
  if (text.length > 2 * TEXT_CHARACTERS_MAX || characters(text) > TEXT_CHARACTERS_MAX) {
    throw broken(`at most ${TEXT_CHARACTERS_MAX} characters`, "more");
  }
  const form = text.startsWith(TEXT_MARK) ? text : text.slice(text.indexOf(FRAGMENT) + 1);
  if (!form.startsWith(TEXT_MARK)) {
    throw broken(`${TEXT_MARK} and digits, alone or behind ${FRAGMENT}`, "another text");
  }
  const digits = [...form].slice(TEXT_MARK.length);
  if (digits.length % GROUP_DIGITS === 1) {
    throw broken("groups of three digits, two at the end", "one left over");
  }
  const payload: number[] = [];
  for (let at = 0; at < digits.length; at += GROUP_DIGITS) {
    payload.push(...groupBytes(digits.slice(at, at + GROUP_DIGITS)));
  }
  if (!payload.length || payload.length > PAYLOAD_BYTES_MAX) {
    throw broken(`1 to ${PAYLOAD_BYTES_MAX} bytes`, `${payload.length}`);
  }
  return Uint8Array.from(payload);
}

// Two bytes make three digits, the lowest first; one byte makes two.
function groupBytes(group: readonly string[]): number[] {
  const number = group.reduceRight((sum, digit) => {
    const value = DIGITS.indexOf(digit);
    if (value < 0) throw broken("digits 0–9 A–Z - / * . :", ascii(digit));
    return sum * DIGITS.length + value;
  }, 0);
  const size = group.length - 1;
  if (number >= 256 ** size) throw broken(`a group below ${256 ** size}`, `${number}`);
  return size === 1 ? [number] : [number >> 8, number & 0xff];
}

function broken(expected: string, actual: string): Refusal {
  return unreadable("qr text", expected, actual);
}
