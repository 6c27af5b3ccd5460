// Checks everything that the page shows against the signatures of a quorum, in this browser.

import { verifyExport } from "../verify/export";
import { invalid } from "../verify/errors";
import { seenHeader, type SeenHeader } from "../verify/newest";
import type { ProvenRecord } from "../verify/rows";
import { verifyRecord } from "../verify/record";
import type { Trust } from "../verify/trust";
import type { Beside } from "./service";
import { type Use, type Uses, usesIn, withHalf } from "./uses";

export interface Proven extends Uses {
  // Before this time nothing is missing under the pseudonyms asked for; null: not proven.
  readonly completeToMs: number | null;
  // What all of it rests on: the oldest header of the answers.
  readonly asOf: SeenHeader;
  // Whose pseudonyms were asked about, as the custodian told who asked: signed, not proven.
  readonly departments: readonly string[];
}

// Raises a Refusal where anything does not fit: then nothing at all is shown.
export function proven(data: Uint8Array, beside: Beside, trust: Trust): Proven {
  const { answer, question, questions } = verifyExport(data, trust);
  if (question.kind !== SUBJECT) throw invalid("question", "one about subjects", "another");
  if (question.fromMs || question.toMs) throw invalid("question", "all times", "a period");
  requireSame(answer.rows, beside);
  const found = usesIn(answer.rows, question.record.entry.keyId, beside.ownObjections);
  const departments = questions.flatMap((one) => one.attested?.places.map(([name]) => name) ?? []);
  return {
    ...found,
    uses: withHalves(found.uses, beside, trust),
    completeToMs: answer.isComplete ? answer.completeToMs : null,
    asOf: seenHeader(answer.header),
    departments: [...new Set(departments)].sort(),
  };
}

const SUBJECT = 1;

// What the service lists must be what is proven: an export of another question, or of nobody, in the
// place of the right one, contradicts the list beside it.
function requireSame(records: readonly ProvenRecord[], beside: Beside): void {
  const listed = beside.positions.join();
  if (records.map((one) => one.position).join() !== listed) {
    throw invalid("list", "the records that are proven", "a list of others");
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

