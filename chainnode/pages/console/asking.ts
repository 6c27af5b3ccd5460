// The form of a question, and how it is sent: what was typed goes into the body of one request and
// nowhere else.

import { element } from "../verify/dom";
import type { Words } from "../verify/verdict";
import {
  ASKED_KINDS, type AskedKind, BASES, BASIS_NAMES, type BasisName, FINDING_NAMES, type Said, SAID,
  TABLE_NAMES,
} from "./words";

const EXPORT_TYPE = "application/vnd.kunlian.kunproof";
const TOKEN = /^[0-9a-f]{64}$/;
// No organisation has such an id.
const ALL = "*";
const ORGANISATION_KINDS: readonly AskedKind[] = [
  "requester", "provider", "unmatched", "responsible",
];

export interface Named {
  readonly id: string;
  readonly name: string;
}

// What the server says of itself, so that nobody has to type ids.
export interface Directory {
  readonly departments: readonly Named[];
  readonly items: readonly string[];
  // The kinds of questions that this chain and server can answer.
  readonly kinds: readonly AskedKind[];
  // On what a question may rest; none before rules 3.
  readonly bases?: readonly BasisName[];
  // Tables that can go into the file.
  readonly renderings?: readonly string[];
}

export interface Question {
  readonly kind: AskedKind;
  readonly values?: readonly string[];
  readonly person?: { readonly id_type: string; readonly number: string };
  readonly from: string;
  readonly to: string;
  readonly purpose: string;
  readonly basis?: BasisName;
  readonly with?: readonly string[];
}

// The server refused, in words of a problem document.
export class NotTaken extends Error {
  constructor(
    message: string,
    // Whether every node's answer failed its proof, or its store lies: an alarm.
    readonly isAlarm: boolean,
  ) {
    super(message);
  }
}

export async function send(question: Question, csrf: string): Promise<Uint8Array> {
  const answer = await fetch("/questions", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf, Accept: EXPORT_TYPE },
    body: JSON.stringify(question),
  });
  if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  throw await problemOf(answer);
}

async function problemOf(answer: Response): Promise<NotTaken> {
  const told: unknown = await answer.json().catch(() => null);
  const fields = told !== null && typeof told === "object" ? (told as Record<string, unknown>) : {};
  const texts = ["title", "detail", "hint", "code"].map((name) => fields[name]);
  const words = texts.filter((one): one is string => typeof one === "string" && one !== "");
  const message = words.length ? words.join(" · ") : `HTTP ${answer.status}`;
  return new NotTaken(message, fields["code"] === "FALSE_ANSWERS");
}

type Field = HTMLInputElement | HTMLSelectElement;

export class QuestionForm {
  readonly form: HTMLFormElement;
  private readonly kind: HTMLSelectElement;
  private readonly period: HTMLSelectElement;
  private readonly values: HTMLElement;
  private readonly times: HTMLElement;
  private readonly purpose: HTMLInputElement;
  private readonly problem: HTMLElement;
  private value: Field = document.createElement("input");
  private idType: HTMLSelectElement | null = null;
  private from: HTMLInputElement | null = null;
  private to: HTMLInputElement | null = null;
  private readonly basis: HTMLSelectElement | null;
  private readonly tables: readonly HTMLInputElement[];

  constructor(
    private readonly directory: Directory,
    private readonly say: (words: Words) => string,
    ask: (question: Question) => void,
  ) {
    const kinds = directory.kinds.map((one) => ({ id: one, name: say(ASKED_KINDS[one]) }));
    this.kind = select("ask-kind", kinds);
    this.period = select("ask-period", [
      { id: "month", name: this.word("oneMonth") },
      { id: "days", name: this.word("days") },
      { id: "", name: this.word("allTime") },
    ]);
    this.values = element("div", "field-group");
    this.times = element("div", "field-group");
    this.purpose = input("purpose", "text", 200);
    this.purpose.required = true;
    const bases = directory.bases ?? [];
    this.basis = bases.length
      ? select("ask-basis", bases.map((id) => ({ id, name: say(BASES[BASIS_NAMES.indexOf(id)]!) })))
      : null;
    this.tables = (directory.renderings ?? []).map((one) => checkbox(one));
    if (directory.kinds[0] === "responsible") {
      // Whoever looks at disputes wants those of all time, for the sake of the data.
      this.period.value = "";
      if (this.basis !== null) this.basis.value = "data_quality";
    }
    this.problem = element("p", "field-problem", "");
    this.problem.setAttribute("role", "alert");
    const button = element("button", "button primary", this.word("ask"));
    button.type = "submit";
    this.form = element(
      "form", "question-form",
      this.labelled("kind", this.kind), this.values,
      this.labelled("period", this.period), this.times,
      this.labelled("purposeOf", this.purpose, "purposeHint"),
      ...(this.basis === null ? [] : [this.labelled("basis", this.basis)]),
      ...(this.tables.length ? [this.tableChoice()] : []),
      this.problem, element("p", "", button),
    );
    this.form.noValidate = true;
    this.kind.addEventListener("change", () => this.showValues());
    this.period.addEventListener("change", () => this.showTimes());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const question = this.read();
      if (question !== null) ask(question);
    });
    this.showValues();
    this.showTimes();
  }

  // Show the form for the trail of one dispute, so that a purpose is all that is missing.
  askDispute(id: string): void {
    if (!this.directory.kinds.includes("dispute")) return;
    this.kind.value = "dispute";
    this.showValues();
    this.value.value = id;
    this.purpose.focus();
  }

  private tableChoice(): HTMLElement {
    const boxes = this.tables.map((one) => {
      const words = this.say(TABLE_NAMES[one.value] ?? { zh: one.value, en: one.value });
      return element("label", "check", one, words);
    });
    return element(
      "fieldset", "field", element("legend", "", this.word("tables")), ...boxes,
      element("p", "hint", this.word("tablesHint")),
    );
  }

  private word(name: Said): string {
    return this.say(SAID[name]);
  }

  // A label above its field; a hint is read with it.
  private labelled(name: Said, field: Field, hint?: Said): HTMLElement {
    const label = element("label", "", this.word(name));
    label.htmlFor = field.id;
    const parts: Node[] = [label, field];
    if (hint !== undefined) {
      const said = element("p", "hint", this.word(hint));
      said.id = `${field.id}-hint`;
      field.setAttribute("aria-describedby", said.id);
      parts.push(said);
    }
    return element("div", "field", ...parts);
  }

  private showValues(): void {
    const kind = this.kind.value as AskedKind;
    this.idType = null;
    if (kind === "person") {
      this.idType = select("ask-id-type", [
        { id: "111", name: this.word("citizenId") },
        { id: "001", name: this.word("companyId") },
      ]);
      this.value = input("number", "text", 32);
      this.value.autocomplete = "off";
      this.values.replaceChildren(
        this.labelled("idType", this.idType), this.labelled("number", this.value),
      );
      return;
    }
    this.value = this.valueField(kind);
    const isSaid = kind === "item" && this.directory.items.length > 0;
    const hint = kind === "subject" ? "tokenHint" : isSaid ? "itemsSaid" : undefined;
    this.values.replaceChildren(this.labelled("value", this.value, hint));
  }

  private valueField(kind: AskedKind): Field {
    if (ORGANISATION_KINDS.includes(kind)) {
      const named = this.directory.departments.map(({ id, name }) => ({ id, name: `${name} ${id}` }));
      const all = { id: ALL, name: `${this.word("allDepartments")} (${named.length})` };
      return select("ask-value", kind === "responsible" && named.length > 1 ? [all, ...named] : named);
    }
    if (kind === "finding") {
      const found = Object.entries(FINDING_NAMES);
      return select("ask-value", found.map(([id, words]) => ({ id, name: this.say(words) })));
    }
    if (kind === "item" && this.directory.items.length) {
      return select("ask-value", this.directory.items.map((id) => ({ id, name: id })));
    }
    return input("value", "text", 1_200);
  }

  private showTimes(): void {
    this.from = this.to = null;
    if (this.period.value === "month") {
      this.from = this.to = input("month", "month", 7);
      this.from.value = thisMonth();
      this.times.replaceChildren(this.labelled("month", this.from));
    } else if (this.period.value === "days") {
      [this.from, this.to] = [input("from", "date", 10), input("to", "date", 10)];
      this.times.replaceChildren(this.labelled("from", this.from), this.labelled("to", this.to));
    } else {
      this.times.replaceChildren();
    }
  }

  // What was typed; null: something is missing, and the first such field has the focus.
  private read(): Question | null {
    const kind = this.kind.value as AskedKind;
    const typed = this.value.value.trim();
    const purpose = this.purpose.value.trim();
    const isToken = kind === "subject";
    const values = isToken ? typed.toLowerCase().split(/[\s,;]+/) : this.valuesOf(typed);
    const isBad = isToken && !values.every((one) => TOKEN.test(one));
    const wrong = !typed || isBad ? this.value : this.wrongTime() ?? (purpose ? null : this.purpose);
    this.mark(wrong, isBad);
    if (wrong !== null) return null;
    const times = { from: this.from?.value ?? "", to: this.to?.value ?? "" };
    const more = {
      ...(this.basis === null ? {} : { basis: this.basis.value as BasisName }),
      ...(this.tables.length
        ? { with: this.tables.filter((one) => one.checked).map((one) => one.value) }
        : {}),
    };
    if (kind === "person") {
      const person = { id_type: this.idType?.value ?? "", number: typed };
      // It stays in no field that the browser could keep.
      this.value.value = "";
      return { kind, person, ...times, purpose, ...more };
    }
    return { kind, values, ...times, purpose, ...more };
  }

  private valuesOf(typed: string): string[] {
    return typed === ALL ? this.directory.departments.map((one) => one.id) : [typed];
  }

  private wrongTime(): Field | null {
    return [this.from, this.to].find((one) => one !== null && !one.value) ?? null;
  }

  private mark(wrong: Field | null, isBad: boolean): void {
    for (const field of this.form.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
    }
    const label = wrong && this.form.querySelector(`label[for="${wrong.id}"]`)?.textContent;
    const problem = isBad ? this.word("tokenHint") : `${this.word("missing")}: ${label ?? ""}`;
    this.problem.textContent = wrong === null ? "" : problem;
    wrong?.setAttribute("aria-invalid", "true");
    wrong?.focus();
  }
}

function input(name: string, type: string, characters: number): HTMLInputElement {
  const made = element("input", "");
  made.id = `ask-${name}`;
  made.name = name;
  made.type = type;
  made.maxLength = characters;
  return made;
}

function checkbox(name: string): HTMLInputElement {
  const made = input(`with-${name}`, "checkbox", 0);
  made.value = name;
  made.checked = name === "csv";
  return made;
}

export function select(id: string, options: readonly Named[]): HTMLSelectElement {
  const made = element("select", "");
  made.id = id;
  for (const { id: value, name } of options) {
    const option = element("option", "", name);
    option.value = value;
    made.append(option);
  }
  return made;
}

// The month that is now in +08:00.
function thisMonth(): string {
  return new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 7);
}
