// Whether what is proven answers what was typed here. A server may give the proven answer to another
// question, whole and signed: of somebody else, of another month. Which pseudonyms a person has is
// the custodian's word; who is asked about by number is compared by kind and period alone.

import { toHex, toUtf8 } from "../verify/bytes";
import { INDEX_KIND } from "../verify/index_keys";
import type { Question } from "./asking";
import { BASIS_NAMES, FINDING_NAMES } from "./words";

export interface AnsweredQuestion {
  readonly kind: number;
  // As hexadecimal.
  readonly values: readonly string[];
  // By number; null: not said.
  readonly bases: readonly (number | null)[];
  // [from, to) in ms; `toMs` 0 is no end.
  readonly fromMs: number;
  readonly toMs: number;
}

const HEXADECIMAL = ["subject", "trace", "dispute"];
const ZONE = "T00:00:00+08:00";

export function isSameQuestion(typed: Question, found: AnsweredQuestion): boolean {
  const { kind, values, from, to } = typed;
  if (found.kind !== INDEX_KIND[kind === "person" ? "subject" : kind]) return false;
  if (found.fromMs !== begin(from) || found.toMs !== end(to)) return false;
  const basis = typed.basis === undefined ? null : BASIS_NAMES.indexOf(typed.basis) + 1;
  if (basis !== null && found.bases.some((one) => one !== basis)) return false;
  if (values === undefined) return true;
  return sorted(values.map((one) => hex(kind, one))) === sorted(found.values);
}

function sorted(values: readonly string[]): string {
  return [...new Set(values)].sort().join();
}

function hex(kind: Question["kind"], value: string): string {
  if (HEXADECIMAL.includes(kind)) return value.toLowerCase();
  if (kind !== "finding") return toHex(toUtf8(value));
  return toHex(Uint8Array.of(Object.keys(FINDING_NAMES).indexOf(value) + 1));
}

// A month or a day in +08:00, as the form gives them; "" is no bound.
function begin(text: string): number {
  if (!text) return 0;
  return Math.max(0, Date.parse((text.length === 7 ? `${text}-01` : text) + ZONE));
}

function end(text: string): number {
  if (!text) return 0;
  const [year, month, day] = text.split("-").map(Number) as [number, number, number?];
  const next = day === undefined ? Date.UTC(year, month, 1) : Date.UTC(year, month - 1, day + 1);
  return begin(new Date(next).toISOString().slice(0, 10));
}
