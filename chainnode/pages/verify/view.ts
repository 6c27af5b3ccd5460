// What is shown of an outcome: colour and word and icon, the five checks, the proven facts.

import type { AnswerFacts } from "./answer";
import { CSV, PAGE, ROWS } from "./archive";
import { concat, fromUtf8, toHex } from "./bytes";
import type { CertificateFacts } from "./certificate";
import { definitions, element, icon, inLanguage, type Row } from "./dom";
import type { EquivocationFacts } from "./equivocation";
import type { ReceiptFacts, StateFacts } from "./evidence";
import type { ExportFacts } from "./export";
import type { AnsweredQuestion } from "./export_forms";
import type { CertifiedHeader } from "./header";
import type { Facts } from "./kinds";
import { isLedgersOwn } from "./ledger";
import type { PagesFacts } from "./pages";
import { keyValue, readableEntry } from "./readable";
import type { RecordFacts } from "./record";
import type { TrailFacts, TrailRow } from "./trail";
import type { Trust } from "./trust";
import {
  type Check,
  CHECKS,
  type CheckResult,
  type Colour,
  localTime,
  STATES,
  type Verdict,
  VERDICTS,
  type Words,
} from "./verdict";
import type { CodeForm } from "./judge_code";
import type { Outcome, Refused } from "./verifier";
import { INDEX_KINDS, KINDS, type Language, type Word, WORDS } from "./words";

const ICONS: Readonly<Record<Colour, string>> = { green: "✓", red: "✗", amber: "!", grey: "?" };
const MARKS: Readonly<Record<CheckResult, string>> = { pass: "✓", fail: "✗", not_checked: "–" };

// A list and how far it is proven to be whole.
type List = Pick<AnswerFacts, "header" | "rows" | "isComplete" | "completeToMs">;

export class View {
  constructor(readonly language: Language) {}

  word(name: Word): string {
    return this.of(WORDS[name]);
  }

  of(words: Words): string {
    return words[this.language];
  }

  outcome(outcome: Outcome, trust: Trust): Node[] {
    switch (outcome.kind) {
      case "certificate": return this.certificate(outcome.verdict, outcome.facts);
      case "code": return this.certificate(outcome.verdict, outcome.facts, outcome.code);
      case "accepted": return [
        this.seal("green", WORDS.proven, this.kindWords(outcome.facts.kind)),
        ...this.facts(outcome.facts, trust),
      ];
      case "refused": return this.refused(outcome);
    }
  }

  refused({ verdict, refusal }: Refused): Node[] {
    return [
      this.verdictSeal(verdict),
      definitions([
        [this.word("failed"), element("code", "", refusal.check)],
        ["", inLanguage("en", element("span", "", refusal.message))],
      ]),
    ];
  }

  // A code that nothing can be checked with yet.
  claimed(identifier: string | null): Node[] {
    const name = identifier ?? this.word("withheld");
    return [
      this.seal("grey", VERDICTS.CANNOT_DECIDE, this.word("needsTrust")),
      definitions([[this.word("claimed"), element("span", "code", name)]]),
    ];
  }

  // Words on which a decision rests stand in both languages, the chosen one first.
  seal(colour: Colour, words: Words, more: string): HTMLElement {
    const [first, second] =
      this.language === "zh" ? [words.zh, words.en] : [words.en, words.zh];
    return element(
      "div",
      `seal ${colour}`,
      icon(ICONS[colour]),
      element(
        "div",
        "",
        element("p", "word", `${first} · ${second}`),
        ...(more ? [element("p", "more", more)] : []),
      ),
    );
  }

  verdictSeal(verdict: Verdict): HTMLElement {
    const words = VERDICTS[verdict.verdict];
    return this.seal(words.colour, words, verdict.verdict);
  }

  private certificate(verdict: Verdict, facts: Facts | null, code?: CodeForm | null): Node[] {
    const rows: Row[] = [];
    if (verdict.state !== null) rows.push([this.word("state"), this.of(STATES[verdict.state])]);
    if (verdict.identifier !== null) {
      rows.push([this.word("identifierName"), element("span", "code", verdict.identifier)]);
    }
    if (verdict.issuer !== null) rows.push([this.word("issuer"), verdict.issuer]);
    if (facts?.kind === "certificate") rows.push(...this.validity(facts));
    if (verdict.as_of.time !== null) {
      rows.push(
        [this.word("asOfName"), verdict.as_of.time],
        [this.word("height"), `${verdict.as_of.height ?? "–"}`],
      );
    }
    if (code) rows.push(...this.said(code));
    return [
      this.verdictSeal(verdict),
      definitions(rows),
      element("h3", "", this.word("checks")),
      element("ul", "checks", ...verdict.checks.map((check) => this.check(check))),
    ];
  }

  private validity(facts: CertificateFacts): Row[] {
    if (facts.found === null) return [];
    const { validFrom, validTo } = facts.found.row;
    return [[this.word("period"), this.period(validFrom, validTo)]];
  }

  private period(from: number, to: number): string {
    return `${day(from)} – ${to ? day(to) : this.word("noEnd")}`;
  }

  // What is not among the verdict's own rows: when it was issued, and which file.
  private said(code: CodeForm): Row[] {
    const place = [`${this.word("height")} ${code.height}`, ...(code.time ? [code.time] : [])];
    const rows: Row[] = [
      [this.word(code.kind === "proof" ? "saidProof" : "saidReference"), place.join(" · ")],
    ];
    if (code.digest !== undefined) {
      rows.push(
        [this.word("digest"), element("span", "code", code.digest)],
        [this.word("saidPeriod"), this.period(code.valid_from!, code.valid_to ?? 0)],
      );
    }
    return rows;
  }

  private check(check: Check): HTMLElement {
    const detail = this.language === "zh" ? check.zh : check.detail;
    const heading = `${this.of(CHECKS[check.name])}${this.colon()}${this.word(check.result)}`;
    return element(
      "li",
      check.result,
      icon(MARKS[check.result], "mark"),
      element("div", "", element("p", "", heading), element("p", "detail", detail)),
    );
  }

  private colon(): string {
    return this.language === "zh" ? "：" : ": ";
  }

  private kindWords(kind: string): string {
    const words = KINDS[kind];
    return words === undefined ? "" : this.of(words);
  }

  private facts(facts: Facts | ExportFacts | PagesFacts, trust: Trust): Node[] {
    switch (facts.kind) {
      case "record": return [definitions([...this.record(facts), ...this.header(facts.header)])];
      case "disclosure": return [
        definitions([...this.record(facts.record), ...this.header(facts.header)]),
        element("h3", "", this.word(facts.message)),
        definitions(facts.fields.map((one): Row => [one.name, one.value])),
      ];
      case "receipt": return [definitions([...this.receipt(facts), ...this.header(facts.header)])];
      case "state": return [definitions([...this.state(facts), ...this.header(facts.header)])];
      case "certificate": return [definitions(this.header(facts.header))];
      case "trail": return this.trail(facts);
      case "answer": return this.pages(facts);
      case "export": return this.export(facts);
      case "consistency": return [
        element("p", "", this.word("continues")),
        definitions([
          ...this.header(facts.header),
          [this.word("olderHeight"), `${facts.older.header.head.height}`],
          [this.word("logSize"), `${facts.older.header.head.logSize} → ${facts.header.header.head.logSize}`],
        ]),
      ];
      case "fork": return [
        element("p", "", this.word("forked")),
        definitions([
          [this.word("height"), `${facts.first.header.head.height}`],
          [this.word("bothSides"), element("span", "code", replicas(facts.onBothSides, facts.first))],
          [this.word("oneSide"), element("span", "code", toHex(facts.first.digest))],
          [this.word("otherSide"), element("span", "code", toHex(facts.second.digest))],
        ]),
      ];
      case "equivocation": return [
        element("p", "", this.word("contradiction")),
        definitions([
          ...this.equivocation(facts),
          [this.word("chain"), element("span", "code", toHex(trust.chainId))],
        ]),
      ];
    }
  }

  // "37 of 37 · complete to … · 3 of 4 signatures · checked in this browser".
  private list(facts: List, more: readonly Row[]): Node[] {
    const { header, rows, isComplete } = facts;
    const complete =
      facts.completeToMs === null
        ? this.word("notComplete")
        : `${this.word("completeTo")} ${localTime(facts.completeToMs)}`;
    const count = isComplete
      ? `${rows.length} / ${rows.length}`
      : `${rows.length} · ${this.word("notComplete")}`;
    const signatures = `${header.signers.length} / ${header.members.length}`;
    const banner = [
      count,
      ...(count.endsWith(complete) ? [] : [complete]),
      `${this.word("signatures")} ${signatures}`,
      this.word("checkedHere"),
    ].join(" · ");
    return [
      element("p", `seal ${isComplete ? "green" : "amber"}`, icon(isComplete ? "✓" : "!"), banner),
      definitions([...more, ...this.header(header)]),
      element("p", "hint", this.word("pseudonyms")),
      rows.length ? this.table(rows) : element("p", "", this.word("zeroRows")),
    ];
  }

  private trail(facts: TrailFacts): Node[] {
    return this.list(facts, [
      this.asked(facts),
      [this.word("keys"), element("span", "code", this.keys(facts))],
    ]);
  }

  private pages({ indexKeys, answer }: PagesFacts): Node[] {
    const keys = indexKeys.map((one) => this.keyName(one)).join("\n");
    return this.list(answer, [[this.word("keys"), element("span", "code", keys || "–")]]);
  }

  private export(facts: ExportFacts): Node[] {
    const { question, questions, answer, node } = facts;
    const { organisation } = question.record.entry;
    const signed = [...facts.signedAlone, ...(facts.hasPage ? [PAGE] : [])];
    return this.list(answer, [
      [this.word("askedBy"), organisation],
      ...questions.flatMap((one) => this.question(one)),
      this.asked(answer),
      [
        this.word("exportedFrom"),
        node === null ? this.word("noNode") : `${node.replicaId} · ${node.organisation}`,
      ],
      [this.word("partsProven"), facts.hasCsv ? `${ROWS} · ${CSV}` : ROWS],
      ...(signed.length ? [[this.word("partsSigned"), signed.join(" · ")] as const] : []),
    ]);
  }

  private question({ question, attested }: AnsweredQuestion): Row[] {
    const { entry, call } = question.record;
    const keys = question.values.map((one) =>
      this.keyName(concat(Uint8Array.of(question.kind), one)),
    );
    const submission = `${toHex(entry.submissionDigest)} · ${entry.callIndex}`;
    const withheld = this.word(call?.private.length ? "sealedBody" : "withheld");
    const rows: Row[] = [
      [this.word("askedAt"), `${localTime(entry.timeMs)} · ${this.word("height")} ${entry.height}`],
      [this.word("purpose"), question.purpose ?? withheld],
      [this.word("keys"), element("span", "code", keys.join("\n"))],
      [this.word("submission"), element("span", "code", submission)],
    ];
    if (attested === null) return rows;
    const places = attested.places.map(([name, epoch]) => `${name} (${epoch})`).join(" · ");
    return [...rows, [this.word("attested"), `${places} — ${attested.custodian}`]];
  }

  private asked({ fromMs, toMs }: { fromMs: number; toMs: number }): Row {
    const from = fromMs ? localTime(fromMs) : this.word("beginning");
    return [this.word("asked"), `${from} – ${localTime(toMs)}`];
  }

  private keys(facts: TrailFacts): string {
    return facts.listings
      .map((one) => `${this.keyName(one.indexKey)} · ${one.total} ${this.word("rowsInAll")}`)
      .join("\n");
  }

  private keyName(key: Uint8Array): string {
    const kind = INDEX_KINDS[key[0] ?? 0];
    return `${kind === undefined ? "" : this.of(kind)} ${keyValue(key)}`;
  }

  private table(rows: readonly TrailRow[]): HTMLElement {
    const names = [
      "position", "time", "callTime", "requester", "provider", "item", "purpose", "outcome",
      "callId",
    ] as const;
    const heads = names.map((name) => {
      const cell = element("th", "", this.word(name));
      cell.scope = "col";
      return cell;
    });
    const table = element(
      "table",
      "",
      element("caption", "", `${this.word("rows")} (${rows.length})`),
      element("thead", "", element("tr", "", ...heads)),
      element("tbody", "", ...rows.map((row) => this.tableRow(row))),
    );
    const scroll = element("div", "scroll", table);
    // A wide table is scrolled by keyboard too.
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", this.word("rows"));
    return scroll;
  }

  private tableRow({ position, entry, call }: TrailRow): HTMLElement {
    const readable = readableEntry(entry, call);
    const texts = [
      `${position}`,
      localTime(entry.timeMs),
      readable.callTimeMs === null ? "–" : localTime(readable.callTimeMs),
      readable.requester ?? "–",
      readable.provider ?? "–",
      readable.item ?? "–",
      this.purpose(readable),
      this.of(readable.outcome),
      readable.callId ?? "–",
    ];
    return element("tr", "", ...texts.map((text) => element("td", "", text)));
  }

  header(header: CertifiedHeader): Row[] {
    const { head } = header.header;
    return [
      [this.word("height"), `${head.height}`],
      [this.word("blockTime"), localTime(head.timeMs)],
      [
        this.word("signatures"),
        `${header.signers.length} / ${header.members.length} (≥ ${header.quorum})`,
      ],
    ];
  }

  private record(facts: RecordFacts): Row[] {
    const { entry, call } = facts;
    const readable = readableEntry(entry, call);
    const rows: Row[] = [
      [this.word("position"), facts.position === null ? this.word("inBlock") : `${facts.position}`],
      [this.word("time"), localTime(entry.timeMs)],
    ];
    if (readable.callTimeMs !== null) {
      rows.push([this.word("callTime"), localTime(readable.callTimeMs)]);
    }
    for (const name of ["callId", "requester", "provider", "item"] as const) {
      const text = readable[name];
      if (text !== null) rows.push([this.word(name), text]);
    }
    rows.push(
      [this.word("purpose"), this.purpose(readable)],
      [this.word("outcome"), this.of(readable.outcome)],
      [this.word("reporter"), isLedgersOwn(entry) ? this.word("ledger") : entry.organisation],
      [this.word("author"), this.word(authorWord(facts))],
      [this.word("contract"), `${entry.contract} ${entry.contractVersion}`],
    );
    if (readable.subjects.length) {
      rows.push([this.word("subjects"), element("span", "code", readable.subjects.join("\n"))]);
    }
    const submission = isLedgersOwn(entry)
      ? `${this.word("ledger")} · ${this.word("height")} ${entry.height}`
      : `${toHex(entry.submissionDigest)} · ${entry.callIndex}`;
    rows.push([this.word("submission"), element("span", "code", submission)]);
    return rows;
  }

  purpose(readable: { purpose: string; hasPurpose: boolean }): string {
    if (readable.hasPurpose) return readable.purpose;
    const words: Record<string, Word> = { withheld: "withheld", sealed: "sealedBody" };
    return this.word(words[readable.purpose] ?? "bodyUnknown");
  }

  private receipt(facts: ReceiptFacts): Row[] {
    const { receipt } = facts;
    const code = receipt.code ? `${receipt.code}` : `0 · ${this.word("accepted")}`;
    const calls = receipt.calls.map((call) => [call.code, ...call.details].join(":")).join(" ");
    return [
      [this.word("submission"), element("span", "code", toHex(receipt.submissionDigest))],
      [this.word("receiptCode"), code],
      [this.word("position"), `${receipt.firstPosition}`],
      [this.word("receiptCalls"), calls || "–"],
    ];
  }

  private state(facts: StateFacts): Row[] {
    return facts.items.flatMap((item): Row[] => [
      [this.word("key"), element("span", "code", readableBytes(item.key))],
      [
        this.word("value"),
        item.value === null
          ? this.word("absent")
          : element("span", "code", readableBytes(item.value)),
      ],
    ]);
  }

  private equivocation(facts: EquivocationFacts): Row[] {
    return [
      [this.word("replica"), `${facts.replicaId} · ${facts.organisation}`],
      [this.word("slot"), facts.slot.join(" ")],
    ];
  }
}

function replicas(ids: readonly number[], header: CertifiedHeader): string {
  return ids.map((id) => `${id} · ${header.members[id]?.organisation ?? ""}`).join("\n");
}

function authorWord(facts: RecordFacts): Word {
  if (isLedgersOwn(facts.entry)) return "nobody";
  return facts.author === null ? "withheld" : "authorProven";
}

function day(date: number): string {
  const text = `${date}`.padStart(8, "0");
  return `${text.slice(0, -4)}-${text.slice(-4, -2)}-${text.slice(-2)}`;
}

// Canonical encoding mixes text and bytes: text when all of it is printable, else hexadecimal.
function readableBytes(data: Uint8Array): string {
  const text = fromUtf8(data);
  return text !== null && /^[^\p{C}]*$/u.test(text) ? text : toHex(data);
}
