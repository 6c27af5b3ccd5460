// Characters that show as nothing, or turn others round: told by their numbers where people read. A
// fixed list, as chainnode/verify/unseen.py has it (docs/wire-format.md §12).

// First and last of each range, ascending; the last two of each plane besides.
const UNSEEN: readonly (readonly [number, number])[] = [
  [0x0000, 0x001f], [0x007f, 0x009f], [0x00ad, 0x00ad], [0x034f, 0x034f], [0x0600, 0x0605],
  [0x061c, 0x061c], [0x06dd, 0x06dd], [0x070f, 0x070f], [0x0890, 0x0891], [0x08e2, 0x08e2],
  [0x115f, 0x1160], [0x17b4, 0x17b5], [0x180b, 0x180f], [0x200b, 0x200f], [0x2028, 0x202e],
  [0x2060, 0x206f], [0x2800, 0x2800], [0x3164, 0x3164], [0xfdd0, 0xfdef], [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff], [0xffa0, 0xffa0], [0xfff0, 0xfffc],
  [0x110bd, 0x110bd], [0x110cd, 0x110cd], [0x13430, 0x1343f], [0x13441, 0x13442],
  [0x16fe4, 0x16fe4], [0x1bca0, 0x1bca3], [0x1d159, 0x1d159], [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];
const IN_PLANE = 0xffff;
const LAST_TWO = 0xfffe;

export function visible(text: string): string {
  let shown = "";
  for (const one of text) {
    const code = one.codePointAt(0)!;
    shown += isUnseen(code) ? `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]` : one;
  }
  return shown;
}

function isUnseen(code: number): boolean {
  if ((code & IN_PLANE) >= LAST_TWO) return true;
  return UNSEEN.some(([first, last]) => first <= code && code <= last);
}
