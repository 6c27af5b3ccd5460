// Which chain this browser believes: compared once by a person, then kept and never replaced by
// what a server shows.

import { toHex } from "../verify/bytes";
import { loadTrust } from "../verify/trust";

const FILE = "kunlian.trust";
const TRUST_CHARACTERS_MAX = 8 * 1024 * 1024;

// The chain that the server shows is not the one that was compared here.
export class OtherChain extends Error {}

export interface Shown {
  // The text of the trust or genesis file that counts.
  readonly file: string;
  readonly chainId: string;
  readonly isPinned: boolean;
  // Keeps what is shown; call it when a person has compared the code.
  readonly pin: () => void;
}

// What the server offers, unless this browser knows the chain already.
export async function shownTrust(url: string): Promise<Shown> {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const text = (await answer.text()).slice(0, TRUST_CHARACTERS_MAX);
  const offered = chainIdIn(text);
  const kept = localStorage.getItem(FILE);
  if (kept === null) {
    const pin = (): void => localStorage.setItem(FILE, text);
    return { file: text, chainId: offered, isPinned: false, pin };
  }
  if (chainIdIn(kept) !== offered) throw new OtherChain();
  return { file: kept, chainId: offered, isPinned: true, pin: () => undefined };
}

function chainIdIn(text: string): string {
  return toHex(loadTrust(new TextEncoder().encode(text)).chainId);
}
