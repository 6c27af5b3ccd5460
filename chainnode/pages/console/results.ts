// What is shown of a proven list: the banner, what was asked, counts and a chart, rules, the rows.

import { definitions, element, icon, type Row } from "../verify/dom";
import { localTime, type Words } from "../verify/verdict";
import { View } from "../verify/view";
import { INDEX_KINDS, type Language } from "../verify/words";
import { barChart } from "./charts";
import { DisputesView } from "./disputes_view";
import type { TextName } from "./fields";
import { facet, perDay } from "./filters";
import type { Proven } from "./proven";
import { RowList } from "./row_list";
import { RulesView } from "./rules_view";
import { shortTime } from "./times";
import { BASES, FIELD_WORDS, type Said, SAID, valueWords } from "./words";

const FACET_ROWS_MAX = 8;
const COUNTED: readonly TextName[] = [
  "kind", "requester", "provider", "item", "outcome", "halves", "officer", "case", "purpose",
];

export class Results {
  private readonly view: View;

  constructor(
    language: Language,
    private readonly found: Proven,
    private readonly names: ReadonlyMap<string, string>,
  ) {
    this.view = new View(language);
  }

  // `age`: what is to be said of how old the answer is; `kept` offers the bytes that were verified.
  nodes(age: readonly Node[], kept: HTMLElement): Node[] {
    const { found, view, names } = this;
    const list = new RowList(view, found, names);
    const disputes = new DisputesView(view, found, names).section();
    const rules = new RulesView(view, found.rows.map((one) => one.row), names, (chosen) =>
      list.only(chosen),
    );
    return [
      this.banner(),
      ...age,
      kept,
      ...(disputes === null ? [] : [disputes]),
      this.facts(),
      ...(found.rows.length ? [this.charts(), rules.section(), list.filters, list.list] : []),
    ];
  }

  private word(name: Said): string {
    return this.view.of(SAID[name]);
  }

  // "37 of 37, complete to 2026-04-01 00:00:01, 3 of 4 signatures, checked in this browser; for …".
  private banner(): HTMLElement {
    const { found, view } = this;
    const count = found.rows.length;
    // Of a period that is not over nobody has more than what there is so far.
    const isRunning = found.completeToMs !== null && found.toMs > found.blockTimeMs;
    const isWhole = found.isComplete || isRunning;
    const parts = isWhole
      ? [this.word("whole").replaceAll("{n}", `${count}`), ...(count ? [] : [this.word("nothing")])]
      : [`${count} ${this.word("records")}`, view.word("notComplete")];
    if (found.completeToMs !== null) {
      parts.push(`${view.word("completeTo")} ${shortTime(found.completeToMs)}`);
    }
    if (isRunning) parts.push(this.word("running"));
    const signed = this.word("signed");
    parts.push(
      signed.replace("{n}", `${found.signers}`).replace("{all}", `${found.members}`),
      view.word("checkedHere"),
    );
    const [comma, semicolon] = view.language === "zh" ? ["，", "；"] : [", ", "; "];
    const made = element(
      "p", `seal ${isWhole ? "green" : "amber"}`, icon(isWhole ? "✓" : "!"),
      element("span", "", `${parts.join(comma)}${semicolon}${this.forWhat()}`),
    );
    made.id = "completeness";
    return made;
  }

  private forWhat(): string {
    const { keys } = this.found;
    const places = keys.flatMap(({ attested }) => (attested ? [attested[0]] : []));
    const [name, count] = places.length
      ? (["ofDepartments", new Set(places).size] as const)
      : (["ofKeys", keys.length] as const);
    return this.word(name).replace("{n}", `${count}`);
  }

  private facts(): HTMLElement {
    const { found, view } = this;
    const from = found.fromMs ? localTime(found.fromMs) : view.word("beginning");
    const keys = found.keys.map(({ kind, value, attested }) => {
      const words: Words | undefined = INDEX_KINDS[kind];
      const whose = attested === null ? [] : [`${this.named(attested[0])} · ${attested[1]}`];
      return [words === undefined ? "" : view.of(words), this.named(value), ...whose].join(" ");
    });
    const asked = found.asked.map((one) => localTime(one.timeMs)).join(" · ");
    const purposes = new Set(found.asked.map((one) => one.purpose ?? view.word("withheld")));
    const rows: Row[] = [
      [view.word("keys"), element("span", "code", keys.join("\n"))],
      [view.word("asked"), `${from} – ${localTime(found.toMs)}`],
      [view.word("askedBy"), `${this.named(found.askedBy)} · ${asked}`],
      [view.word("purpose"), [...purposes].join("\n")],
      ...(found.basis === null ? [] : [[this.word("basis"), view.of(BASES[found.basis - 1]!)] as const]),
      [view.word("height"), `${found.height}`],
      [view.word("blockTime"), localTime(found.blockTimeMs)],
      [view.word("signatures"), `${found.signers} / ${found.members} (≥ ${found.quorum})`],
      [view.word("exportedFrom"), found.node === null ? view.word("noNode") : this.named(found.node)],
    ];
    return element(
      "details", "proof-facts",
      element("summary", "", this.word("provenHow")),
      element("p", "hint", view.word("pseudonyms")), definitions(rows),
    );
  }

  private named(organisation: string): string {
    const name = this.names.get(organisation);
    return name === undefined ? organisation : `${name} ${organisation}`;
  }

  private charts(): HTMLElement {
    const rows = this.found.rows.map((one) => one.row);
    const words = {
      title: this.word("perDay"), name: this.word("day"), count: this.word("count"),
    };
    const counts = COUNTED.map((name) => facet(rows, name)).filter((one) => one.values.length);
    return element(
      "section", "overview", barChart(perDay(rows), words),
      element(
        "details", "", element("summary", "", this.word("facets")),
        element("div", "facets", ...counts.map((one) => this.facet(one))),
      ),
    );
  }

  private facet({ dimension, values, cannot_tell }: ReturnType<typeof facet>): HTMLElement {
    const more = values.length - FACET_ROWS_MAX;
    const rows = values.slice(0, FACET_ROWS_MAX).map(([value, count]) => {
      const words = this.view.of(valueWords(dimension, value));
      return element("li", "", element("span", "", this.named(words)), element("b", "", `${count}`));
    });
    const hints = [
      ...(more > 0 ? [`+ ${more}`] : []),
      ...(cannot_tell ? [`${cannot_tell} ${this.word("cannotTell")}`] : []),
    ];
    return element(
      "section", "facet", element("h2", "", this.view.of(FIELD_WORDS[dimension]!)),
      element("ul", "", ...rows), ...hints.map((one) => element("p", "hint", one)),
    );
  }
}
