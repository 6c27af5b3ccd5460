// What is shown of a proven list: the banner, the rows, filters over all of them, counts, a chart.

import { definitions, element, icon, type Row } from "../verify/dom";
import { localTime, type Words } from "../verify/verdict";
import { View } from "../verify/view";
import { INDEX_KINDS, type Language } from "../verify/words";
import { select } from "./asking";
import { barChart } from "./charts";
import { counted, type Counts, departments, type Filter, filtered, NO_FILTER, perDay } from "./filters";
import type { Listed, RowKind } from "./listed";
import type { Proven } from "./proven";
import { type Said, SAID } from "./words";

const ROWS_SHOWN_MAX = 500;
const FACET_ROWS_MAX = 8;
// Columns that hold times.
const TIMES = [1, 2];
const KIND_WORDS: Readonly<Record<RowKind, Said>> = {
  call: "callRow", question: "questionRow", own: "ownRow", other: "otherRow",
};

export class Results {
  private readonly view: View;
  private filter: Filter = NO_FILTER;
  private readonly list = element("div", "");

  constructor(
    language: Language,
    private readonly found: Proven,
    private readonly names: ReadonlyMap<string, string>,
  ) {
    this.view = new View(language);
  }

  // `kept` offers the bytes that were verified.
  nodes(isOlder: boolean, kept: HTMLElement): Node[] {
    this.showList();
    return [
      this.banner(),
      ...(isOlder ? [element("p", "seal amber", icon("!"), this.word("older"))] : []),
      kept,
      this.facts(),
      ...(this.found.rows.length ? [this.charts(), this.filters(), this.list] : [this.list]),
    ];
  }

  private word(name: Said): string {
    return this.view.of(SAID[name]);
  }

  // "37 of 37 · complete to … · 3 of 4 signatures · checked in this browser".
  private banner(): HTMLElement {
    const { found, view } = this;
    const { signers, members } = found.header;
    const count = found.rows.length;
    // Of a period that is not over nobody has more than what there is so far.
    const isRunning = found.completeToMs !== null && found.toMs > found.header.header.head.timeMs;
    const isWhole = found.isComplete || isRunning;
    const whole = isWhole
      ? `${count} ${this.word("of")} ${count} ${this.word("records")}`
      : `${count} ${this.word("records")} · ${view.word("notComplete")}`;
    const parts = [
      whole,
      ...(count ? [] : [view.word("zeroRows")]),
      ...(found.completeToMs === null
        ? []
        : [`${view.word("completeTo")} ${localTime(found.completeToMs)}`]),
      ...(isRunning ? [this.word("running")] : []),
      `${signers.length} ${this.word("of")} ${members.length} ${this.word("signatures")}`,
      view.word("checkedHere"),
      ...this.places(),
    ];
    const made = element(
      "p", `seal ${isWhole ? "green" : "amber"}`, icon(isWhole ? "✓" : "!"), parts.join(" · "),
    );
    made.id = "completeness";
    return made;
  }

  // "for the pseudonyms of 4 departments".
  private places(): string[] {
    const places = this.found.keys.flatMap(({ attested }) => (attested ? [attested[0]] : []));
    const count = new Set(places).size;
    return count ? [`${this.word("forPlaces")} ${count} ${this.word("ofDepartments")}`] : [];
  }

  private facts(): HTMLElement {
    const { found, view } = this;
    const from = found.fromMs ? localTime(found.fromMs) : view.word("beginning");
    const keys = found.keys.map(({ kind, value, attested }) => {
      const words: Words | undefined = INDEX_KINDS[kind];
      const whose = attested === null ? [] : [`${this.named(attested[0])} · ${attested[1]}`];
      return [words === undefined ? "" : view.of(words), this.named(value), ...whose].join(" ");
    });
    const rows: Row[] = [
      [view.word("keys"), element("span", "code", keys.join("\n"))],
      [view.word("asked"), `${from} – ${localTime(found.toMs)}`],
      [view.word("askedBy"), `${this.named(found.askedBy)} · ${localTime(found.askedMs)}`],
      [view.word("purpose"), found.purpose ?? view.word("withheld")],
      ...view.header(found.header),
      [view.word("exportedFrom"), found.node === null ? view.word("noNode") : this.named(found.node)],
    ];
    return element(
      "details", "proof-facts",
      element("summary", "", view.word("pseudonyms")), definitions(rows),
    );
  }

  private named(organisation: string): string {
    const name = this.names.get(organisation);
    return name === undefined ? organisation : `${name} ${organisation}`;
  }

  private charts(): HTMLElement {
    const words = {
      title: this.word("perDay"), name: this.word("day"), count: this.word("count"),
    };
    const facets: [Said, Counts][] = [
      ["department", counted(this.found.rows, departments)],
      ["rowKind", counted(this.found.rows, (row) => [this.word(KIND_WORDS[row.kind])])],
      ["caseNumber", counted(this.found.rows, ({ reasons }) => filled(reasons?.caseNumber))],
      ["officer", counted(this.found.rows, ({ reasons }) => filled(reasons?.operator))],
    ];
    const shown = facets.filter(([, counts]) => counts.length);
    return element(
      "section", "overview", barChart(perDay(this.found.rows), words),
      element("div", "facets", ...shown.map(([name, counts]) => this.facet(name, counts))),
    );
  }

  private facet(name: Said, counts: Counts): HTMLElement {
    const more = counts.length - FACET_ROWS_MAX;
    const rows = counts.slice(0, FACET_ROWS_MAX).map(([value, count]) =>
      element("li", "", element("span", "", this.named(value)), element("b", "", `${count}`)),
    );
    return element(
      "section", "facet", element("h2", "", this.word(name)), element("ul", "", ...rows),
      ...(more > 0 ? [element("p", "hint", `+ ${more}`)] : []),
    );
  }

  private filters(): HTMLElement {
    const { rows } = this.found;
    const kinds = counted(rows, (row) => [row.kind]);
    const outcomes = new Map(rows.map(({ readable }) => [readable.outcome.en, readable.outcome]));
    const fields = [
      this.choice("rowKind", "kind", kinds, (one) => this.word(KIND_WORDS[one as RowKind])),
      this.choice("department", "department", counted(rows, departments), (one) => this.named(one)),
      this.choice("item", "item", counted(rows, ({ readable }) => filled(readable.item)), same),
      this.choice(
        "outcome", "outcome", counted(rows, ({ readable }) => [readable.outcome.en]),
        (one) => this.view.of(outcomes.get(one) ?? { zh: one, en: one }),
      ),
      this.choice("officer", "officer", counted(rows, ({ reasons }) => filled(reasons?.operator)), same),
      this.typed("caseNumber", "caseNumber"),
      this.typed("contains", "text"),
      this.hours(),
    ];
    const clear = element("button", "button", this.word("clear"));
    clear.type = "reset";
    const form = element("form", "filters", ...fields, element("p", "", clear));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => this.apply(NO_FILTER));
    return element(
      "details", "filter-box", element("summary", "", this.word("filters")), form,
    );
  }

  private choice(
    label: "rowKind" | "department" | "item" | "outcome" | "officer",
    name: keyof Filter,
    counts: Counts,
    words: (value: string) => string,
  ): HTMLElement {
    const options = counts.map(([id, count]) => ({ id, name: `${words(id)} (${count})` }));
    const field = select(`filter-${name}`, [{ id: "", name: this.word("any") }, ...options]);
    return this.labelled(this.label(label), field, name);
  }

  private label(name: "rowKind" | "department" | "item" | "outcome" | "officer"): string {
    return name === "item" || name === "outcome" ? this.view.word(name) : this.word(name);
  }

  private typed(label: Said, name: keyof Filter): HTMLElement {
    const field = element("input", "");
    field.id = `filter-${name}`;
    field.maxLength = 200;
    return this.labelled(this.word(label), field, name);
  }

  private hours(): HTMLElement {
    const field = select("filter-hours", [
      { id: "", name: this.word("any") },
      { id: "day", name: this.word("byDay") },
      { id: "night", name: this.word("atNight") },
    ]);
    return this.labelled(this.word("hours"), field, "hours");
  }

  private labelled(
    words: string,
    field: HTMLInputElement | HTMLSelectElement,
    name: keyof Filter,
  ): HTMLElement {
    const label = element("label", "", words);
    label.htmlFor = field.id;
    field.addEventListener("input", () => this.apply({ ...this.filter, [name]: field.value.trim() }));
    return element("div", "field", label, field);
  }

  private apply(filter: Filter): void {
    this.filter = filter;
    this.showList();
  }

  private showList(): void {
    const { rows } = this.found;
    const { rows: shown, cannotTell } = filtered(rows, this.filter);
    const parts = [
      `${this.word("filtered")} ${shown.length} ${this.word("of")} ${rows.length}`,
      ...(cannotTell ? [`${cannotTell} ${this.word("cannotTell")}`] : []),
    ];
    const said = element("p", "hint", parts.join(" · "));
    said.setAttribute("role", "status");
    this.list.replaceChildren(...(rows.length ? [said, this.table(shown)] : []));
  }

  private table(rows: readonly Listed[]): HTMLElement {
    const names = [
      this.view.word("position"), this.view.word("time") + this.word("zone"),
      this.view.word("callTime"),
      this.word("rowKind"), this.view.word("requester"), this.view.word("provider"),
      this.view.word("item"), this.view.word("purpose"), this.word("caseNumber"),
      this.word("officer"), this.view.word("outcome"),
    ];
    const heads = names.map((name) => {
      const cell = element("th", "", name);
      cell.scope = "col";
      return cell;
    });
    const body = rows.slice(0, ROWS_SHOWN_MAX).map((row) => this.row(row, names));
    const table = element(
      "table", "rows", element("caption", "", `${this.view.word("rows")} (${rows.length})`),
      element("thead", "", element("tr", "", ...heads)), element("tbody", "", ...body),
    );
    const scroll = element("div", "scroll", table);
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", this.view.word("rows"));
    return scroll;
  }

  private row(row: Listed, names: readonly string[]): HTMLElement {
    const { readable, entry, reasons } = row;
    const link = element("a", "", `${row.position}`);
    link.href = `/records/${row.position}`;
    const sealed = row.kind === "call" && reasons === null ? this.view.word("sealedBody") : "–";
    const cells: (Node | string)[] = [
      link,
      shortTime(entry.timeMs),
      readable.callTimeMs === null ? "–" : shortTime(readable.callTimeMs),
      this.kind(row),
      this.shown(readable.requester),
      this.shown(readable.provider),
      readable.item ?? "–",
      this.view.purpose(readable),
      reasons === null ? sealed : reasons.caseNumber || "–",
      reasons === null ? sealed : reasons.operator || "–",
      this.view.of(readable.outcome),
    ];
    const made = cells.map((one, at) => {
      const cell = element("td", one === "–" ? "none" : TIMES.includes(at) ? "when" : "", one);
      // On a phone each cell says what it is.
      cell.dataset["name"] = names[at] ?? "";
      return cell;
    });
    return element("tr", `is-${row.kind}`, ...made);
  }

  private kind({ kind, half }: Listed): string {
    const words = this.word(KIND_WORDS[kind]);
    if (half === null) return words;
    return `${words} · ${this.word(half.side === "requester" ? "requesterSide" : "providerSide")}`;
  }

  private shown(organisation: string | null): string {
    return organisation === null ? "–" : (this.names.get(organisation) ?? organisation);
  }
}

// To the second, in +08:00; the proof has it to the millisecond.
function shortTime(instantMs: number): string {
  return localTime(instantMs).slice(0, 19).replace("T", " ");
}

function filled(text: string | null | undefined): string[] {
  return text ? [text] : [];
}

function same(text: string): string {
  return text;
}
