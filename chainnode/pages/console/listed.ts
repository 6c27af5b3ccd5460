// A proven record as the search page lists it: for people, and for filters and rules.

import { readableEntry, type ReadableEntry } from "../verify/readable";
import type { TrailRow } from "../verify/trail";
import { type AuditRow, auditRow } from "./audit_row";
import { type DisputeAct, disputeAct } from "./dispute_acts";

export interface Listed {
  readonly row: AuditRow;
  readonly readable: ReadableEntry;
  // null: no record of a dispute.
  readonly dispute: DisputeAct | null;
}

export function listed(found: TrailRow): Listed {
  return { row: auditRow(found), readable: readableEntry(found.entry, found.call), dispute: disputeAct(found) };
}
