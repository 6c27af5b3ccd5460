// What a `.kunproof` proves, as one list of plain values: read by the verifier of ../verify and by
// nothing else.

import { concat, toHex } from "../verify/bytes";
import { verifyExport } from "../verify/export";
import { keyValue } from "../verify/readable";
import type { AnsweredQuestion } from "../verify/export_forms";
import { seenHeader, type SeenHeader } from "../verify/newest";
import type { Trust } from "../verify/trust";
import { type Listed, listed } from "./listed";
import type { AnsweredQuestion as Answered } from "./same_question";

export interface Asked {
  readonly timeMs: number;
  // null: withheld or encrypted.
  readonly purpose: string | null;
}

export interface AskedKey {
  readonly kind: number;
  readonly value: string;
  // Of which department and key epoch a pseudonym is, as its custodian told the asker: the asker's
  // word, which nothing proves.
  readonly attested: readonly [string, number] | null;
}

export interface Proven {
  readonly height: number;
  readonly asOf: SeenHeader;
  readonly disputeDeadlineMs: number;
  // On what the question rests, by its number; null: before rules 3 it does not say.
  readonly basis: number | null;
  readonly blockTimeMs: number;
  readonly signers: number;
  readonly members: number;
  readonly quorum: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly completeToMs: number | null;
  readonly isComplete: boolean;
  readonly rows: readonly Listed[];
  readonly keys: readonly AskedKey[];
  readonly answered: Answered;
  readonly askedBy: string;
  readonly asked: readonly Asked[];
  // The member whose node signed the export too.
  readonly node: string | null;
}

// Raises a Refusal when anything in it is not as it claims.
export function proven(data: Uint8Array, trust: Trust): Proven {
  const { question, questions, answer, node } = verifyExport(data, trust);
  const { header, signers, members, quorum } = answer.header;
  return {
    height: header.head.height,
    asOf: seenHeader(answer.header),
    disputeDeadlineMs: trust.parameters.dispute_deadline_ms ?? 0,
    basis: question.basis,
    blockTimeMs: header.head.timeMs,
    signers: signers.length,
    members: members.length,
    quorum,
    fromMs: answer.fromMs,
    toMs: answer.toMs,
    completeToMs: answer.completeToMs,
    isComplete: answer.isComplete,
    rows: answer.rows.map(listed),
    keys: questions.flatMap(askedKeys),
    answered: {
      kind: question.kind,
      values: questions.flatMap((one) => one.question.values.map(toHex)),
      bases: questions.map((one) => one.question.basis),
      fromMs: question.fromMs,
      toMs: question.toMs,
    },
    askedBy: question.record.entry.organisation,
    asked: questions.map((one) => ({
      timeMs: one.question.record.entry.timeMs, purpose: one.question.purpose,
    })),
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
