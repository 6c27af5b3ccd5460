// Disputes of a proven list: each with its state, whose it is, what is due when, and its whole trail.

import { definitions, element, icon, type Row } from "../verify/dom";
import type { View } from "../verify/view";
import { select } from "./asking";
import { type Dispute, type DisputeAct, disputesIn, knownUntil } from "./dispute_acts";
import { ACTION_WORDS, DISPUTE_SAID, type DisputeSaid, groundWords, STATE_WORDS } from "./dispute_words";
import type { Proven } from "./proven";
import { shortTime } from "./times";
import { SAID } from "./words";

const DAY_MS = 86_400_000;
const SHOWN_MAX = 200;
type Choice = "state" | "responsible" | "filer";

export class DisputesView {
  private readonly disputes: readonly Dispute[];
  private readonly chosen = new Map<Choice, string>();
  private readonly list = element("div", "");
  private readonly nowMs: number;

  constructor(
    private readonly view: View,
    private readonly found: Proven,
    private readonly names: ReadonlyMap<string, string>,
  ) {
    const acts = found.rows.flatMap((one) => (one.dispute === null ? [] : [one.dispute]));
    this.nowMs = knownUntil(found.answered.toMs, found.blockTimeMs);
    this.disputes = disputesIn(acts, found.disputeDeadlineMs, this.nowMs);
  }

  // null: the list has no disputes.
  section(): HTMLElement | null {
    if (!this.disputes.length) return null;
    const filters = element(
      "form", "filters",
      this.choice("state", (one) => one.state, (value) => this.view.of(STATE_WORDS[value as Dispute["state"]])),
      this.choice("responsible", (one) => one.responsible, (value) => this.named(value)),
      this.choice("filer", (one) => one.filer ?? "", (value) => value ? this.named(value) : this.word("unknown")),
    );
    filters.addEventListener("submit", (event) => event.preventDefault());
    this.show();
    const isPast = this.nowMs < this.found.blockTimeMs;
    const asOf = `${this.word(isPast ? "asOfPeriod" : "asOf")}${shortTime(this.nowMs)}`;
    const made = element(
      "section", "card", element("h2", "", this.word("title")), filters,
      element("p", "hint", asOf), this.list,
    );
    made.id = "disputes";
    return made;
  }

  private word(name: DisputeSaid): string {
    return this.view.of(DISPUTE_SAID[name]);
  }

  private named(organisation: string): string {
    return this.names.get(organisation) ?? organisation;
  }

  private choice(
    name: Choice, value: (one: Dispute) => string, words: (value: string) => string,
  ): HTMLElement {
    const values = [...new Set(this.disputes.map(value))];
    const field = select(`dispute-${name}`, [
      { id: "*", name: this.view.of(SAID.any) },
      ...values.map((id) => ({ id, name: words(id) })),
    ]);
    field.addEventListener("input", () => {
      if (field.value === "*") this.chosen.delete(name);
      else this.chosen.set(name, field.value);
      this.show();
    });
    const label = element("label", "", this.word(name));
    label.htmlFor = field.id;
    return element("div", "field", label, field);
  }

  private show(): void {
    const wanted = this.disputes.filter((one) =>
      [...this.chosen].every(([name, value]) => (one[name] ?? "") === value));
    const counts = this.word("shown")
      .replace("{n}", `${wanted.length}`).replace("{all}", `${this.disputes.length}`);
    const said = element("p", "", wanted.length ? counts : `${counts} · ${this.word("none")}`);
    said.setAttribute("role", "status");
    const more = wanted.length - SHOWN_MAX;
    this.list.replaceChildren(
      said, ...wanted.slice(0, SHOWN_MAX).map((one) => this.dispute(one)),
      ...(more > 0 ? [element("p", "hint", `+ ${more}`)] : []),
    );
  }

  private dispute(one: Dispute): HTMLElement {
    const { colour, sign, ...words } = STATE_WORDS[one.state];
    const late = one.isLate ? ` · ${this.word("late")}` : "";
    const badge = element("span", `badge ${colour}`, icon(sign, ""), ` ${this.view.of(words)}${late}`);
    const isWaiting = one.state === "open" || one.state === "overdue";
    const rows: Row[] = [
      [this.word("responsible"), this.named(one.responsible)],
      ...(isWaiting ? [[this.word("due"), this.due(one.dueMs)] as const] : []),
      [this.word("filer"), one.filer === null ? this.word("unknown") : this.named(one.filer)],
      ...(one.said === null ? [] : [[this.word("ground"), this.view.of(groundWords(one.said.ground))] as const]),
      [this.word("about"), this.about(one)],
      ...(one.said?.follows ? [[this.word("follows"), this.link(one.said.follows)] as const] : []),
    ];
    const acts = element("ol", "trail", ...one.acts.map((act) => this.act(act)));
    const summary = this.word("trail").replace("{n}", `${one.acts.length}`);
    const trail = element("details", "", element("summary", "", summary), acts);
    const title = element("h3", "", badge, " ", element("code", "", one.id));
    const alone = element("a", "", this.word("alone"));
    alone.href = `#${one.id}`;
    return element("article", "dispute", title, definitions(rows), trail, element("p", "", alone));
  }

  // The day, and how far it is: told by words and not by colour.
  private due(dueMs: number | null): string {
    if (dueMs === null) return this.word("unknown");
    const left = dueMs - this.nowMs;
    const days = Math.floor(Math.abs(left) / DAY_MS);
    const far = left < 0 ? "past" : days === 0 ? "today" : "left";
    return `${shortTime(dueMs)} · ${this.word(far).replace("{n}", `${days}`)}`;
  }

  private about({ said }: Dispute): Node | string {
    if (said === null) return this.word("unknown");
    if (said.call === null) return said.certificate || said.item;
    const { requester, provider, callId } = said.call;
    const link = element("a", "", `${this.named(requester)} → ${this.named(provider)} · ${this.word("lineage")}`);
    link.href = `/calls/${encodeURIComponent(requester)}/${encodeURIComponent(provider)}/${callId}`;
    return link;
  }

  private link(id: string): HTMLElement {
    const link = element("a", "", element("code", "", id));
    link.href = `#${id}`;
    return link;
  }

  private act(act: DisputeAct): HTMLElement {
    const link = element("a", "", `${this.view.word("position")} ${act.position}`);
    link.href = `/records/${act.position}`;
    const { said } = act;
    const by = act.action === "overdue" ? this.view.word("ledger") : this.named(act.by);
    const more = [
      ...(act.isLate ? [this.word("late")] : []),
      ...(said?.forwardedTo ? [`${this.word("to")} ${this.named(said.forwardedTo)}`] : []),
      ...(said?.reasonCode ? [`${this.word("reason")} ${said.reasonCode}`] : []),
      ...(said?.successor ? [`${this.word("successor")} ${said.successor}`] : []),
      ...(said === null ? [this.view.word("withheld")] : []),
    ];
    const words = [shortTime(act.timeMs), this.view.of(ACTION_WORDS[act.action]), by, ...more];
    return element("li", "", `${words.join(" · ")} · `, link);
  }
}
