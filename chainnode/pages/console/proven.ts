// What a `.kunproof` proves, as one list: read by the verifier of ../verify and by nothing else.

import { concat } from "../verify/bytes";
import { verifyExport } from "../verify/export";
import type { AnsweredQuestion } from "../verify/export_forms";
import type { CertifiedHeader } from "../verify/header";
import { keyValue } from "../verify/readable";
import type { Trust } from "../verify/trust";
import { type Listed, listed } from "./listed";

export interface AskedKey {
  readonly kind: number;
  readonly value: string;
  // Of which department and key epoch a pseudonym is, as its custodian told the asker: the asker's
  // word, which nothing proves.
  readonly attested: readonly [string, number] | null;
}

export interface Proven {
  readonly header: CertifiedHeader;
  readonly fromMs: number;
  readonly toMs: number;
  readonly completeToMs: number | null;
  readonly isComplete: boolean;
  readonly rows: readonly Listed[];
  readonly keys: readonly AskedKey[];
  // Organisation and department of the key that asked, and why, as the ledger has it.
  readonly askedBy: string;
  readonly askedMs: number;
  readonly purpose: string | null;
  // The member whose node signed the export too.
  readonly node: string | null;
}

// Raises a Refusal when anything in it is not as it claims.
export function proven(data: Uint8Array, trust: Trust): Proven {
  const { question, questions, answer, node } = verifyExport(data, trust);
  return {
    header: answer.header,
    fromMs: answer.fromMs,
    toMs: answer.toMs,
    completeToMs: answer.completeToMs,
    isComplete: answer.isComplete,
    rows: answer.rows.map(listed),
    keys: questions.flatMap(askedKeys),
    askedBy: question.record.entry.organisation,
    askedMs: question.record.entry.timeMs,
    purpose: question.purpose,
    node: node === null ? null : node.organisation,
  };
}

function askedKeys({ question, attested }: AnsweredQuestion): AskedKey[] {
  return question.values.map((value, at) => ({
    kind: question.kind,
    value: keyValue(concat(Uint8Array.of(question.kind), value)),
    attested: attested?.places[at] ?? null,
  }));
}
