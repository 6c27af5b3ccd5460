// Builds what a person reads out of what was proven; every text goes in as text content.

import { element, icon } from "../verify/dom";
import { type Age, ageNote } from "../verify/newest";
import { type Colour, localTime, type Words } from "../verify/verdict";
import type { Proven } from "./proof";
import type { Beside } from "./service";
import type { SealedUse, Use } from "./uses";
import { type Language, type Word, WORDS } from "./words";

const FINDINGS = 6;
const SIGNS: Record<Colour, string> = { green: "✓", red: "✗", amber: "!", grey: "?" };
// Later than this after the call it is worth a word.
const LATE_MS = 3_600_000;

export class View {
  constructor(readonly language: Language) {}

  word(name: Word): string {
    return WORDS[name][this.language];
  }

  said(words: Words): string {
    return words[this.language];
  }

  seal(colour: Colour, title: string, more: string): HTMLElement {
    const text = element("div", "", element("p", "word", title), element("p", "more", more));
    const made = element("div", `seal ${colour}`, icon(SIGNS[colour]), text);
    made.dataset["colour"] = colour;
    return made;
  }

  banner({ completeToMs }: Proven): HTMLElement {
    return completeToMs === null
      ? this.seal("amber", this.word("partly"), this.word("partlyMore"))
      : this.seal("green", this.word("proven"), this.word("provenMore"));
  }

  // That an answer is older than one seen here, or of a forked ledger; null: nothing to be told.
  age(age: Age): HTMLElement | null {
    const note = ageNote(age);
    return note && this.seal(note.colour, this.said(note.title), this.said(note.more));
  }

  covered(proven: Proven, beside: Beside): (readonly [string, string])[] {
    const end = proven.completeToMs;
    const until = end === null ? "?" : this.minute(end);
    const named = proven.departments.map((one) => this.named(one, beside)).join("、");
    const rows: (readonly [string, string])[] = [
      [this.word("covered"), `${beside.since.slice(0, 10)} ${this.word("to")} ${until}`],
      [this.word("departments"), named],
    ];
    if (beside.withoutTokens.length) {
      const missing = beside.withoutTokens.map((one) => this.named(one, beside)).join("、");
      rows.push([this.word("without"), missing]);
    }
    const { height, timeMs } = proven.asOf;
    rows.push([this.word("asOf"), `${height}（${this.minute(timeMs)}）`]);
    if (proven.ownQuestions) rows.push([this.word("own"), `${proven.ownQuestions}`]);
    if (proven.others) rows.push([this.word("others"), `${proven.others}`]);
    return rows;
  }

  uses(proven: Proven, beside: Beside, object: (use: Use) => void): HTMLElement[] {
    const { uses } = proven;
    if (!uses.length) return [element("p", "", this.word("nobody"))];
    const list = element("ol", "uses");
    for (const one of uses) list.append(this.use(one, beside, object));
    return [element("p", "", `${uses.length} ${this.word("count")}`), list];
  }

  sealed(sealed: readonly SealedUse[], beside: Beside): HTMLElement[] {
    if (!sealed.length) return [element("p", "", this.word("sealedNone"))];
    const list = element("ul", "");
    for (const one of sealed) {
      const by = `${this.word("sealedBy")} ${this.named(one.department, beside)}`;
      list.append(element("li", "", `${this.minute(one.recordedMs)} · ${by}`));
    }
    const count = element("p", "", element("strong", "", `${sealed.length} ${this.word("times")}`));
    return [count, element("p", "", this.word("sealedMore")), list];
  }

  private use(use: Use, beside: Beside, object: (use: Use) => void): HTMLElement {
    const made = element("li", "use");
    const who = element("h3", "", this.named(use.requester, beside));
    const list = element("dl", "");
    const put = (name: Word, ...values: (Node | string)[]): void => {
      list.append(element("dt", "", this.word(name)), element("dd", "", ...values));
    };
    put("when", this.time(use));
    put("item", this.item(use, beside));
    put("why", ...this.why(use, beside));
    put("result", ...this.results(use).map((one) => element("p", "", one)));
    made.append(who, list);
    for (const one of use.disputes) {
      put("dispute", this.word(`dispute${one}` as Word));
    }
    if (use.hasOpen) made.append(element("p", "hint", this.word("objectOpen")));
    if (use.kind === "call" && beside.canObject && !use.hasOpen) {
      const button = element("button", "", this.word("object"));
      button.type = "button";
      button.setAttribute("aria-label", `${this.word("object")}: ${this.minute(use.usedMs)}`);
      button.addEventListener("click", () => object(use));
      made.append(button);
    }
    return made;
  }

  private time(use: Use): string {
    const said = this.minute(use.usedMs);
    const isLate = use.recordedMs - use.usedMs > LATE_MS;
    return isLate ? `${said}（${this.word("late")} ${this.minute(use.recordedMs)}）` : said;
  }

  private item(use: Use, beside: Beside): string {
    const kind = use.kind === "call" ? "" : `${this.word(`kind_${use.kind}`)} `;
    if (use.kind === "question") return kind;
    const name = use.item ? this.titled(use.item, beside) : this.word("itemUnknown");
    const from = use.provider ? ` · ${this.word("from")} ${this.named(use.provider, beside)}` : "";
    return `${kind}${name}${from}`;
  }

  private why(use: Use, beside: Beside): (Node | string)[] {
    if (use.why) return [use.why];
    const told = beside.uses.get(use.positions[0]!);
    if (told?.openness === "opened" && told.why) {
      return [element("p", "", told.why), element("p", "hint", this.word("whyOpened"))];
    }
    return [this.word(told?.openness === "closed" ? "whyClosed" : "whyNone")];
  }

  private results(use: Use): string[] {
    const said: string[] = [];
    if (use.outcomes.has("permitted")) said.push(this.word("permitted"));
    else if (use.outcomes.has("denied")) said.push(this.word("denied"));
    else if (use.outcomes.has("failed")) said.push(this.word("failedCall"));
    if (use.sides.size) said.push(this.word(use.sides.size > 1 ? "both" : "one"));
    for (let number = 1; number <= FINDINGS; number++) {
      if ((use.findings >> (number - 1)) & 1) said.push(this.word(`finding${number}` as Word));
    }
    const gap = `gap${use.gap ?? ""}`;
    if (gap in WORDS) said.push(this.word(gap as Word));
    return said.length ? said : [this.word(`kind_${use.kind}`)];
  }

  private named(code: string, beside: Beside): string {
    const name = beside.organisations.get(code);
    return name ? `${name}（${code}）` : code;
  }

  private titled(item: string, beside: Beside): string {
    const title = beside.items.get(item);
    return title ? `${title}（${item}）` : item;
  }

  private minute(ms: number): string {
    return localTime(ms).slice(0, 16).replace("T", " ");
  }

}
