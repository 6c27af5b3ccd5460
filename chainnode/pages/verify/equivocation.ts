// Proof that a replica contradicted itself: two messages, one slot, both under its signature.
// No header and no quorum; the member's vote key alone decides. As chainnode/verify/equivocation.py.

import { equal } from "./bytes";
import { invalid, refusedAs } from "./errors";
import { openForm } from "./evidence";
import { readMessage, type SignedMessage } from "./messages";
import { decode } from "./messagepack";
import { asBase64, asInteger, type JsonValue } from "./strict_json";
import type { Trust } from "./trust";

const MESSAGE_BYTES_MAX = 3 * 512 * 1024 - 1024;
const LIMITS = { bytes: MESSAGE_BYTES_MAX, depth: 10, elements: 262_144 };

export interface EquivocationFacts {
  readonly kind: "equivocation";
  readonly replicaId: number;
  readonly organisation: string;
  readonly slot: readonly (string | number)[];
}

export function verifyEquivocation(evidence: JsonValue, trust: Trust): EquivocationFacts {
  const names = [
    "format", "version", "kind", "chain_id", "suite", "epoch", "replica_id", "first", "second",
  ] as const;
  const fields = openForm(evidence, trust, "equivocation", 1, names);
  const epoch = asInteger(fields.epoch, "epoch");
  const replicaId = asInteger(fields.replica_id, "replica_id");
  const first = message(fields.first, "first");
  const second = message(fields.second, "second");
  if (String(fields.first) > String(fields.second)) {
    throw invalid("order", "the lesser one first", "the greater");
  }
  for (const one of [first, second]) {
    if (one.epoch !== epoch || one.sender !== replicaId) {
      const expected = `replica ${replicaId} of epoch ${epoch}`;
      throw invalid("sender", expected, `replica ${one.sender} of epoch ${one.epoch}`);
    }
  }
  const slot = contradictedSlot(first, second);
  const organisation = requireSignatures(first, second, trust);
  return { kind: "equivocation", replicaId, organisation, slot };
}

function message(value: JsonValue, name: string): SignedMessage {
  const data = asBase64(value, name, { max: MESSAGE_BYTES_MAX });
  return refusedAs("unreadable", name, () => readMessage(decode(data, LIMITS)));
}

function contradictedSlot(
  first: SignedMessage,
  second: SignedMessage,
): readonly (string | number)[] {
  const { slot } = first;
  if (slot === null || slot.join() !== second.slot?.join()) {
    throw invalid(
      "slot",
      "two messages that may be signed only once together",
      `${slot?.join(" ") ?? "no promise"} and ${second.slot?.join(" ") ?? "no promise"}`,
    );
  }
  return slot;
}

function requireSignatures(first: SignedMessage, second: SignedMessage, trust: Trust): string {
  const { epoch, sender } = first;
  const member = trust.epochs.get(epoch)?.[sender];
  if (member === undefined) {
    throw invalid("member", "a replica of a trusted epoch", `replica ${sender} of epoch ${epoch}`);
  }
  const contents = [first.content(trust.chainId), second.content(trust.chainId)] as const;
  if (equal(...contents)) throw invalid("slot", "two contents", "the same one twice");
  [first, second].forEach((one, at) => {
    if (!trust.suite.verify(member.voteKey, one.signature, contents[at]!)) {
      throw invalid("signature", `a signature of replica ${sender}`, "one that does not verify");
    }
  });
  return member.organisation;
}
