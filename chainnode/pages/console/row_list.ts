// The rows of a proven list, and filters over all of them.

import { element } from "../verify/dom";
import type { View } from "../verify/view";
import { select } from "./asking";
import { halvesStates } from "./calls";
import { type TextName, TEXTS } from "./fields";
import { type Condition, facet, filtered } from "./filters";
import type { Listed } from "./listed";
import { minutesOf } from "./local_times";
import type { Proven } from "./proven";
import { shortTime } from "./times";
import { FIELD_WORDS, type Said, SAID, valueWords } from "./words";

const ROWS_SHOWN_MAX = 500;
const CHOICES: readonly TextName[] = [
  "kind", "department", "item", "outcome", "halves", "officer", "purpose",
];
// Columns that hold times.
const TIMES = [1, 2];
const TYPED: readonly TextName[] = ["case", "reason"];
// Before the value in an option, so that "" can be asked for as well.
const VALUE = "=";

export class RowList {
  readonly filters: HTMLElement;
  readonly list = element("div", "");
  private readonly rows;
  private readonly states;
  private readonly conditions = new Map<string, Condition>();
  private chosen: ReadonlySet<number> | null = null;

  constructor(
    private readonly view: View,
    private readonly found: Proven,
    private readonly names: ReadonlyMap<string, string>,
  ) {
    this.rows = found.rows.map((one) => one.row);
    this.states = halvesStates(this.rows);
    this.filters = this.filterBox();
    this.show();
  }

  // The rows at these positions alone; null: all of them.
  only(positions: readonly number[] | null): void {
    this.chosen = positions && new Set(positions);
    this.show();
    if (positions !== null) this.list.querySelector<HTMLElement>(".scroll")?.focus();
  }

  private word(name: Said): string {
    return this.view.of(SAID[name]);
  }

  private filterBox(): HTMLElement {
    const clear = element("button", "button", this.word("clear"));
    clear.type = "reset";
    const form = element(
      "form", "filters", ...CHOICES.map((name) => this.choice(name)),
      ...TYPED.map((name) => this.typed(name)), this.hours(), element("p", "", clear),
    );
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => {
      this.conditions.clear();
      this.only(null);
    });
    return element("details", "filter-box", element("summary", "", this.word("filters")), form);
  }

  private choice(name: TextName): HTMLElement {
    const options = facet(this.rows, name, this.states).values.map(([value, count]) => ({
      id: VALUE + value, name: `${this.named(this.view.of(valueWords(name, value)))} (${count})`,
    }));
    const field = select(`filter-${name}`, [{ id: "", name: this.word("any") }, ...options]);
    field.addEventListener("input", () => {
      const values = [field.value.slice(VALUE.length)];
      this.set(name, field.value ? { name, test: "is", values } : null);
    });
    return labelled(this.view.of(FIELD_WORDS[name]!), field);
  }

  private typed(name: TextName): HTMLElement {
    const field = element("input", "");
    field.id = `filter-${name}`;
    field.maxLength = 200;
    field.addEventListener("input", () => {
      const text = field.value.trim();
      this.set(name, text ? { name, test: "contains", values: [text] } : null);
    });
    return labelled(this.view.of(FIELD_WORDS[name]!), field);
  }

  // From and to, over midnight where the end is not after the start.
  private hours(): HTMLElement {
    const [from, to] = ["from", "to"].map((name) => {
      const field = element("input", "");
      field.type = "time";
      field.id = `filter-hours-${name}`;
      return field;
    }) as [HTMLInputElement, HTMLInputElement];
    const apply = (): void => {
      const isBoth = from.value !== "" && to.value !== "";
      const [start, end] = [minutesOf(from.value), minutesOf(to.value)];
      this.set("time_of_day", isBoth ? { name: "time_of_day", start, end } : null);
    };
    for (const one of [from, to]) one.addEventListener("input", apply);
    return element(
      "div", "pair", labelled(this.word("hoursFrom"), from), labelled(this.word("hoursTo"), to),
    );
  }

  private set(name: string, condition: Condition | null): void {
    if (condition === null) this.conditions.delete(name);
    else this.conditions.set(name, condition);
    this.show();
  }

  private show(): void {
    const { matched, cannot_tell } = filtered(this.rows, [...this.conditions.values()], this.states);
    const places = new Set(matched);
    const shown = this.found.rows.filter(
      ({ row }) => places.has(row.position) && (this.chosen?.has(row.position) ?? true),
    );
    const counts = this.word("filtered")
      .replace("{n}", `${shown.length}`).replace("{all}", `${this.rows.length}`);
    const whole = this.found.isComplete ? this.word("complete") : this.view.word("notComplete");
    const parts = [
      `${counts} (${whole})`,
      ...(cannot_tell.length ? [`${cannot_tell.length} ${this.word("cannotTell")}`] : []),
      ...(shown.length > ROWS_SHOWN_MAX ? [`${this.word("firstRows")} ${ROWS_SHOWN_MAX}`] : []),
    ];
    const said = element("p", "hint", parts.join(" · "));
    said.id = "filtered";
    said.setAttribute("role", "status");
    this.list.replaceChildren(said, this.table(shown));
  }

  private table(rows: readonly Listed[]): HTMLElement {
    const { view } = this;
    const names = [
      view.word("position"), view.word("time") + this.word("zone"), view.word("callTime"),
      ...(["kind", "requester", "provider", "item"] as const).map((one) => view.of(FIELD_WORDS[one])),
      view.word("purpose"),
      ...(["case", "officer", "outcome", "halves"] as const).map((one) => view.of(FIELD_WORDS[one])),
    ];
    const heads = names.map((name) => {
      const cell = element("th", "", name);
      cell.scope = "col";
      return cell;
    });
    const body = rows.slice(0, ROWS_SHOWN_MAX).map((one) => this.tableRow(one, names));
    const table = element(
      "table", "rows", element("caption", "", `${view.word("rows")} (${rows.length})`),
      element("thead", "", element("tr", "", ...heads)), element("tbody", "", ...body),
    );
    const scroll = element("div", "scroll", table);
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", view.word("rows"));
    return scroll;
  }

  private tableRow({ row, readable }: Listed, names: readonly string[]): HTMLElement {
    const link = element("a", "", `${row.position}`);
    link.href = `/records/${row.position}`;
    const called = readable.callTimeMs;
    const cells: (Node | string)[] = [
      link, shortTime(row.time_ms), called ? shortTime(called) : "–", this.kind(row),
      this.shown(row.requester), this.shown(row.provider), row.item ?? "–",
      this.why({ row, readable }), this.told("case", row), this.told("officer", row),
      this.view.of(readable.outcome), this.told("halves", row),
    ];
    const made = cells.map((one, at) => {
      const cell = element("td", one === "–" ? "none" : TIMES.includes(at) ? "when" : "", one);
      // On a phone each cell says what it is.
      cell.dataset["name"] = names[at] ?? "";
      return cell;
    });
    return element("tr", `is-${row.kind}`, ...made);
  }

  private kind(row: Listed["row"]): string {
    const words = this.view.of(valueWords("kind", row.kind));
    return row.side === null ? words : `${words} · ${this.view.of(valueWords("side", row.side))}`;
  }

  // Three things that are not the same: nothing was said, it is not shown, it cannot be opened.
  private why({ row, readable }: Pick<Listed, "row" | "readable">): string {
    if (row.kind !== "half" && row.kind !== "question") return "–";
    if (row.is_withheld) return this.view.word("withheld");
    if (row.is_sealed) return this.word("sealed");
    return readable.hasPurpose ? readable.purpose : this.view.of(valueWords("purpose", ""));
  }

  private told(name: TextName, row: Listed["row"]): string {
    const values = TEXTS[name](row, this.states);
    if (values === null) return row.is_withheld ? this.view.word("withheld") : this.word("sealed");
    const [value] = values;
    return value === undefined ? "–" : this.view.of(valueWords(name, value));
  }

  private shown(organisation: string | null): string {
    return organisation === null ? "–" : (this.names.get(organisation) ?? organisation);
  }

  private named(value: string): string {
    const name = this.names.get(value);
    return name === undefined ? value : `${name} ${value}`;
  }
}

function labelled(words: string, field: HTMLInputElement | HTMLSelectElement): HTMLElement {
  const label = element("label", "", words);
  label.htmlFor = field.id;
  return element("div", "field", label, field);
}
