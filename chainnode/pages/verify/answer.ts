// The pages of an answer joined: one list, and to which ledger time it is proven to be whole. A
// gap, a key left out or a page of another period makes nothing complete. As
// chainnode/verify/answer.py.

import { toHex } from "./bytes";
import { invalid } from "./errors";
import type { CertifiedHeader } from "./header";
import { inPeriod, type TrailFacts, type TrailListing, type TrailRow } from "./trail";
import { coveredUntilMs } from "./trail_proofs";

// `rows` are the records of the period, each once, ascending; before `completeToMs` none is missing
// (null: that is not proven). `toMs`: the end that was asked for, or to where the first page reached.
export interface AnswerFacts {
  readonly header: CertifiedHeader;
  readonly fromMs: number;
  readonly toMs: number;
  readonly rows: readonly TrailRow[];
  readonly completeToMs: number | null;
  readonly isComplete: boolean;
}

interface Run {
  readonly listing: TrailListing;
  readonly asOfMs: number;
}

// Verified pages in the order of the answer; `toMs` 0: no end was asked for.
export function joinPages(
  pages: readonly TrailFacts[],
  keys: readonly Uint8Array[],
  fromMs: number,
  toMs: number,
): AnswerFacts {
  const first = pages[0]!;
  const asked = new Set(keys.map(toHex));
  const runs = new Map<string, Run[]>();
  pages.forEach((page, at) => {
    requirePage(page, pages[at - 1] ?? page, asked, fromMs, toMs || page.asOfMs);
    for (const listing of page.listings) {
      const name = toHex(listing.indexKey);
      const run = runs.get(name) ?? [];
      requireNext(run[run.length - 1], listing);
      runs.set(name, [...run, { listing, asOfMs: page.asOfMs }]);
    }
  });
  const end = toMs || first.asOfMs;
  const covered = [...runs.values()].map((run) => coveredToMs(run, fromMs));
  const known = covered.filter((one) => one !== null);
  const isKnown = runs.size === asked.size && known.length === covered.length;
  const completeToMs = isKnown ? Math.min(...known, end) : null;
  return {
    header: first.header,
    fromMs,
    toMs: end,
    rows: inPeriod(pages.flatMap((page) => page.listings), fromMs, end),
    completeToMs,
    isComplete: fromMs <= end && end === completeToMs,
  };
}

// Answers to questions about one period as one list, each record once. It ends where the first of
// them ends and stands under the oldest header, so that what is said of it holds for each.
export function joinAnswers(answers: readonly AnswerFacts[]): AnswerFacts {
  const first = answers[0]!;
  const end = Math.min(...answers.map((one) => one.toMs));
  const known = answers.map((one) => one.completeToMs).filter((one) => one !== null);
  const completeToMs = known.length === answers.length ? Math.min(...known, end) : null;
  const found = new Map<number, TrailRow>();
  for (const { rows } of answers) {
    for (const row of rows) if (row.entry.timeMs < end) found.set(row.position, row);
  }
  return {
    header: answers
      .map((one) => one.header)
      .reduce((best, one) => (one.header.head.height < best.header.head.height ? one : best)),
    fromMs: first.fromMs,
    toMs: end,
    rows: [...found.values()].sort((left, right) => left.position - right.position),
    completeToMs,
    isComplete: first.fromMs <= end && end === completeToMs,
  };
}

function requirePage(
  page: TrailFacts,
  before: TrailFacts,
  asked: ReadonlySet<string>,
  fromMs: number,
  toMs: number,
): void {
  if (page.fromMs !== fromMs || page.toMs !== toMs) {
    throw invalid("period", `${fromMs} to ${toMs}`, `${page.fromMs} to ${page.toMs}`);
  }
  if (page.listings.some((one) => !asked.has(toHex(one.indexKey)))) {
    throw invalid("question", "trails of the values asked for", "others");
  }
  const [height, least] = [page.header.header.head.height, before.header.header.head.height];
  if (height < least) throw invalid("order", `a height from ${least} on`, `${height}`);
}

// A page goes on where the rows of this key ended before.
function requireNext(last: Run | undefined, listing: TrailListing): void {
  if (last === undefined) return;
  const { firstRow, rows } = last.listing;
  const stop = firstRow + rows.length;
  if (listing.firstRow !== stop || !listing.rows.length || !rows.length) {
    throw invalid("rows", `row ${stop} next`, `row ${listing.firstRow}`);
  }
  const { position } = rows[rows.length - 1]!;
  if (listing.rows[0]!.position <= position) {
    throw invalid("rows", `a position above ${position}`, `${listing.rows[0]!.position}`);
  }
}

// Before which time no row of the key is missing; null: that is not proven.
function coveredToMs(run: readonly Run[], fromMs: number): number | null {
  const last = run[run.length - 1]!;
  const times = run.flatMap((one) => one.listing.rows.map((row) => row.entry.timeMs));
  const { total } = last.listing;
  const { firstRow } = run[0]!.listing;
  return coveredUntilMs({ total, firstRow }, times, fromMs, last.asOfMs);
}
