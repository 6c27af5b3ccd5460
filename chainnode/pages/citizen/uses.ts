// From verified records to uses of a person's data, as chainnode/citizen/usages.py has them: one
// call is one use, whatever number of records speaks of it.

import { toHex } from "../verify/bytes";
import type { Entry } from "../verify/ledger";
import { isLedgersOwn } from "../verify/ledger";
import { decode, plainArray, plainBytes, plainInteger, plainText } from "../verify/messagepack";
import { readHalf } from "../verify/record_parts";
import { type ProvenRecord, purposeOf } from "../verify/rows";
import { Malformed } from "../verify/errors";
import { fromUtf8 } from "../verify/bytes";

export type Kind = "call" | "unsealed" | "question" | "withheld";

export interface Use {
  readonly kind: Kind;
  readonly name: string;
  readonly requester: string;
  readonly provider: string;
  readonly item: string;
  // In clear on the chain; what is encrypted stands in nobody's proof.
  readonly why: string;
  // What the department said, never later than the ledger's time of the first record.
  readonly usedMs: number;
  readonly recordedMs: number;
  readonly outcomes: ReadonlySet<string>;
  readonly findings: number;
  readonly gap: number | null;
  readonly sides: ReadonlySet<string>;
  // Objections: the outcome of the latest record of each.
  readonly disputes: readonly number[];
  // Whether one of them was filed here, for the person, and waits for its answer; any department may
  // object to a call as well.
  readonly hasOpen: boolean;
  readonly positions: readonly number[];
}

export interface SealedUse {
  readonly department: string;
  readonly recordedMs: number;
  readonly count: number;
}

export interface Uses {
  readonly uses: readonly Use[];
  readonly sealed: readonly SealedUse[];
  readonly ownQuestions: number;
  readonly others: number;
}

const INDEX = { requester: 2, provider: 3, item: 4, dispute: 10 } as const;
const LIMITS = { bytes: 4096, depth: 2, elements: 64 };
const KINDS_OF_HALF = 8;
const OWN_VIEW = 2;
// Filed, passed on, extended, overdue: the answer is still waited for.
const OPEN: ReadonlySet<number> = new Set([1, 2, 3, 64]);

// `ownDisputes`: what the service filed for the person. Who signed does not tell: a call names
// several people, each of whom may object.
export function usesIn(
  records: readonly ProvenRecord[],
  ownKeyId: Uint8Array,
  ownDisputes: ReadonlySet<string>,
): Uses {
  const sorting = new Sorting(toHex(ownKeyId), ownDisputes);
  const ordered = [...records].sort((left, right) => left.position - right.position);
  for (const one of ordered) sorting.take(one);
  return sorting.sorted();
}

// A use with what a half says that is proven by itself; a half of another call adds nothing.
export function withHalf(use: Use, record: ProvenRecord): Use {
  const found = ofHalf(record);
  return found !== null && found.name === use.name ? joined(use, found) : use;
}

class Sorting {
  readonly #uses = new Map<string, Use>();
  readonly #sealed = new Map<string, SealedUse>();
  // Dispute -> its call; the outcome of its latest record, and how many there are.
  readonly #disputed = new Map<string, string>();
  readonly #outcomes = new Map<string, { outcome: number; records: number }>();
  #ownQuestions = 0;
  #others = 0;

  constructor(
    private readonly ownKeyId: string,
    private readonly ownDisputes: ReadonlySet<string>,
  ) {}

  take(record: ProvenRecord): void {
    const { entry, call } = record;
    if (entry.contract === "audit") return this.#question(record);
    if (entry.contract === "disputes") return this.#dispute(record);
    if (entry.contract !== "access") return this.#other();
    if (call === null) return this.#join(withheld(record));
    const found = ofHalf(record) ?? ofPeople(record) ?? ofGap(record);
    if (found !== null) return this.#join(found);
    if (call.action === "sealed") return this.#seal(record);
    return call.action === "unseal" ? this.#unseal(record) : this.#other();
  }

  sorted(): Uses {
    for (const [id, { outcome, records }] of this.#outcomes) {
      const use = this.#uses.get(this.#disputed.get(id) ?? "");
      if (use === undefined) {
        // About something else than a call that is shown.
        this.#others += records;
        continue;
      }
      const hasOpen = use.hasOpen || (this.ownDisputes.has(id) && OPEN.has(outcome));
      this.#uses.set(use.name, { ...use, disputes: [...use.disputes, outcome], hasOpen });
    }
    const uses = [...this.#uses.values()].sort(
      (left, right) => right.usedMs - left.usedMs || (left.name < right.name ? -1 : 1),
    );
    const sealed = [...this.#sealed.values()];
    return { uses, sealed, ownQuestions: this.#ownQuestions, others: this.#others };
  }

  #question(record: ProvenRecord): void {
    const { entry, call } = record;
    if (toHex(entry.keyId) === this.ownKeyId && isOwnView(record)) {
      this.#ownQuestions++;
      return;
    }
    const names = [entry.organisation, "", `${record.position}`] as const;
    this.#join({ ...plain("question", names, record), why: purposeOf(entry, call) ?? "" });
  }

  #dispute(record: ProvenRecord): void {
    const key = record.entry.indexKeys.find((one) => one[0] === INDEX.dispute);
    const id = key === undefined ? "" : toHex(key.subarray(1));
    const records = (this.#outcomes.get(id)?.records ?? 0) + 1;
    this.#outcomes.set(id, { outcome: record.entry.outcome, records });
    if (record.call?.action !== "object") return;
    const named = parts(record, null, (found) => [
      plainText(found[4], "requester"),
      plainText(found[5], "provider"),
      toHex(plainBytes(found[6], "call id")),
    ]);
    if (named === null) return;
    this.#disputed.set(id, named.join("\0"));
  }

  #seal(record: ProvenRecord): void {
    const said = parts(record, 6, (found) => ({
      count: plainInteger(found[3], "count"),
      commitment: toHex(plainBytes(found[5], "commitment", { size: 32 })),
    }));
    if (said === null) return this.#other();
    const { organisation, timeMs } = record.entry;
    const use = { department: organisation, recordedMs: timeMs, count: said.count };
    this.#sealed.set(said.commitment, use);
  }

  #unseal(record: ProvenRecord): void {
    const said = parts(record, 6, (found) => ({
      commitment: toHex(plainBytes(found[1], "commitment", { size: 32 })),
      requester: plainText(found[3], "requester"),
      item: plainText(found[4], "item"),
      why: plainText(found[5], "purpose"),
    }));
    if (said === null) return this.#other();
    const before = this.#sealed.get(said.commitment);
    this.#sealed.delete(said.commitment);
    const provider = before?.department ?? valueOf(record.entry, INDEX.provider);
    const names = [said.requester, provider, said.commitment] as const;
    const usedMs = before?.recordedMs ?? record.entry.timeMs;
    this.#join({ ...plain("unsealed", names, record), item: said.item, why: said.why, usedMs });
  }

  #join(found: Use): void {
    const before = this.#uses.get(found.name);
    this.#uses.set(found.name, before === undefined ? found : joined(before, found));
  }

  #other(): void {
    this.#others++;
  }
}

// Else the department that runs this service looked at the person, with the same key.
function isOwnView(record: ProvenRecord): boolean {
  if (record.entry.contractVersion < 2) return true;
  if (record.call === null) return false;
  return parts(record, 6, (found) => plainInteger(found[5], "basis")) === OWN_VIEW;
}

function joined(before: Use, found: Use): Use {
  return {
    ...before,
    item: before.item || found.item,
    why: before.why || found.why,
    usedMs: Math.min(before.usedMs, found.usedMs),
    recordedMs: Math.min(before.recordedMs, found.recordedMs),
    outcomes: new Set([...before.outcomes, ...found.outcomes]),
    findings: before.findings | found.findings,
    gap: found.gap ?? before.gap,
    sides: new Set([...before.sides, ...found.sides]),
    positions: [...new Set([...before.positions, ...found.positions])].sort((a, b) => a - b),
  };
}

function ofHalf(record: ProvenRecord): Use | null {
  const { entry, call } = record;
  const half = call && readHalf(entry, call);
  if (half === null) return null;
  const names = [half.requester, half.provider, toHex(half.callId)] as const;
  const said = half.requestedMs;
  return {
    ...plain("call", names, record),
    item: half.item,
    why: purposeOf(entry, call) ?? "",
    usedMs: said ? Math.min(said, entry.timeMs) : entry.timeMs,
    outcomes: new Set([half.outcome]),
    findings: entry.contractVersion > 1 ? Math.floor(entry.outcome / KINDS_OF_HALF) : 0,
    sides: new Set([half.side]),
  };
}

function ofPeople(record: ProvenRecord): Use | null {
  if (record.call?.action !== "people") return null;
  return parts(record, 7, (found) => {
    const names = [
      plainText(found[3], "requester"),
      plainText(found[4], "provider"),
      toHex(plainBytes(found[1], "call id", { size: 16 })),
    ] as const;
    return plain("call", names, record);
  });
}

function ofGap(record: ProvenRecord): Use | null {
  const { entry } = record;
  if (!isLedgersOwn(entry)) return null;
  return parts(record, null, (found) => {
    const names = [
      plainText(found[1], "requester"),
      plainText(found[2], "provider"),
      toHex(plainBytes(found[3], "call id", { size: 16 })),
    ] as const;
    const item = valueOf(entry, INDEX.item);
    return { ...plain("call", names, record), item, gap: entry.outcome };
  });
}

function withheld(record: ProvenRecord): Use {
  const { entry } = record;
  const requester = valueOf(entry, INDEX.requester) || entry.organisation;
  const names = [requester, valueOf(entry, INDEX.provider), `${record.position}`] as const;
  return { ...plain("withheld", names, record), item: valueOf(entry, INDEX.item) };
}

function plain(kind: Kind, names: readonly [string, string, string], record: ProvenRecord): Use {
  const { timeMs } = record.entry;
  const [requester, provider] = names;
  return {
    kind, name: names.join("\0"), requester, provider, item: "", why: "",
    usedMs: timeMs, recordedMs: timeMs, outcomes: new Set(), findings: 0, gap: null,
    sides: new Set(), disputes: [], hasOpen: false,
    positions: [record.position],
  };
}

type Wire = ReturnType<typeof plainArray>;

// The fields of a public part; null: they are not what the contract says.
function parts<T>(record: ProvenRecord, size: number | null, read: (found: Wire) => T): T | null {
  try {
    const data = record.call!.public;
    return read(plainArray(decode(data, LIMITS), "part", size === null ? {} : { size }));
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function valueOf(entry: Entry, kind: number): string {
  const key = entry.indexKeys.find((one) => one[0] === kind);
  return key === undefined ? "" : (fromUtf8(key.subarray(1)) ?? "");
}
