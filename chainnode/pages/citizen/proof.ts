// Checks everything that the page shows against the signatures of a quorum, in this browser.

import { verifyExport } from "../verify/export";
import { invalid } from "../verify/errors";
import type { ProvenRecord } from "../verify/rows";
import { verifyRecord } from "../verify/record";
import type { Trust } from "../verify/trust";
import type { Beside } from "./service";
import { type Use, type Uses, usesIn, withHalf } from "./uses";

export interface Proven extends Uses {
  // Before this time nothing is missing under the pseudonyms asked for; null: not proven.
  readonly completeToMs: number | null;
  readonly height: number;
}

// Raises a Refusal where anything does not fit: then nothing at all is shown.
export function proven(parts: readonly Uint8Array[], beside: Beside, trust: Trust): Proven {
  const exports = parts.map((data) => verifyExport(data, trust));
  if (!exports.length) throw invalid("parts", "at least one export", "none");
  const records = new Map<number, ProvenRecord>();
  for (const { answer, question } of exports) {
    if (question.kind !== SUBJECT) throw invalid("question", "one about subjects", "another");
    if (question.fromMs || question.toMs) throw invalid("question", "all times", "a period");
    for (const row of answer.rows) records.set(row.position, row);
  }
  requireSame(records, beside);
  const own = exports[0]!.question.record.entry.keyId;
  const found = usesIn([...records.values()], own);
  const ends = exports.map((one) => (one.answer.isComplete ? one.answer.completeToMs : null));
  return {
    ...found,
    uses: withHalves(found.uses, beside, trust),
    completeToMs: ends.some((one) => one === null) ? null : Math.min(...(ends as number[])),
    height: Math.max(...exports.map((one) => one.answer.header.header.head.height)),
  };
}

const SUBJECT = 1;

// What the service lists must be what is proven: an export of another question, or of nobody, in the
// place of the right one, contradicts the list beside it.
function requireSame(records: ReadonlyMap<number, ProvenRecord>, beside: Beside): void {
  const missing = [...beside.positions].find((one) => !records.has(one));
  if (missing !== undefined) {
    throw invalid("list", `the record at position ${missing}, which is listed`, "no proof of it");
  }
}

// Halves of calls that name the person in a list of people alone: each proven by itself.
function withHalves(uses: readonly Use[], beside: Beside, trust: Trust): Use[] {
  const halves = beside.extra.map((one) => verifyRecord(one, trust));
  return uses.map((use) =>
    halves.reduce(
      (found, { position, entry, call }) =>
        position === null ? found : withHalf(found, { position, entry, call }),
      use,
    ),
  );
}

