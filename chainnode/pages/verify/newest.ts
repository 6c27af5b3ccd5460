// The newest header that was proven to this browser, for each chain. An answer that rests on an older
// one is genuine and may lack what came since: a server can replay it. Another header of the same
// height, proven as well, is a fork (fork.ts): more members lied than the chain withstands.

import { toHex } from "./bytes";
import type { CertifiedHeader } from "./header";
import { keep, kept } from "./kept";
import { type Colour, localTime, type Words } from "./verdict";

export interface SeenHeader {
  readonly height: number;
  // Hex, lower case.
  readonly digest: string;
  readonly timeMs: number;
}

// `newest`: nothing newer was seen here; it is kept now. `unkept`: this browser keeps nothing, so that
// an older answer would not be noticed.
export type Age =
  | { readonly kind: "newest" | "unkept"; readonly shown: SeenHeader }
  | { readonly kind: "older" | "forked"; readonly shown: SeenHeader; readonly seen: SeenHeader };

// What a person is told of it; null: nothing.
export interface AgeNote {
  readonly colour: Colour;
  readonly title: Words;
  readonly more: Words;
}

const NAME = "kunlian.newest.";
const DIGEST = /^[0-9a-f]{64}$/;

export function seenHeader({ header, digest }: CertifiedHeader): SeenHeader {
  const { height, timeMs } = header.head;
  return { height, digest: toHex(digest), timeMs };
}

// Compare what an answer rests on with the newest that was seen, and keep it if it is newer. `chainId`
// is hex. Only what was proven may come here: the first header is believed.
export function ageOf(chainId: string, shown: SeenHeader): Age {
  const seen = readSeen(kept(NAME + chainId));
  if (seen !== null) {
    if (shown.height < seen.height) return { kind: "older", shown, seen };
    if (shown.height === seen.height) {
      return shown.digest === seen.digest ? { kind: "newest", shown } : { kind: "forked", shown, seen };
    }
  }
  return { kind: keep(NAME + chainId, JSON.stringify(shown)) ? "newest" : "unkept", shown };
}

export function ageNote(age: Age): AgeNote | null {
  switch (age.kind) {
    case "newest":
      return null;
    case "unkept":
      return { colour: "grey", ...UNKEPT };
    case "older":
      return {
        colour: "amber",
        title: OLDER.title,
        more: {
          zh: `本答复依据${said("zh", age.shown)}；此浏览器已见过${said("zh", age.seen)}。${OLDER.more.zh}`,
          en: `This answer rests on ${said("en", age.shown)}; this browser has seen ${said("en", age.seen)}. ${OLDER.more.en}`,
        },
      };
    case "forked":
      return {
        colour: "red",
        title: FORKED.title,
        more: {
          zh: `${said("zh", age.shown)}：摘要 ${age.shown.digest}；此浏览器见过的是${said("zh", age.seen)}，摘要 ${age.seen.digest}。${FORKED.more.zh}`,
          en: `${said("en", age.shown)} with digest ${age.shown.digest}; this browser has seen ${said("en", age.seen)} with digest ${age.seen.digest}. ${FORKED.more.en}`,
        },
      };
  }
}

const UNKEPT = {
  title: { zh: "此浏览器不保存任何内容", en: "This browser keeps nothing" },
  more: {
    zh: "已照常核对，但下次来时本页记不得见过的账本高度，也就看不出答复是不是旧的。请核对所示时间；需要时请允许本站保存数据。",
    en: "Everything was checked as usual; but next time this page cannot know which height it has seen, and cannot notice an old answer. Look at the time shown; allow this site to keep data if you can.",
  },
};
const OLDER = {
  title: { zh: "注意：这是较早的答复", en: "Note: this answer is an older one" },
  more: {
    zh: "所列内容是真的，但这之后的记录不在其中。本服务会把答复保留几分钟：请重新查询。重新查询后仍是旧的，可能有人在用旧答复隐瞒新记录：请换一个网络，或到政务窗口核对。",
    en: "What it lists is genuine, and what was recorded since is not in it. The service keeps answers for some minutes: ask again. If it is still old after that, somebody may hide new records behind an old answer: use another network, or compare at a service desk.",
  },
};
const FORKED = {
  title: { zh: "警告：同一高度有两个不同的账本", en: "Warning: two ledgers of one height" },
  more: {
    zh: "两者都有多数部门的签名，这在正常的账本上不可能发生。请不要依据本页办事；请保存这次下载的证明和以前的证明，一并交给政务窗口或审计部门。",
    en: "A quorum signed both, which cannot happen on a sound ledger. Rely on nothing here: keep the proof of today and an earlier one, and take both to a service desk or to the auditors.",
  },
};

function said(language: keyof Words, { height, timeMs }: SeenHeader): string {
  const time = localTime(timeMs).slice(0, 19).replace("T", " ");
  return language === "zh" ? `账本高度 ${height}（${time}）` : `ledger height ${height} (${time})`;
}

// What was kept by somebody else or by another release counts as nothing.
function readSeen(text: string | null): SeenHeader | null {
  if (text === null) return null;
  try {
    const { height, digest, timeMs } = JSON.parse(text) as Partial<SeenHeader>;
    if (!Number.isSafeInteger(height) || !Number.isSafeInteger(timeMs)) return null;
    return typeof digest === "string" && DIGEST.test(digest)
      ? { height: height!, digest, timeMs: timeMs! }
      : null;
  } catch {
    return null;
  }
}
