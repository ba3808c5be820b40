/** Times, ages and numbers as people in Vietnam write them, in either language. */

import type { Language } from "./component";

const ZONE = "Asia/Ho_Chi_Minh";

function parts(iso: string): Record<string, string> {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  });
  return Object.fromEntries(format.formatToParts(new Date(iso)).map((p) => [p.type, p.value]));
}

/** 23/11/2026 10:32 */
export function dateTime(iso: string): string {
  const p = parts(iso);
  return `${p.day}/${p.month}/${p.year} ${p.hour}:${p.minute}`;
}

/** 10:32:05 */
export function clockTime(iso: string | number): string {
  const p = parts(new Date(iso).toISOString());
  return `${p.hour}:${p.minute}:${p.second}`;
}

/** 23,4 in Vietnamese, 23.4 in English. */
export function number(value: number, language: Language, digits = 1): string {
  return new Intl.NumberFormat(language === "vi" ? "vi-VN" : "en-GB", {
    maximumFractionDigits: digits,
  }).format(value);
}

/** Remaining or exceeded time: 12:05, 3 h 20, 2 d; the sign is said in words by the caller. */
export function duration(seconds: number, language: Language): string {
  const total = Math.abs(Math.trunc(seconds));
  const pad = (n: number): string => String(n).padStart(2, "0");
  if (total < 3600) return `${Math.floor(total / 60)}:${pad(total % 60)}`;
  const hour = language === "vi" ? "giờ" : "h";
  const day = language === "vi" ? "ngày" : "d";
  if (total < 48 * 3600) return `${Math.floor(total / 3600)} ${hour} ${pad(Math.floor((total % 3600) / 60))}`;
  return `${Math.floor(total / 86400)} ${day}`;
}

/** Lower case, no diacritics, đ as d: `nguyen` finds Nguyễn. The same as the server's `fold`. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase()
    .replaceAll("đ", "d")
    .normalize("NFC");
}
