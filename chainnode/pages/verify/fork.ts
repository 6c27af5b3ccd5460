// Proof that the chain forked: two certified headers of one epoch and height that differ. With at
// most f liars it cannot exist. As chainnode/verify/fork.py.

import { compare } from "./bytes";
import { verifyPlacedHeader } from "./epochs";
import { invalid } from "./errors";
import { openForm } from "./evidence";
import type { CertifiedHeader } from "./header";
import { asFields, type JsonValue } from "./strict_json";
import type { Trust } from "./trust";

export interface ForkFacts {
  readonly kind: "fork";
  readonly first: CertifiedHeader;
  readonly second: CertifiedHeader;
  // Replica ids of those who signed both headers, ascending.
  readonly onBothSides: readonly number[];
}

export function verifyFork(evidence: JsonValue, trust: Trust): ForkFacts {
  const names = [
    "format", "version", "kind", "chain_id", "suite", "epochs", "first", "second",
  ] as const;
  const fields = openForm(evidence, trust, "fork", 2, names);
  // What is pinned is one side at most, and older forks are proofs as well.
  const [first, second] = (["first", "second"] as const).map((side) => {
    const { header, certificate } = asFields(fields[side], side, ["header", "certificate"]);
    return verifyPlacedHeader({ header, certificate, epochs: fields.epochs }, trust, false);
  }) as [CertifiedHeader, CertifiedHeader];
  const [height, other] = [first.header.head.height, second.header.head.height];
  if (height !== other) throw invalid("height", `two headers of ${height}`, `${other}`);
  const order = compare(first.digest, second.digest);
  if (order >= 0) {
    const expected = "two headers, the lesser digest first";
    throw invalid("order", expected, order === 0 ? "one twice" : "the greater first");
  }
  const onBothSides = first.signers.filter((one) => second.signers.includes(one));
  return { kind: "fork", first, second, onBothSides };
}
