// Why evidence was not accepted: each refusal names the check that refused it, in the same words
// as chainnode/verify/errors.py. Nothing else may escape from the verifier for any input.

export type RefusalKind =
  | "invalid" // decodes but fails a check: somebody changed it, or a node lied
  | "unreadable" // no evidence at all
  | "foreign" // of another chain
  | "no_quorum" // too few signatures: nothing is forged and nothing is proven
  | "unknown_epoch" // of members that this trust does not name
  | "older_than_pinned" // it may be genuine, but this trust cannot tell
  | "other_question"; // answers another question than the one that was asked

export class Refusal extends Error {
  constructor(
    readonly kind: RefusalKind,
    readonly check: string,
    readonly expected: string,
    readonly actual: string,
  ) {
    super(`${check}: expected ${expected}, got ${actual}`);
  }
}

// A trust file or genesis file that cannot be used as an anchor.
export class InvalidTrust extends Error {
  constructor(what: string, expected: string, actual: string) {
    super(`trust file: ${what}: expected ${expected}, got ${actual}`);
  }
}

// Raised by the canonical encoding and the proofs below; the caller names the check.
export class Malformed extends Error {
  constructor(
    readonly what: string,
    readonly expected: string,
    readonly actual: string,
  ) {
    super(`${what}: expected ${expected}, got ${actual}`);
  }
}

export function invalid(check: string, expected: string, actual: string): Refusal {
  return new Refusal("invalid", check, expected, actual);
}

export function unreadable(check: string, expected: string, actual: string): Refusal {
  return new Refusal("unreadable", check, expected, actual);
}

// Run `step`; what it finds malformed is a refusal of `kind` at `check`.
export function refusedAs<T>(kind: RefusalKind, check: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof Malformed) {
      throw new Refusal(kind, check, `${error.what} ${error.expected}`, error.actual);
    }
    throw error;
  }
}
