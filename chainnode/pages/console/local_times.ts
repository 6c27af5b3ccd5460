// Days, hours and minutes of an instant in +08:00. A side may state any instant up to 2^53 − 1, which
// is beyond what Date can hold, so the calendar is computed. As chainnode/analysis/local_times.py.

const OFFSET_MS = 8 * 3_600_000;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
// Days from 0000-03-01, where an era of 400 years begins, to 1970-01-01.
const EPOCH_DAYS = 719_468;
const ERA_DAYS = 146_097;
const SATURDAY = 6;

function localDays(instantMs: number): number {
  return Math.floor(instantMs / DAY_MS) + Math.floor(((instantMs % DAY_MS) + OFFSET_MS) / DAY_MS);
}

export function minuteOfDay(instantMs: number): number {
  return Math.floor((((instantMs % DAY_MS) + OFFSET_MS) % DAY_MS) / MINUTE_MS);
}

// 1 is Monday, 7 is Sunday.
export function weekday(instantMs: number): number {
  return ((localDays(instantMs) + 3) % 7) + 1;
}

export function isWeekend(instantMs: number): boolean {
  return weekday(instantMs) >= SATURDAY;
}

// 2026-03-31.
export function dayText(instantMs: number): string {
  const days = localDays(instantMs) + EPOCH_DAYS;
  const [era, ofEra] = [Math.floor(days / ERA_DAYS), days % ERA_DAYS];
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1_460) + Math.floor(ofEra / 36_524) -
      Math.floor(ofEra / (ERA_DAYS - 1))) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const isNextYear = fromMarch >= 10;
  const month = fromMarch + 3 - (isNextYear ? 12 : 0);
  const year = 400 * era + yearOfEra + (isNextYear ? 1 : 0);
  return `${padded(year, 4)}-${padded(month)}-${padded(day)}`;
}

// 2026-03-31T09: the hour that begins.
export function hourText(instantMs: number): string {
  return `${dayText(instantMs)}T${padded(Math.floor(minuteOfDay(instantMs) / 60))}`;
}

// start ≤ minute < end, over midnight where the end is not after the start.
export function isWithinMinutes(minute: number, start: number, end: number): boolean {
  return start < end ? start <= minute && minute < end : minute >= start || minute < end;
}

// 08:30 in minutes.
export function minutesOf(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}

export function padded(number: number, size = 2): string {
  return `${number}`.padStart(size, "0");
}
