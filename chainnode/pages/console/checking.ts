// Checking is slow on purpose (the spoken code) or by its size (thousands of proofs), so it runs in a
// worker, which is this same script again; the page stays alive meanwhile.

import { InvalidTrust, Refusal, type RefusalKind } from "../verify/errors";
import { spokenCode } from "../verify/spoken";
import { loadTrust } from "../verify/trust";
import { type Proven, proven } from "./proven";

// `trust` is the text of a trust or genesis file; `data` the bytes of a `.kunproof`, or null for the
// code of the trust.
export interface Work {
  readonly trust: string;
  readonly data: Uint8Array | null;
}

export type Checked =
  | { readonly kind: "code"; readonly code: string }
  | { readonly kind: "proven"; readonly proven: Proven }
  | { readonly kind: "refused"; readonly refusal: RefusalKind; readonly check: string; readonly message: string }
  | { readonly kind: "trust"; readonly message: string };

export function checked({ trust, data }: Work): Checked {
  try {
    const anchor = loadTrust(new TextEncoder().encode(trust));
    if (data === null) return { kind: "code", code: spokenCode(anchor) };
    return { kind: "proven", proven: proven(data, anchor) };
  } catch (error) {
    if (error instanceof InvalidTrust) return { kind: "trust", message: error.message };
    if (!(error instanceof Refusal)) throw error;
    return { kind: "refused", refusal: error.kind, check: error.check, message: error.message };
  }
}

const HERE = typeof document === "undefined" ? null : (document.currentScript as HTMLScriptElement);

// Where a page's policy lets it start no worker, it waits and checks itself. Fails when the worker does:
// then nothing is decided.
export async function checkedApart(work: Work): Promise<Checked> {
  const worker = started();
  if (worker === null) return checked(work);
  return new Promise<Checked>((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<Checked>) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage(work);
  }).finally(() => worker.terminate());
}

function started(): Worker | null {
  try {
    return HERE && new Worker(HERE.src);
  } catch {
    return null;
  }
}

// In the worker: one piece of work, one answer.
export function workAsTold(): void {
  const scope = globalThis as unknown as { postMessage: (done: Checked) => void } & Window;
  scope.onmessage = (event: MessageEvent<Work>) => scope.postMessage(checked(event.data));
}
