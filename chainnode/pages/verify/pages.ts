// The pages of an answer in one file, as `kun audit query --evidence` keeps them: evidence of kind
// `trail`, or lists of records of which each is proven alone. As chainnode/verify/pages.py.

import { type AnswerFacts, joinPages } from "./answer";
import { compare, toHex } from "./bytes";
import { verifyPlacedHeader } from "./epochs";
import { invalid, unreadable } from "./errors";
import { verifyItem } from "./record";
import {
  asArray,
  asConstant,
  asFields,
  asInteger,
  asObject,
  type JsonObject,
  type JsonValue,
} from "./strict_json";
import { type TrailRow, verifyTrail } from "./trail";
import type { Trust } from "./trust";

export const PAGES_FORMAT = "kunlian-audit-answer";
const PAGES_MAX = 1000;
const ITEMS_MAX = 1000;

export interface PagesFacts {
  readonly kind: "answer";
  // Empty where records stand alone.
  readonly indexKeys: readonly Uint8Array[];
  readonly answer: Omit<AnswerFacts, "fromMs" | "toMs">;
}

export function verifyPages(document: JsonValue, trust: Trust): PagesFacts {
  const fields = asFields(document, "answer", ["format", "version", "pages"]);
  asConstant(fields.format, "format", PAGES_FORMAT);
  asConstant(fields.version, "version", 1);
  const pages = asArray(fields.pages, "pages", { max: PAGES_MAX }).map((one) =>
    asObject(one, "page"),
  );
  if (!pages.length) throw unreadable("pages", "one or more", "none");
  const isProven = pages.some((one) => (one.get("evidence") ?? null) !== null);
  return isProven ? proven(pages, trust) : listed(pages, trust);
}

function proven(pages: readonly JsonObject[], trust: Trust): PagesFacts {
  const evidence = pages.map((one) => asObject(one.get("evidence") ?? null, "evidence"));
  const trails = evidence.map((one) => verifyTrail(one, trust));
  const keys = new Map(
    trails.flatMap((one) => one.listings.map(({ indexKey }) => [toHex(indexKey), indexKey])),
  );
  const indexKeys = [...keys.values()].sort(compare);
  const toMs = asInteger(evidence[0]!.get("to_ms")!, "to_ms");
  const answer = joinPages(trails, indexKeys, trails[0]!.fromMs, toMs);
  return { kind: "answer", indexKeys, answer };
}

function listed(pages: readonly JsonObject[], trust: Trust): PagesFacts {
  const field = (page: JsonObject, name: string): JsonValue => page.get(name) ?? null;
  const headers = pages.map((one) =>
    verifyPlacedHeader(
      {
        header: field(one, "header"),
        certificate: field(one, "certificate"),
        epochs: field(one, "epochs"),
      },
      trust,
    ),
  );
  const rows = pages.flatMap((page, at) =>
    asArray(field(page, "items"), "items", { max: ITEMS_MAX }).map(
      (one): TrailRow => verifyItem(one, headers[at]!, trust),
    ),
  );
  if (rows.some((row, at) => at > 0 && rows[at - 1]!.position >= row.position)) {
    throw invalid("order", "ascending positions", "another order, or one twice");
  }
  const answer = { header: headers[0]!, rows, completeToMs: null, isComplete: false };
  return { kind: "answer", indexKeys: [], answer };
}
