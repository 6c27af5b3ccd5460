// Evidence that one log continues another: what was recorded earlier is still there, unchanged
// (RFC 9162 §2.1.4). As chainnode/verify/consistency.py.

import { verifyPlacedHeader } from "./epochs";
import { invalid, refusedAs } from "./errors";
import { openEnvelope, readPath } from "./evidence";
import { type CertifiedHeader, requireEqual, requireWithinEpoch } from "./header";
import { REST } from "./ledger";
import { verifyConsistency as verifyTrees } from "./merkle";
import { asFields, type JsonValue } from "./strict_json";
import type { Trust } from "./trust";

export interface ConsistencyFacts {
  readonly kind: "consistency";
  readonly header: CertifiedHeader;
  readonly older: CertifiedHeader;
}

export function verifyConsistency(evidence: JsonValue, trust: Trust): ConsistencyFacts {
  const { fields, header } = openEnvelope(evidence, trust, "consistency", 2, ["older", "path"]);
  const shown = asFields(fields.older, "older", ["header", "certificate", "epochs"]);
  // The older one may lie below the pinned block.
  const older = verifyPlacedHeader(shown, trust, false);
  const [before, now] = [older.header, header.header];
  // What led to the newer header may tell where the epoch of the older one ended.
  requireWithinEpoch(before.head.epoch, before.head.height, header.trust);
  if (before.head.height > now.head.height) {
    throw invalid("older", `height ≤ ${now.head.height}`, `${before.head.height}`);
  }
  if (before.head.height === now.head.height) requireEqual("older", header.digest, older.digest);
  refusedAs("invalid", "consistency", () =>
    verifyTrees(trust.suite.digest, {
      oldSize: before.head.logSize,
      newSize: now.head.logSize,
      oldRoot: before.rest[REST.logRoot]!,
      newRoot: now.rest[REST.logRoot]!,
      path: readPath(fields.path),
    }),
  );
  return { kind: "consistency", header, older };
}
