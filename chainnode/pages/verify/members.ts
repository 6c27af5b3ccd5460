// The members of an epoch as trust files and links between epochs write them.

import { equal, toHex } from "./bytes";
import { unreadable } from "./errors";
import type { Member } from "./ledger";
import { asArray, asBase64, asInteger, asText, type JsonValue } from "./strict_json";
import type { Suite } from "./suites";

export const REPLICAS_MIN = 4;
export const REPLICAS_MAX = 31;
export const ORGANISATION_ID = /^[A-Z0-9-]{2,32}$/;

export function readMembers(suite: Suite, value: JsonValue): Member[] {
  const members = asArray(value, "members", { max: REPLICAS_MAX }).map((row): Member => {
    const [replicaId, organisation, key] = asArray(row, "member", { max: 3, size: 3 });
    const member = {
      replicaId: asInteger(replicaId!, "replica id"),
      organisation: asText(organisation!, "organisation", 32),
      voteKey: asBase64(key!, "public key", { max: 64 }),
    };
    requireMember(suite, member);
    return member;
  });
  requireGroup(members);
  return members;
}

export function asOrganisation(value: JsonValue): string {
  const name = asText(value, "organisation", 32);
  if (!ORGANISATION_ID.test(name)) {
    throw unreadable("organisation", "2 to 32 of A–Z 0–9 -", `${name.length} characters`);
  }
  return name;
}

export function requireMember(suite: Suite, member: Member): void {
  asOrganisation(member.organisation);
  if (!suite.isKey(member.voteKey)) {
    const what = `key of replica ${member.replicaId}`;
    const actual = `${member.voteKey.length} other bytes`;
    throw unreadable(what, `a key of suite ${suite.name}`, actual);
  }
}

export function requireGroup(members: readonly Member[]): void {
  const areNumbered = members.every((one, at) => one.replicaId === at);
  const keys = new Set(members.map((one) => toHex(one.voteKey)));
  const isGroup = REPLICAS_MIN <= members.length && members.length <= REPLICAS_MAX;
  if (!isGroup || !areNumbered || keys.size !== members.length) {
    throw unreadable(
      "members",
      `at least ${REPLICAS_MIN}, numbered from 0 in order, distinct keys`,
      `${members.length} members, ${keys.size} keys`,
    );
  }
}

export function areSame(left: readonly Member[], right: readonly Member[]): boolean {
  return (
    left.length === right.length &&
    left.every((one, at) => {
      const other = right[at]!;
      return (
        one.replicaId === other.replicaId &&
        one.organisation === other.organisation &&
        equal(one.voteKey, other.voteKey)
      );
    })
  );
}
