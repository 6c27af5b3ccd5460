// Rules for what is unusual, over the whole proven list: each says what it looks for with its
// parameters, which can be changed, and what it found. A hit is no verdict.

import { element } from "../verify/dom";
import type { View } from "../verify/view";
import { select } from "./asking";
import type { AuditRow } from "./audit_row";
import { padded } from "./local_times";
import { type Anomaly, anomaly, type Chosen, defaults, type Hit, type Parameter, type RuleName, RULES } from "./rules";
import { FIELD_WORDS, PARAMETER_WORDS, RULE_NAMES, type Said, SAID } from "./words";

const HITS_SHOWN_MAX = 50;
const NUMBER_MAX = 1_000_000_000;

export class RulesView {
  constructor(
    private readonly view: View,
    private readonly rows: readonly AuditRow[],
    private readonly names: ReadonlyMap<string, string>,
    private readonly show: (positions: readonly number[] | null) => void,
  ) {}

  section(): HTMLElement {
    const all = element("button", "button", this.word("showAll"));
    all.type = "button";
    all.addEventListener("click", () => this.show(null));
    const rules = (Object.keys(RULES) as RuleName[]).map((one) => this.rule(one));
    return element(
      "section", "card rules", element("h2", "", this.word("rules")),
      element("p", "hint", this.word("rulesHint")), ...rules, element("p", "", all),
    );
  }

  private word(name: Said): string {
    return this.view.of(SAID[name]);
  }

  private rule(name: RuleName): HTMLElement {
    const summary = element("summary", "");
    const found = element("div", "");
    found.setAttribute("role", "status");
    let chosen = defaults(name);
    const apply = (changed: Chosen): void => {
      chosen = { ...chosen, ...changed };
      const answer = anomaly(this.rows, name, chosen);
      const badge = element("span", `badge ${answer.hits.length ? "amber" : "grey"}`, this.hits(answer));
      summary.replaceChildren(this.view.of(RULE_NAMES[name]), " ", badge);
      found.replaceChildren(...this.found(answer));
    };
    apply({});
    const fields = RULES[name].map((one) => this.field(name, one, apply));
    const box = element(
      "details", "rule", summary, element("div", "filters", ...fields), found,
    );
    box.id = `rule-${name}`;
    return box;
  }

  private hits({ hits }: Anomaly): string {
    return this.word("hits").replace("{n}", `${hits.length}`);
  }

  private found({ rule, words, calls, hits, cannotTell }: Anomaly): Node[] {
    const looked = this.word("looked").replace("{n}", `${calls}`);
    const unknown = cannotTell.length ? ` · ${cannotTell.length} ${this.word("cannotTell")}` : "";
    const more = hits.length - HITS_SHOWN_MAX;
    return [
      element("p", "", `${this.word("ruleSays")}${this.view.of(words)}`),
      element("p", "hint", `${looked}${unknown}`),
      element("ul", "hits", ...hits.slice(0, HITS_SHOWN_MAX).map((one) => this.hit(rule, one))),
      ...(more > 0 ? [element("p", "hint", `+ ${more}`)] : []),
    ];
  }

  private hit(rule: RuleName, { about, number, positions }: Hit): HTMLElement {
    const parts = about.map(([name, value]) => `${this.about(name)} ${this.names.get(value) ?? value}`);
    const button = element("button", "button", `${this.word("showRows")} (${positions.length})`);
    button.type = "button";
    button.addEventListener("click", () => this.show(positions));
    // The number that decided: of `night` a minute of the day, of `no-case` none.
    const clock = `${padded(Math.floor(number / 60))}:${padded(number % 60)}`;
    const decided = rule === "night" ? [clock] : number ? [`${number}`] : [];
    const said = [...parts, ...decided].join(" · ");
    return element("li", "", element("span", "", said), button);
  }

  private about(name: string): string {
    return this.view.of(FIELD_WORDS[name] ?? SAID.on);
  }

  private field(rule: RuleName, parameter: Parameter, apply: (changed: Chosen) => void): HTMLElement {
    const { name, least, words } = parameter;
    const field = words === undefined ? this.input(parameter) : this.choice(name, words);
    field.id = `rule-${rule}-${name}`;
    field.addEventListener("input", () => {
      if (least === undefined) {
        if (field.value) apply({ [name]: field.value });
        return;
      }
      const number = Number(field.value);
      const isLegal = Number.isInteger(number) && least <= number && number <= NUMBER_MAX;
      field.setAttribute("aria-invalid", `${!isLegal}`);
      if (isLegal) apply({ [name]: number });
    });
    const label = element("label", "", this.view.of(PARAMETER_WORDS[name]!));
    label.htmlFor = field.id;
    return element("div", "field", label, field);
  }

  private choice(name: string, words: readonly string[]): HTMLSelectElement {
    return select(name, words.map((id) => ({ id, name: this.view.of(PARAMETER_WORDS[id]!) })));
  }

  private input({ least, default: value }: Parameter): HTMLInputElement {
    const field = element("input", "");
    field.type = least === undefined ? "time" : "number";
    if (least !== undefined) field.min = `${least}`;
    field.value = `${value}`;
    return field;
  }
}
