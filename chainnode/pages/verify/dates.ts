// Days as certificates write them, YYYYMMDD, in China's one time zone.

import { invalid } from "./errors";

export const DAY_MS = 86_400_000;
const ZONE_MS = 8 * 3_600_000;
const YEAR_MIN = 1800;

// The first millisecond of the day.
export function dayStartMs(date: number): number {
  const start = utcStartMs(date);
  if (start === null) throw invalid("date", "a day as YYYYMMDD", `${date}`);
  return start - ZONE_MS;
}

// Whether the chain takes it as a day of a certificate.
export function isDate(date: number): boolean {
  return date >= YEAR_MIN * 10_000 && utcStartMs(date) !== null;
}

function utcStartMs(date: number): number | null {
  const year = Math.floor(date / 10_000);
  const [month, day] = [Math.floor(date / 100) % 100, date % 100];
  const moment = new Date(0);
  moment.setUTCFullYear(year, month - 1, day);
  const isDay =
    1 <= year && year <= 9999 && moment.getUTCMonth() === month - 1 && moment.getUTCDate() === day;
  return isDay ? moment.getTime() : null;
}
