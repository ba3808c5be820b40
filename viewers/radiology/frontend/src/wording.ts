/** Numbers in words: of marks, and of what was done to a stack. */

import type { Language } from "@common/host";
import { number, type Translate } from "@common/i18n";
import type { Refusal, Stack } from "./geometry";
import type { MessageKey } from "./messages";
import { HOUNSFIELD } from "./statistics";
import type { MarkContent, Measured } from "./types";

const UNITS: Record<string, string> = {
  mm: "mm",
  mm2: "mm²",
  deg: "°",
  [HOUNSFIELD]: "HU",
  "{pixel}": "px",
  "1": "",
};

function of(content: MarkContent, name: Measured["name"]): Measured | undefined {
  return content.measurements.find((measured) => measured.name === name);
}

function quantity(measured: Measured, decimals: number, language: Language): string {
  const unit = UNITS[measured.unit] ?? measured.unit;
  const space = unit === "°" || unit === "" ? "" : "\u00a0";
  return `${number(measured.value, decimals, language)}${space}${unit}`;
}

function area(measured: Measured, language: Language): string {
  return measured.unit === "mm2" && measured.value >= 1000
    ? `${number(measured.value / 100, 2, language)}\u00a0cm²`
    : quantity(measured, 1, language);
}

/** The lines beside a mark on the image. */
export function markLines(
  content: MarkContent,
  t: Translate<MessageKey>,
  language: Language,
): string[] {
  const length = of(content, "length");
  const angle = of(content, "angle");
  const value = of(content, "value");
  const size = of(content, "area");
  const mean = of(content, "mean");
  const sd = of(content, "standard_deviation");
  const least = of(content, "minimum");
  const most = of(content, "maximum");
  const made: string[] = [];
  if (length) made.push(quantity(length, 1, language));
  if (angle) made.push(quantity(angle, 1, language));
  if (value) made.push(quantity(value, decimalsOf(value.value), language));
  if (mean && sd) {
    const unit = UNITS[mean.unit] ?? "";
    made.push(
      `${t("mean")} ${number(mean.value, 1, language)} · ${t("sd")} ${number(sd.value, 1, language)} ${unit}`.trim(),
    );
  }
  if (least && most) {
    const ends = [least, most].map((end) => number(end.value, decimalsOf(end.value), language));
    made.push(ends.join("…"));
  }
  if (size) made.push(`${t("area")} ${area(size, language)}`);
  if (content.text && content.kind !== "arrow") made.push(content.text);
  return made;
}

/** One line for the list. */
export function shortValue(
  content: MarkContent,
  t: Translate<MessageKey>,
  language: Language,
): string {
  if (content.kind === "arrow") return content.text || t("mark_arrow");
  const mean = of(content, "mean");
  const size = of(content, "area");
  if (mean && size) {
    return `${quantity(mean, 1, language)} ± ${number(of(content, "standard_deviation")?.value ?? 0, 1, language)} · ${area(size, language)}`;
  }
  return markLines(content, t, language)[0] ?? t(`mark_${content.kind}`);
}

function decimalsOf(value: number): number {
  return Number.isInteger(value) ? 0 : 1;
}

/** What was done to a stack before it became planes; "" when nothing was. */
export function honestySentence(
  stack: Stack | Refusal,
  t: Translate<MessageKey>,
  language: Language,
): string {
  if (typeof stack === "string" || (!stack.isSheared && !stack.isUneven)) return "";
  const steps = stack.positions.slice(1).map((p, i) => p - stack.positions[i]!);
  const one = (value: number): string => number(value, 1, language);
  const values = {
    deg: one(stack.tilt),
    least: one(Math.min(...steps)),
    most: one(Math.max(...steps)),
  };
  const key = !stack.isUneven
    ? "resampled_tilt"
    : stack.isSheared
      ? "resampled_both"
      : "resampled_uneven";
  return t(key, values) + (stack.gaps.length ? t("gaps_black", { n: stack.gaps.length }) : "");
}
