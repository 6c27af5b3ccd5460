// The page "who used my data": asks the service, checks everything here, then shows it.

import { fromUtf8, toHex, toUtf8 } from "../verify/bytes";
import { byId, definitions, element } from "../verify/dom";
import { InvalidTrust, Refusal } from "../verify/errors";
import { keep, kept } from "../verify/kept";
import { type Age, ageOf } from "../verify/newest";
import { spokenCode } from "../verify/spoken";
import { loadTrust, type Trust } from "../verify/trust";
import { type Proven, proven } from "./proof";
import {
  askAnew,
  type Beside,
  fetchBeside,
  fetchBytes,
  fetchRepresented,
  fetchSession,
  logOut,
  sendObjection,
  NoAnswer,
  type Represented,
} from "./service";
import type { Use } from "./uses";
import { View } from "./view";
import { FAILURES, type Word, WORDS } from "./words";

// The trust or genesis file that this browser saw here first; no number, no name, nothing of a person.
const REMEMBERED = "kunlian-trust";

interface Shown {
  readonly proven: Proven;
  readonly beside: Beside;
  readonly data: Uint8Array;
  readonly trust: Trust;
  readonly age: Age;
}

let view = new View("zh");
let csrf: string | null = null;
let userCode = "me";
let represented: readonly Represented[] = [];
let shown: Shown | null = null;
let failure: (() => HTMLElement) | null = null;
// A later choice overtakes an earlier one that is still being answered.
let generation = 0;
// The id of the use to which the open dialog objects.
let objected = "";
const GROUNDS = [1, 2, 3, 4, 5] as const;

class OtherChain extends Error {}

function showWords(): void {
  document.documentElement.lang = view.language === "zh" ? "zh-CN" : "en";
  document.title = view.word("title");
  for (const node of document.querySelectorAll<HTMLElement>("[data-word]")) {
    node.textContent = view.word(node.dataset["word"] as Word);
  }
  for (const node of document.querySelectorAll<HTMLElement>("[data-label]")) {
    node.setAttribute("aria-label", view.word(node.dataset["label"] as Word));
  }
  const other = byId("language");
  other.textContent = view.language === "zh" ? "English" : "中文";
  other.lang = view.language === "zh" ? "en" : "zh-CN";
  showChoice();
}

function showChoice(): void {
  const choice = byId<HTMLSelectElement>("whom");
  const options = [{ userCode: "me", relation: "me", label: "" }, ...represented];
  choice.replaceChildren(
    ...options.map((one) => {
      const kind = one.relation in WORDS ? view.word(one.relation as Word) : one.relation;
      const option = element("option", "", one.label ? `${one.label}（${kind}）` : kind);
      option.value = one.userCode;
      return option;
    }),
  );
  choice.value = userCode;
}

function draw(): void {
  byId("in").hidden = csrf !== null;
  byId("whose").hidden = csrf === null;
  byId("out").hidden = csrf === null;
  const [banner, answer] = [byId("banner"), byId("answer")];
  const isForked = shown?.age.kind === "forked";
  answer.hidden = shown === null || isForked;
  byId("age").replaceChildren();
  if (failure !== null) banner.replaceChildren(failure());
  if (shown === null) return;
  const { proven: found, beside, trust, age } = shown;
  const note = view.age(age);
  if (isForked) {
    // The proof is one half of the evidence against whoever signed both.
    banner.replaceChildren(note!, element("p", "", download(shown)));
    return;
  }
  banner.replaceChildren(view.banner(found));
  if (note !== null) byId("age").append(note);
  byId("devnet").hidden = trust.parameters.devnet !== 1;
  const facts = [...view.covered(found, beside), [view.word("chain"), spokenCode(trust)] as const];
  byId("covered").replaceChildren(definitions(facts));
  byId("list").replaceChildren(...view.uses(found, beside, askGround));
  byId("seals").replaceChildren(...view.sealed(found.sealed, beside));
  byId("downloads").replaceChildren(download(shown));
}

// The very bytes that were checked, not asked for again.
function download({ data }: Shown): HTMLElement {
  const link = element("a", "button", view.word("download"));
  const type = "application/vnd.kunlian.kunproof";
  link.href = URL.createObjectURL(new Blob([data as BlobPart], { type }));
  link.download = "my-data.kunproof";
  return link;
}

function askGround(use: Use): void {
  const told = shown?.beside.uses.get(use.positions[0]!);
  if (told === undefined) return;
  const choice = byId<HTMLSelectElement>("ground");
  choice.replaceChildren(
    ...GROUNDS.map((one) => {
      const option = element("option", "", view.word(`ground${one}`));
      option.value = `${one}`;
      return option;
    }),
  );
  objected = told.id;
  byId("objected").textContent = "";
  byId<HTMLDialogElement>("objection").showModal();
}

async function sendGround(): Promise<void> {
  const ground = Number(byId<HTMLSelectElement>("ground").value);
  byId<HTMLDialogElement>("objection").close();
  const due = await sendObjection(objected, ground, userCode, csrf!);
  await load();
  byId("objected").textContent = `${view.word("sent")}${due.slice(0, 10)}`;
}

async function load(): Promise<void> {
  const mine = ++generation;
  shown = null;
  failure = null;
  draw();
  byId("banner").replaceChildren(element("p", "", view.word("working")));
  try {
    const found = await verified(userCode);
    if (mine !== generation) return;
    shown = found;
  } catch (error) {
    if (mine !== generation) return;
    failure = explained(error);
  }
  draw();
}

async function verified(asked: string): Promise<Shown> {
  const trust = rememberedTrust(await fetchBytes("/trust.json", ""));
  const beside = await fetchBeside(asked);
  const data = await fetchBytes("/proof.kunproof", asked);
  const found = proven(data, beside, trust);
  return { proven: found, beside, data, trust, age: ageOf(toHex(trust.chainId), found.asOf) };
}

// Who poses as this site with a ledger of their own is noticed by a browser that was here before. It
// goes on with what it has kept: a trust file may name any members beside the id of the right chain.
function rememberedTrust(offered: Uint8Array): Trust {
  const trust = loadTrust(offered);
  const before = kept(REMEMBERED);
  if (before === null) {
    keep(REMEMBERED, fromUtf8(offered)!);
    return trust;
  }
  const known = loadTrust(toUtf8(before));
  if (toHex(known.chainId) !== toHex(trust.chainId)) throw new OtherChain();
  return known;
}

function explained(error: unknown): () => HTMLElement {
  if (error instanceof OtherChain) {
    return () => view.seal("red", view.word("otherChain"), view.word("otherChainMore"));
  }
  if (error instanceof Refusal || error instanceof InvalidTrust) {
    const detail = error.message;
    return () => {
      const made = view.seal("red", view.word("forged"), view.word("forgedMore"));
      made.append(element("p", "hint", detail));
      return made;
    };
  }
  if (error instanceof NoAnswer) {
    const words = FAILURES[error.code];
    return () => view.seal("grey", view.word("failed"), words ? view.said(words) : error.code);
  }
  throw error;
}

async function act(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    failure = explained(error);
    shown = null;
    draw();
  }
}

function start(): void {
  byId("language").addEventListener("click", () => {
    view = new View(view.language === "zh" ? "en" : "zh");
    showWords();
    draw();
  });
  const large = byId("large");
  large.addEventListener("click", () => {
    const isLarge = document.documentElement.classList.toggle("large");
    large.setAttribute("aria-pressed", `${isLarge}`);
  });
  byId<HTMLSelectElement>("whom").addEventListener("change", (event) => {
    userCode = (event.target as HTMLSelectElement).value;
    void load();
  });
  byId("represent").addEventListener("click", () => {
    void act(async () => {
      represented = await fetchRepresented(csrf!);
      userCode = "me";
      showChoice();
      byId("represented").textContent = `${view.word("represents")}: ${represented.length}`;
    });
  });
  byId("again").addEventListener("click", () => {
    void act(async () => {
      await askAnew(userCode, csrf!);
      await load();
    });
  });
  byId("send").addEventListener("click", () => void act(sendGround));
  byId("cancel").addEventListener("click", () => byId<HTMLDialogElement>("objection").close());
  byId("out").addEventListener("click", () => {
    void act(async () => {
      await logOut(csrf!);
      location.assign("/");
    });
  });
  showWords();
  draw();
  void act(async () => {
    csrf = await fetchSession();
    draw();
    if (csrf !== null) await load();
  });
}

start();
