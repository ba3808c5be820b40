/** Numbers and units as a doctor writes them. */

import type { Language } from "@common/host";
import { number, type Translate } from "@common/i18n";
import type { TextKey } from "./texts";
import type { Coded, Value } from "./types";

/** What every part of a card needs to write words. */
export interface Speech {
  t: Translate<TextKey>;
  language: Language;
}

const UNITS: Readonly<Record<string, string>> = {
  "[hnsf'U]": "HU",
  "1": "",
  "{ratio}": "",
  "{score}": "",
  ml: "mL",
  mL: "mL",
  cm3: "mL",
  "ml/(100.g)/min": "mL/100 g/min",
  "ml/(100.ml)/min": "mL/100 mL/min",
  "ml/(100.g)": "mL/100 g",
  deg: "°",
};

/** A UCUM code as people read it. */
export function unitWord(unit: Coded | null): string {
  if (!unit) return "";
  const known = UNITS[unit.value];
  return known ?? unit.value.replace(/\{[^}]*\}/g, "").replace("mm2", "mm²").replace("um", "µm");
}

/** A value with its digits, and never a negative nothing. */
const rounded = (value: number, digits: number, language: Language): string =>
  number(Number(value.toFixed(digits)) || 0, digits, language);

/** A score's bounds are its range when not all could be judged, no confidence interval. */
const isScore = (value: Value): boolean => value.unit.value === "{score}";

/** "12,5", a range "7–8", or the words why there is none. */
export function figure(value: Value, { t, language }: Speech): string {
  const word = (one: number): string => rounded(one, value.digits, language);
  if (isScore(value) && value.low !== null && value.high !== null && value.low !== value.high) {
    return `${word(value.low)}–${word(value.high)}`;
  }
  if (value.value !== null) return word(value.value);
  return value.note ? value.note[language] : t("not_measurable");
}

export function interval(value: Value, { t, language }: Speech): string {
  if (value.low === null || value.high === null || isScore(value)) return "";
  const word = (one: number): string => rounded(one, value.digits, language);
  return t("interval", { low: word(value.low), high: word(value.high) });
}

/** One decimal below ten when it has one. */
export const short = (value: number, language: Language): string =>
  number(value, value < 10 && value % 1 !== 0 ? 1 : 0, language);
