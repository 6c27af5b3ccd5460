// A question to the audit log, as its own record proves it: who asked what, and why. As
// chainnode/verify/question.py.

import { invalid } from "./errors";
import { indexKey } from "./index_keys";
import type { Hash } from "./merkle";
import type { RecordFacts } from "./record";
import { type Question, readQuestionPart } from "./record_parts";
import { questionPurpose } from "./rows";

export interface AskedQuestion extends Question {
  readonly record: RecordFacts;
  // null: withheld or encrypted.
  readonly purpose: string | null;
}

export function readQuestion(record: RecordFacts): AskedQuestion {
  const { entry, call } = record;
  if (call === null || entry.contract !== "audit" || call.action !== "question") {
    throw invalid("question", "the record of a question, with its body", "another");
  }
  const asked = readQuestionPart(entry.contractVersion, call.public);
  if (asked === null) throw invalid("question", "a question of a known version", "another form");
  return { ...asked, record, purpose: questionPurpose(call.private) };
}

// The index keys whose trails are the answer.
export function questionKeys(h: Hash, question: Question): Uint8Array[] {
  return question.values.map((one) => indexKey(h, question.kind, one));
}
