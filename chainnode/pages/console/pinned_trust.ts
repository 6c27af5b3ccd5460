// Which chain this browser believes: compared once by a person, then kept and never replaced by
// what a server shows. Also the newest block seen, so that an older answer is noticed.

import { toHex } from "../verify/bytes";
import type { CertifiedHeader } from "../verify/header";
import { loadTrust, type Trust } from "../verify/trust";

const FILE = "kunlian.trust";
const NEWEST = "kunlian.newest-height";
const TRUST_BYTES_MAX = 4 * 1024 * 1024;

// The chain that the server shows is not the one that was compared here.
export class OtherChain extends Error {}

export interface Shown {
  readonly trust: Trust;
  readonly isPinned: boolean;
  // Keeps what is shown; call it when a person has compared the code.
  readonly pin: () => void;
}

// What the server offers, unless this browser knows the chain already.
export async function shownTrust(url: string): Promise<Shown> {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const text = (await answer.text()).slice(0, TRUST_BYTES_MAX);
  const offered = loadTrust(new TextEncoder().encode(text));
  const kept = localStorage.getItem(FILE);
  if (kept === null) {
    return { trust: offered, isPinned: false, pin: () => localStorage.setItem(FILE, text) };
  }
  const trust = loadTrust(new TextEncoder().encode(kept));
  if (toHex(trust.chainId) !== toHex(offered.chainId)) throw new OtherChain();
  return { trust, isPinned: true, pin: () => undefined };
}

// Whether this header is older than one that was seen here; else it becomes the newest.
export function isOlderThanSeen(trust: Trust, header: CertifiedHeader): boolean {
  const { height } = header.header.head;
  const name = `${NEWEST}.${toHex(trust.chainId)}`;
  const newest = Number(localStorage.getItem(name) ?? 0);
  if (height < newest) return true;
  localStorage.setItem(name, `${height}`);
  return false;
}
