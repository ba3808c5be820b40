/** Window presets for CT, each on one key. Widths and levels in HU. */

import type { MessageKey } from "./messages";

export interface WindowPreset {
  key: string;
  name: MessageKey;
  width: number;
  centre: number;
}

export const WINDOWS: readonly WindowPreset[] = [
  { key: "1", name: "window_brain", width: 80, centre: 40 },
  // Narrow windows show early ischaemia (Lev 1999, doi:10.1148/radiology.213.1.r99oc10150).
  { key: "2", name: "window_stroke", width: 40, centre: 40 },
  { key: "3", name: "window_stroke_narrow", width: 8, centre: 32 },
  { key: "4", name: "window_subdural", width: 200, centre: 75 },
  { key: "5", name: "window_bone", width: 2800, centre: 600 },
  { key: "6", name: "window_soft", width: 400, centre: 40 },
  { key: "7", name: "window_lung", width: 1500, centre: -600 },
  { key: "8", name: "window_cta", width: 600, centre: 170 },
];

export interface Range {
  lower: number;
  upper: number;
}

/** The grey range of a linear window (PS3.3 C.11.2.1.2.1, without its half-unit offset). */
export function rangeOf(width: number, centre: number): Range {
  return { lower: centre - width / 2, upper: centre + width / 2 };
}

export function windowOf(range: Range): { width: number; centre: number } {
  return { width: range.upper - range.lower, centre: (range.upper + range.lower) / 2 };
}

export function presetOf(range: Range): WindowPreset | undefined {
  const { width, centre } = windowOf(range);
  return WINDOWS.find(
    (preset) => Math.abs(preset.width - width) < 0.01 && Math.abs(preset.centre - centre) < 0.01,
  );
}
