// A proven record as the search page lists it: for people, and for filters and rules.

import { readableEntry, type ReadableEntry } from "../verify/readable";
import type { TrailRow } from "../verify/trail";
import { type AuditRow, auditRow } from "./audit_row";

export interface Listed {
  readonly row: AuditRow;
  readonly readable: ReadableEntry;
}

export function listed(found: TrailRow): Listed {
  return { row: auditRow(found), readable: readableEntry(found.entry, found.call) };
}
