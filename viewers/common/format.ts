/** Times and folded names as the hospitals of Vietnam use them, in either language. */

import type { Language } from "./host";

const ZONE = "Asia/Ho_Chi_Minh";
const FORMAT = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

function parts(when: string | number): Record<string, string> {
  const date = new Date(when);
  if (Number.isNaN(date.getTime())) return {};
  return Object.fromEntries(FORMAT.formatToParts(date).map((part) => [part.type, part.value]));
}

/** 23/11/2026 10:32 */
export function dateTime(when: string | number): string {
  const p = parts(when);
  return p.day ? `${p.day}/${p.month}/${p.year} ${p.hour}:${p.minute}` : "";
}

/** 10:32:05 */
export function clockTime(when: string | number): string {
  const p = parts(when);
  return p.day ? `${p.hour}:${p.minute}:${p.second}` : "";
}

/** A span without its sign: 12:05 (minutes), 3 giờ 20, 2 ngày. */
export function span(seconds: number, language: Language): string {
  const total = Math.floor(Math.abs(seconds));
  const pad = (value: number): string => String(value).padStart(2, "0");
  if (total < 3600) return `${pad(Math.floor(total / 60))}:${pad(total % 60)}`;
  if (total < 48 * 3600) {
    const minutes = pad(Math.floor((total % 3600) / 60));
    return `${Math.floor(total / 3600)} ${language === "vi" ? "giờ" : "h"} ${minutes}`;
  }
  return `${Math.floor(total / 86400)} ${language === "vi" ? "ngày" : "d"}`;
}

/** Lower case, no diacritics, đ as d: `nguyen` finds Nguyễn. The server's `fold` does the same. */
export function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{Mn}/gu, "").toLowerCase().replaceAll("đ", "d").normalize("NFC");
}
