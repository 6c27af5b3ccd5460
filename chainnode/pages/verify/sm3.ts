// SM3 (GB/T 32905-2016): the block function on the Merkle–Damgård frame of @noble/hashes, which
// pads, buffers and counts exactly as SM3 wants it (64-byte blocks, 64-bit big-endian length).

import { HashMD } from "@noble/hashes/_md.js";

// §4.1.
const INITIAL = [
  0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
] as const;
const ROUNDS = 64;
// §4.2, T_j rotated left by j as §5.3.3 wants it.
const CONSTANTS = Int32Array.from({ length: ROUNDS }, (_, round) =>
  rotated(round < 16 ? 0x79cc4519 : 0x7a879d8a, round % 32),
);

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

export class Sm3 extends HashMD<Sm3> {
  private state: Int32Array = Int32Array.from(INITIAL);
  private readonly words = new Int32Array(ROUNDS + 4);

  constructor() {
    super(64, 32, 8, false);
  }

  protected get(): number[] {
    return [...this.state];
  }

  protected set(...state: number[]): void {
    this.state = Int32Array.from(state);
  }

  // §5.3.2: expansion, §5.3.3: compression.
  protected process(view: DataView, offset: number): void {
    const w = this.words;
    for (let at = 0; at < 16; at++) w[at] = view.getInt32(offset + 4 * at);
    for (let at = 16; at < ROUNDS + 4; at++) {
      const x = w[at - 16]! ^ w[at - 9]! ^ rotated(w[at - 3]!, 15);
      w[at] = x ^ rotated(x, 15) ^ rotated(x, 23) ^ rotated(w[at - 13]!, 7) ^ w[at - 6]!;
    }
    const state = this.state;
    let [a, b, c, d, e, f, g, h] = state as unknown as [
      number, number, number, number, number, number, number, number,
    ];
    for (let round = 0; round < ROUNDS; round++) {
      const a12 = rotated(a, 12);
      const ss1 = rotated((a12 + e + CONSTANTS[round]!) | 0, 7);
      const early = round < 16;
      const ff = early ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
      const gg = early ? e ^ f ^ g : (e & f) | (~e & g);
      const tt1 = (ff + d + (ss1 ^ a12) + (w[round]! ^ w[round + 4]!)) | 0;
      const tt2 = (gg + h + ss1 + w[round]!) | 0;
      d = c;
      c = rotated(b, 9);
      b = a;
      a = tt1;
      h = g;
      g = rotated(f, 19);
      f = e;
      e = tt2 ^ rotated(tt2, 9) ^ rotated(tt2, 17);
    }
    state[0]! ^= a;
    state[1]! ^= b;
    state[2]! ^= c;
    state[3]! ^= d;
    state[4]! ^= e;
    state[5]! ^= f;
    state[6]! ^= g;
    state[7]! ^= h;
  }

  protected roundClean(): void {
    this.words.fill(0);
  }

  destroy(): void {
    this.destroyed = true;
    this.state.fill(0);
    this.buffer.fill(0);
  }

  _cloneInto(to: Sm3 = new Sm3()): Sm3 {
    to.set(...this.get());
    return this._cloneIntoMeta(to);
  }
}

export function sm3(data: Uint8Array): Uint8Array {
  return new Sm3().update(data).digest();
}
