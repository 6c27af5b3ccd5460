// One door for evidence of any kind, for whoever has a file and knows nothing of it.

import { type CertificateFacts, verifyCertificate } from "./certificate";
import { type ConsistencyFacts, verifyConsistency } from "./consistency";
import { type DisclosureFacts, verifyDisclosure } from "./disclosure";
import { type EquivocationFacts, verifyEquivocation } from "./equivocation";
import { unreadable } from "./errors";
import { type ReceiptFacts, type StateFacts, verifyReceipt, verifyState } from "./evidence";
import { type ForkFacts, verifyFork } from "./fork";
import { type RecordFacts, verifyRecord } from "./record";
import { asObject, type JsonValue, shown } from "./strict_json";
import { type TrailFacts, verifyTrail } from "./trail";
import type { Trust } from "./trust";

export type Facts =
  | RecordFacts
  | ReceiptFacts
  | StateFacts
  | CertificateFacts
  | EquivocationFacts
  | TrailFacts
  | ConsistencyFacts
  | ForkFacts
  | DisclosureFacts;

export function verifyEvidence(evidence: JsonValue, trust: Trust): Facts {
  const kind = asObject(evidence, "evidence").get("kind") ?? null;
  switch (kind) {
    case "record": return verifyRecord(evidence, trust);
    case "receipt": return verifyReceipt(evidence, trust);
    case "state": return verifyState(evidence, trust);
    case "certificate": return verifyCertificate(evidence, trust);
    case "trail": return verifyTrail(evidence, trust);
    case "consistency": return verifyConsistency(evidence, trust);
    case "fork": return verifyFork(evidence, trust);
    case "disclosure": return verifyDisclosure(evidence, trust);
    case "equivocation": return verifyEquivocation(evidence, trust);
    default: throw unreadable("kind", "a known kind of evidence", shown(kind));
  }
}
