// What the page asks of the service it came from. Answers are hostile: read by the strict reader,
// and believed only where a proof says the same.

import {
  asArray,
  asInteger,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  readObject,
} from "../verify/strict_json";

const BYTES_MAX = 64 * 1024 * 1024;
const TEXT_MAX = 4096;
const CONTAINERS_MAX = 65_536;

export class NoAnswer extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

export interface Beside {
  // The first record of a use -> its id here, and the reason that the service opened.
  readonly uses: ReadonlyMap<number, { id: string; openness: string; why: string; system: string }>;
  // Where the records of all uses stand that the person's own trails name.
  readonly positions: readonly number[];
  readonly organisations: ReadonlyMap<string, string>;
  readonly items: ReadonlyMap<string, string>;
  readonly extra: readonly JsonValue[];
  readonly since: string;
  readonly canObject: boolean;
  // Disputes that the service filed for the person; what became of them is proven.
  readonly ownObjections: ReadonlySet<string>;
  readonly withoutTokens: readonly string[];
}

export interface Represented {
  readonly userCode: string;
  readonly relation: string;
  readonly label: string;
}

export async function fetchBytes(path: string, userCode: string): Promise<Uint8Array> {
  return (await request("GET", withUser(path, userCode), null)).data;
}

export async function fetchBeside(userCode: string): Promise<Beside> {
  const told = readObject(await fetchBytes("/view", userCode), BYTES_MAX);
  const names = asObject(told.get("names") ?? null, "names");
  const covered = asObject(told.get("covered") ?? null, "covered");
  return {
    uses: new Map(rows(told, "uses").map(readUse)),
    positions: rows(told, "listed").map((one) => asInteger(one, "position")),
    organisations: texts(names, "organisations"),
    items: texts(names, "items"),
    extra: asArray(told.get("extra") ?? null, "extra", { max: CONTAINERS_MAX }),
    since: text(covered, "since"),
    canObject: told.get("can_object") === true,
    ownObjections: new Set(rows(told, "own_objections").map((one) => asText(one, "id", TEXT_MAX))),
    withoutTokens: rows(told, "without_tokens").map((one) => asText(one, "code", TEXT_MAX)),
  };
}

export async function fetchSession(): Promise<string | null> {
  const { data } = await request("GET", "/session", null);
  const told = readObject(data);
  return told.get("logged_in") === true ? text(told, "csrf") : null;
}

export async function fetchRepresented(csrf: string): Promise<Represented[]> {
  const { data } = await request("POST", "/representations", csrf);
  return rows(readObject(data), "representations").map((one) => {
    const row = asObject(one, "one");
    return {
      userCode: text(row, "userCode"),
      relation: text(row, "relation"),
      label: text(row, "label"),
    };
  });
}

export async function askAnew(userCode: string, csrf: string): Promise<void> {
  await request("POST", withUser("/refresh", userCode), csrf);
}

// Until when the objection must be answered; empty where no node says so yet.
export async function sendObjection(
  use: string,
  ground: number,
  userCode: string,
  csrf: string,
): Promise<string> {
  const body = JSON.stringify({ use, ground });
  const { data } = await request("POST", withUser("/objections", userCode), csrf, body);
  const due = readObject(data).get("due");
  return typeof due === "string" ? due : "";
}

export async function logOut(csrf: string): Promise<void> {
  await fetch("/logout", {
    method: "POST", redirect: "manual", headers: { "X-CSRF-Token": csrf },
  });
}

async function request(
  method: string,
  path: string,
  csrf: string | null,
  body: string | null = null,
): Promise<{ data: Uint8Array }> {
  const headers: Record<string, string> = csrf === null ? {} : { "X-CSRF-Token": csrf };
  const options = { method, headers, cache: "no-store", redirect: "error", body } as const;
  const reply = await fetch(path, options).catch(() => {
    throw new NoAnswer("AWAY");
  });
  const data = new Uint8Array(await reply.arrayBuffer());
  if (!reply.ok) throw new NoAnswer(codeOf(data));
  return { data };
}

function codeOf(data: Uint8Array): string {
  try {
    return text(readObject(data), "code");
  } catch {
    return "REFUSED";
  }
}

function withUser(path: string, userCode: string): string {
  if (!userCode) return path;
  const separator = path.includes("?") ? "&" : "?";
  return `${path}${separator}userCode=${encodeURIComponent(userCode)}`;
}

function readUse(value: JsonValue): [number, { id: string; openness: string; why: string; system: string }] {
  const row = asObject(value, "use");
  const positions = asArray(row.get("positions") ?? null, "positions", { max: CONTAINERS_MAX });
  const openness = text(row, "openness");
  const said = { id: text(row, "id"), openness, why: text(row, "why"), system: text(row, "system") };
  return [asInteger(positions[0] ?? null, "position"), said];
}

function rows(told: JsonObject, name: string): JsonValue[] {
  return asArray(told.get(name) ?? null, name, { max: CONTAINERS_MAX });
}

function texts(told: JsonObject, name: string): Map<string, string> {
  const found = asObject(told.get(name) ?? null, name);
  return new Map([...found].map(([key, value]) => [key, asText(value, name, TEXT_MAX)]));
}

function text(told: JsonObject, name: string): string {
  return asText(told.get(name) ?? null, name, TEXT_MAX);
}
