// The search page of a department's console. The server gives
//   <main id="search" data-lang="zh" data-csrf="…" data-trust="/trust.json"
//         data-directory="/directory.json">
// and answers `POST /questions` with the bytes of a `.kunproof`. Whether the answer is whole is
// decided here, on those bytes, against the chain that this browser has pinned; what is offered as
// the download is those bytes again.

import { byId, element, icon } from "../verify/dom";
import { InvalidTrust, type RefusalKind } from "../verify/errors";
import { type Age, ageOf } from "../verify/newest";
import type { Words } from "../verify/verdict";
import type { Language } from "../verify/words";
import { auditRow } from "./audit_row";
import { type Directory, NotTaken, type Question, QuestionForm, send } from "./asking";
import { type Checked, checked, checkedApart, workAsTold } from "./checking";
import { OtherChain, type Shown, shownTrust } from "./pinned_trust";
import { disputesIn, knownUntil } from "./dispute_acts";
import { facet, filtered } from "./filters";
import { keepLive } from "./live";
import { Results } from "./results";
import { anomaly } from "./rules";
import { isSameQuestion } from "./same_question";
import { shortTime } from "./times";
import { type Said, SAID } from "./words";

// The id of a dispute, as other pages link to it.
const DISPUTE = /^[0-9a-f]{32}$/;
const FILE_NAME = "report.kunproof";
// Somebody changed the answer, or it is of another chain.
const LIES: readonly RefusalKind[] = ["invalid", "unreadable", "foreign"];

class Search {
  private readonly language: Language;
  private readonly outcome = element("div", "outcome");
  private trust: Shown | null = null;
  private address: string | null = null;

  constructor(private readonly place: HTMLElement) {
    this.language = place.dataset["lang"] === "en" ? "en" : "zh";
    this.outcome.tabIndex = -1;
    this.outcome.setAttribute("aria-live", "polite");
  }

  async start(): Promise<void> {
    const anchor = element("section", "anchor");
    try {
      const directory = await this.directory();
      const form = new QuestionForm(directory, (words) => this.of(words), (question) =>
        void this.ask(question, directory),
      );
      form.form.hidden = true;
      this.place.append(anchor, form.form, this.outcome);
      await this.showTrust(anchor, form.form);
      const named = (): void => {
        const id = location.hash.slice(1);
        if (DISPUTE.test(id)) form.askDispute(id);
      };
      addEventListener("hashchange", named);
      named();
    } catch (error) {
      this.place.append(anchor);
      anchor.replaceChildren(this.trustProblem(error));
    }
  }

  private of(words: Words): string {
    return words[this.language];
  }

  private word(name: Said): string {
    return this.of(SAID[name]);
  }

  private async directory(): Promise<Directory> {
    const answer = await fetch(this.place.dataset["directory"] ?? "", {
      credentials: "same-origin",
    });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return (await answer.json()) as Directory;
  }

  // Nothing can be asked before a person has said that this is the right chain.
  private async showTrust(anchor: HTMLElement, form: HTMLFormElement): Promise<void> {
    const shown = await shownTrust(this.place.dataset["trust"] ?? "");
    const { file, isPinned, pin } = shown;
    const made = await checkedApart({ trust: file, data: null });
    if (made.kind !== "code") throw new Error(made.kind);
    const code = element("strong", "spoken", made.code);
    const honest = element("p", "hint", this.word("honest"));
    const settle = (): void => {
      this.trust = shown;
      form.hidden = false;
      anchor.replaceChildren(
        element("p", "", `${this.word("pinnedChain")} `, code), honest,
      );
    };
    if (isPinned) {
      settle();
      return;
    }
    const button = element("button", "button primary", this.word("trustYes"));
    button.type = "button";
    button.id = "pin-chain";
    button.addEventListener("click", () => {
      pin();
      settle();
      form.querySelector("select")?.focus();
    });
    anchor.replaceChildren(
      element("h2", "", this.word("trustTitle")), element("p", "", this.word("trustHint")),
      element("p", "", code), element("p", "", button), honest,
    );
  }

  private trustProblem(error: unknown): HTMLElement {
    if (error instanceof OtherChain) return this.seal("red", "✗", this.word("trustOther"));
    const word = error instanceof InvalidTrust ? "trustBad" : "network";
    return this.seal("grey", "?", this.word(word), error instanceof Error ? error.message : "");
  }

  private seal(colour: string, sign: string, ...texts: readonly string[]): HTMLElement {
    const lines = texts.filter((one) => one).map((one) => element("p", "", one));
    const made = element("div", `seal ${colour}`, icon(sign), element("div", "", ...lines));
    made.setAttribute("role", "alert");
    return made;
  }

  private async ask(question: Question, directory: Directory): Promise<void> {
    if (this.trust === null) return;
    this.outcome.replaceChildren(element("p", "working", this.word("asking")));
    this.outcome.setAttribute("aria-busy", "true");
    const nodes = await this.answered(question, this.trust, directory);
    this.outcome.removeAttribute("aria-busy");
    this.outcome.replaceChildren(...nodes);
    this.outcome.focus();
  }

  private async answered(question: Question, trust: Shown, directory: Directory): Promise<Node[]> {
    try {
      const data = await send(question, this.place.dataset["csrf"] ?? "");
      const found = await checkedApart({ trust: trust.file, data });
      if (found.kind !== "proven") return [this.notProven(found)];
      if (!isSameQuestion(question, found.proven.answered)) {
        return [this.seal("red", "✗", this.word("failed"), this.word("otherQuestion"))];
      }
      const names = new Map(directory.departments.map(({ id, name }) => [id, name]));
      const age = ageOf(trust.chainId, found.proven.asOf);
      // The proof is one half of the evidence against whoever signed both.
      if (age.kind === "forked") return [...this.aged(age), this.download(data)];
      const results = new Results(this.language, found.proven, names);
      return results.nodes(this.aged(age), this.download(data));
    } catch (error) {
      return [this.problem(error)];
    }
  }

  // What is to be said of how old an answer is.
  private aged(age: Age): Node[] {
    if (!("seen" in age)) {
      return age.kind === "newest" ? [] : [this.seal("grey", "?", this.word("unkept"))];
    }
    const { shown, seen } = age;
    const heights = this.word("heights")
      .replace("{n}", `${shown.height}`).replace("{at}", shortTime(shown.timeMs))
      .replace("{all}", `${seen.height}`).replace("{seen}", shortTime(seen.timeMs));
    const made = age.kind === "older"
      ? this.seal("amber", "!", this.word("older"), heights)
      : this.seal("red", "✗", this.word("forked"), heights, shown.digest, seen.digest);
    made.id = "age";
    return [made];
  }

  // What could not be had is grey, and looks neither like a proof nor like a lie; answers that no
  // node could prove are an alarm.
  private problem(error: unknown): HTMLElement {
    if (error instanceof NotTaken) {
      return error.isAlarm
        ? this.seal("red", "✗", this.word("failed"), this.word("alarm"))
        : this.seal("grey", "?", this.word("refused"), error.message);
    }
    return this.seal("grey", "?", this.word("network"), error instanceof Error ? error.message : "");
  }

  // A refused proof is red; one that this browser cannot decide about is grey.
  private notProven(found: Exclude<Checked, { kind: "proven" }>): HTMLElement {
    if (found.kind !== "refused") return this.seal("grey", "?", this.word("trustBad"));
    if (!LIES.includes(found.refusal)) {
      return this.seal("grey", "?", this.word("undecided"), found.message);
    }
    const made = this.seal("red", "✗", this.word("failed"), this.word("failedHint") + found.message);
    made.dataset["check"] = found.check;
    return made;
  }

  private download(data: Uint8Array): HTMLElement {
    if (this.address !== null) URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(new Blob([new Uint8Array(data)]));
    const link = element("a", "button primary", this.word("download"));
    link.href = this.address;
    link.download = FILE_NAME;
    link.id = "download";
    return element("p", "", link);
  }
}

if (typeof document === "undefined") {
  workAsTold();
} else {
  // By name, so that published vectors can be tried on exactly what runs here.
  const offered = { anomaly, auditRow, checked, disputesIn, facet, filtered, knownUntil };
  Object.assign(window, { kunlianConsole: Object.freeze(offered) });
  const page = document.querySelector<HTMLElement>("main[data-events]");
  if (page === null) void new Search(byId("search")).start();
  else keepLive(page);
}
