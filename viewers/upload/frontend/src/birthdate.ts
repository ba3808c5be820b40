/**
 * A date of birth as it is written in Vietnam.
 *
 * A browser's own date field follows the browser's language, not the page's: on an English Windows 3/4 would be the
 * fourth of March.
 */

const WRITTEN = /^(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})$|^(\d{2})(\d{2})(\d{4})$/;

/** yyyy-mm-dd of a day, month and year; "" for nothing, null for what is no day up to today. */
export function birthDate(typed: string): string | null {
  if (!typed) return "";
  const found = WRITTEN.exec(typed);
  if (!found) return null;
  const [day, month, year] = found.slice(1).filter(Boolean).map(Number) as [number, number, number];
  const date = new Date(Date.UTC(year, month - 1, day));
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isReal && year >= 1880 && date.getTime() <= Date.now() ? date.toISOString().slice(0, 10) : null;
}
