// `epochs` of evidence: from the members that a verifier trusts to those who signed the header, one
// link an epoch (docs/wire-format.md §7 and §11): the last header of an epoch with the members it
// hands over to, or the recovery record that ended it. As chainnode/verify/epochs.py.

import { equal, toHex } from "./bytes";
import { invalid, Malformed, refusedAs } from "./errors";
import {
  type CertifiedHeader,
  readCertificate,
  readHeader,
  readSignatures,
  requireCertificate,
  requireQuorum,
  requireSame,
  type Signatures,
  verifyHeader,
} from "./header";
import {
  type Certificate,
  type Header,
  headerDigest,
  type Member,
  membersDigest,
  REST,
} from "./ledger";
import { areSame, readMembers } from "./members";
import { encode } from "./messagepack";
import { asArray, asFields, asHex, asInteger, asObject, type JsonValue } from "./strict_json";
import type { Trust } from "./trust";

const CHECK = "epochs";
const LINKS_MAX = 1024;

interface EpochEnd {
  readonly kind: "end";
  readonly epoch: number;
  readonly height: number;
  readonly header: Header;
  readonly certificate: Certificate;
  readonly nextMembers: readonly Member[];
}

interface EpochRecovery {
  readonly kind: "recovery";
  readonly epoch: number;
  readonly baseEpoch: number;
  readonly height: number;
  readonly headerDigest: Uint8Array;
  readonly batches: Uint8Array[];
  readonly signatures: Signatures;
}

type EpochLink = EpochEnd | EpochRecovery;

// Who decides in `epoch`, and the last block that is known to count before more is shown.
interface EpochStart {
  readonly epoch: number;
  readonly members: readonly Member[];
  readonly baseEpoch: number;
  readonly baseHeight: number;
  // null: unknown, as at genesis.
  readonly baseDigest: Uint8Array | null;
}

// The three names stand in all evidence under a header.
export interface Placed {
  readonly header: JsonValue;
  readonly certificate: JsonValue;
  readonly epochs: JsonValue;
}

export function verifyPlacedHeader(
  placed: Placed,
  trust: Trust,
  isPinned = true,
): CertifiedHeader {
  const links = asArray(placed.epochs, CHECK, { max: LINKS_MAX });
  const reached = follow(links, trust);
  const found = verifyHeader(placed.header, placed.certificate, reached, isPinned);
  const { epoch } = found.header.head;
  if (epoch !== links.length) throw invalid(CHECK, `${epoch} links`, `${links.length} links`);
  return found;
}

// The trust that `links` lead to from this one.
function follow(links: readonly JsonValue[], trust: Trust): Trust {
  const read = links.map((one) => readLink(one, trust));
  if (read.some((link, at) => link.epoch !== at)) {
    const actual = `[${read.slice(0, 16).map((link) => link.epoch).join(", ")}]`;
    throw invalid(CHECK, "one link an epoch, from 0 in order", actual);
  }
  const first = Math.min(...trust.epochs.keys());
  if (read.length < first) return trust;
  requireArrival(read[first - 1], trust, first);
  return followed(read.slice(first), trust, first);
}

// Links before trust begins must lead to where it begins.
function requireArrival(last: EpochLink | undefined, trust: Trust, first: number): void {
  if (last === undefined) return;
  const pinned = trust.checkpoint.height;
  if (last.height >= pinned) {
    throw invalid(CHECK, `an end below the pinned height ${pinned}`, `${last.height}`);
  }
  if (last.kind === "end") requireMembers(last.nextMembers, trust.epochs.get(first)!, first);
}

function followed(links: readonly EpochLink[], trust: Trust, first: number): Trust {
  const [epochs, ends] = [new Map(trust.epochs), new Map(trust.ends)];
  let start: EpochStart = {
    epoch: first,
    members: epochs.get(first)!,
    baseEpoch: first,
    baseHeight: trust.checkpoint.height,
    baseDigest: trust.checkpoint.headerDigest,
  };
  for (const link of links) {
    start = refusedAs("invalid", CHECK, () => afterLink(start, link, trust));
    const known = ends.get(link.epoch) ?? link.height;
    ends.set(link.epoch, known);
    if (known !== link.height) {
      throw invalid(CHECK, `epoch ${link.epoch} to end at height ${known}`, `${link.height}`);
    }
    const members = epochs.get(start.epoch) ?? start.members;
    epochs.set(start.epoch, members);
    requireMembers(start.members, members, start.epoch);
  }
  return { ...trust, epochs, ends };
}

function afterLink(start: EpochStart, link: EpochLink, trust: Trust): EpochStart {
  requireSame("epoch", `${start.epoch}`, `${link.epoch}`);
  return link.kind === "end" ? afterEnd(start, link, trust) : afterRecovery(start, link, trust);
}

function afterEnd(start: EpochStart, end: EpochEnd, trust: Trust): EpochStart {
  const digest = headerDigest(trust.suite.digest, end.header);
  requirePlace(start, end.epoch, end.height, digest);
  const { rest } = end.header;
  requireDigest("members digest", start.epoch, start.members, rest[REST.membersDigest]!, trust);
  requireCertificate(end.header, end.certificate, start.members, trust);
  const epoch = start.epoch + 1;
  const next = rest[REST.nextMembersDigest]!;
  requireDigest("next members digest", epoch, end.nextMembers, next, trust);
  return {
    epoch,
    members: end.nextMembers,
    baseEpoch: end.epoch,
    baseHeight: end.height,
    baseDigest: digest,
  };
}

function afterRecovery(start: EpochStart, record: EpochRecovery, trust: Trust): EpochStart {
  requirePlace(start, record.baseEpoch, record.height, record.headerDigest);
  const epoch = start.epoch + 1;
  const content = encode([
    "kun.recovery", 1, trust.chainId, record.epoch, epoch, record.baseEpoch, record.height,
    record.headerDigest, record.batches, membersDigest(trust.suite.digest, epoch, start.members),
  ]);
  requireQuorum("recovery", record.signatures, content, start.members, trust);
  return {
    epoch,
    members: start.members,
    baseEpoch: record.baseEpoch,
    baseHeight: record.height,
    baseDigest: record.headerDigest,
  };
}

// Refuse an end that lies before, or contradicts, the last block that is known to count.
function requirePlace(start: EpochStart, epoch: number, height: number, digest: Uint8Array): void {
  if (!admits(start, epoch, height)) {
    const expected = `a block after height ${start.baseHeight} of epoch ${start.baseEpoch}`;
    throw new Malformed("epoch end", expected, `height ${height} of epoch ${epoch}`);
  }
  const known = start.baseDigest;
  if (height === start.baseHeight && known !== null && !equal(known, digest)) {
    throw new Malformed("epoch end", toHex(known), toHex(digest));
  }
}

function admits(start: EpochStart, epoch: number, height: number): boolean {
  const isAbove = epoch === start.epoch && height > start.baseHeight;
  return isAbove || (epoch === start.baseEpoch && height === start.baseHeight);
}

function requireDigest(
  what: string,
  epoch: number,
  members: readonly Member[],
  expected: Uint8Array,
  trust: Trust,
): void {
  requireSame(what, toHex(expected), toHex(membersDigest(trust.suite.digest, epoch, members)));
}

function requireMembers(
  shown: readonly Member[],
  known: readonly Member[],
  epoch: number,
): void {
  if (!areSame(shown, known)) throw invalid(CHECK, `the known members of epoch ${epoch}`, "others");
}

function readLink(value: JsonValue, trust: Trust): EpochLink {
  if (asObject(value, CHECK).has("recovery")) {
    return readRecovery(asFields(value, CHECK, ["recovery"]).recovery, trust);
  }
  const fields = asFields(value, CHECK, ["header", "certificate", "members"]);
  const header = readHeader(fields.header);
  return {
    kind: "end",
    epoch: header.head.epoch,
    height: header.head.height,
    header,
    certificate: readCertificate(fields.certificate),
    nextMembers: readMembers(trust.suite, fields.members),
  };
}

function readRecovery(value: JsonValue, trust: Trust): EpochRecovery {
  const fields = asFields(value, "recovery", [
    "epoch", "base_epoch", "height", "header_digest", "batches", "signatures",
  ]);
  const max = 2 * trust.parameters.window;
  return {
    kind: "recovery",
    epoch: asInteger(fields.epoch, "epoch"),
    baseEpoch: asInteger(fields.base_epoch, "base_epoch"),
    height: asInteger(fields.height, "height"),
    headerDigest: asHex(fields.header_digest, "header_digest", 32),
    batches: asArray(fields.batches, "batches", { max }).map((one) => asHex(one, "batches", 32)),
    signatures: readSignatures(fields.signatures),
  };
}
