// Instants as the pages of a department show them.

import { localTime } from "../verify/verdict";

// To the second, in +08:00; the proof has it to the millisecond.
export function shortTime(instantMs: number): string {
  return localTime(instantMs).slice(0, 19).replace("T", " ");
}
