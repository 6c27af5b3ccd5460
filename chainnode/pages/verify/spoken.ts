// A trust anchor as 30 digits that two people can read to each other (docs/wire-format.md §11).

import { concat, toHex } from "./bytes";
import type { Member } from "./ledger";
import type { Hash } from "./merkle";
import { encode, type Plain } from "./messagepack";
import type { Trust } from "./trust";

const ROUNDS = 65_536;
const GROUPS = 5;
const DIGITS = 5;
const DAMM = [
  "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
  "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
] as const;

// A slow hash on purpose: made once for each anchor.
const CODES = new Map<string, string>();

export function spokenCode(trust: Trust): string {
  const anchor = anchorDigest(trust);
  const name = trust.suite.name + toHex(anchor);
  const code = CODES.get(name) ?? computed(trust.suite.digest, anchor);
  CODES.set(name, code);
  return code;
}

function computed(h: Hash, anchor: Uint8Array): string {
  let digest = h(encode(["kun.fingerprint", 1, anchor]));
  for (let round = 0; round < ROUNDS; round++) digest = h(concat(digest, anchor));
  const number = digest.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const size = GROUPS * DIGITS;
  const digits = (number % 10n ** BigInt(size)).toString().padStart(size, "0");
  return Array.from({ length: GROUPS }, (_, group) => {
    const payload = digits.slice(group * DIGITS, (group + 1) * DIGITS);
    return payload + checkDigit(`${group + 1}${payload}`);
  }).join(" ");
}

// What stands for the whole anchor: the chain id, or the digest of a trust file.
function anchorDigest(trust: Trust): Uint8Array {
  const { height, headerDigest, timeMs } = trust.checkpoint;
  if (headerDigest === null) return trust.chainId;
  const [[epoch, members]] = [...trust.epochs] as [[number, readonly Member[]]];
  const parameters = Object.entries(trust.parameters).sort() as [string, number][];
  const rows = members.map((one): Plain => [one.replicaId, one.organisation, one.voteKey]);
  return trust.suite.digest(
    encode([
      "kun.trust", 1, trust.chainId, trust.suite.name, parameters, epoch, height, headerDigest,
      timeMs, rows,
    ]),
  );
}

function checkDigit(text: string): string {
  let interim = 0;
  for (const digit of text) interim = Number(DAMM[interim]![Number(digit)]);
  return `${interim}`;
}
