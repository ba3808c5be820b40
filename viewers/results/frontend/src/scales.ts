/** The regions of ASPECTS and of its posterior-circulation sister, and their totals. */

import type { Text } from "@common/i18n";
import type { Read, RegionState, ScaleRegions, Side } from "./types";

export type ScaleKey = "aspects" | "pc_aspects";
export type LevelKey = "ganglionic" | "supraganglionic" | "posterior";

export interface Region {
  key: string;
  label: Text;
  points: number;
  sides: readonly Side[];
}

export interface Level {
  key: LevelKey;
  label: Text;
  regions: readonly Region[];
}

const BOTH: readonly Side[] = ["right", "left"];
const FULL = 10;

const both = (key: string, vi: string, en: string): Region => ({
  key,
  label: { vi, en },
  points: 1,
  sides: BOTH,
});
const middle = (key: string, vi: string, en: string): Region => ({
  key,
  label: { vi, en },
  points: 2,
  sides: ["midline"],
});

export const SCALES: Readonly<Record<ScaleKey, { title: string; levels: readonly Level[] }>> = {
  aspects: {
    title: "ASPECTS",
    levels: [
      {
        key: "ganglionic",
        label: { vi: "Tầng nhân nền", en: "Ganglionic level" },
        regions: [
          both("C", "C · nhân đuôi", "C · caudate"),
          both("L", "L · nhân bèo", "L · lentiform"),
          both("IC", "IC · bao trong", "IC · int. capsule"),
          both("I", "I · thùy đảo", "I · insula"),
          both("M1", "M1 · trước", "M1 · anterior"),
          both("M2", "M2 · bên", "M2 · lateral"),
          both("M3", "M3 · sau", "M3 · posterior"),
        ],
      },
      {
        key: "supraganglionic",
        label: { vi: "Tầng trên nhân nền", en: "Supraganglionic level" },
        regions: [
          both("M4", "M4 · trước", "M4 · anterior"),
          both("M5", "M5 · bên", "M5 · lateral"),
          both("M6", "M6 · sau", "M6 · posterior"),
        ],
      },
    ],
  },
  pc_aspects: {
    title: "pc-ASPECTS",
    levels: [
      {
        key: "posterior",
        label: { vi: "Tuần hoàn sau", en: "Posterior circulation" },
        regions: [
          both("thalamus", "Đồi thị", "Thalamus"),
          both("occipital", "Thùy chẩm", "Occipital lobe"),
          both("cerebellum", "Tiểu não", "Cerebellum"),
          middle("midbrain", "Trung não (2 điểm)", "Midbrain (2 points)"),
          middle("pons", "Cầu não (2 điểm)", "Pons (2 points)"),
        ],
      },
    ],
  },
};

export const STATES: readonly RegionState[] = ["normal", "early", "old", "not_assessable"];

/** All regions of a scale as normal. */
export function fresh(scale: ScaleKey): ScaleRegions {
  const regions: Partial<Record<Side, Record<string, RegionState>>> = {};
  for (const region of SCALES[scale].levels.flatMap((level) => level.regions)) {
    for (const side of region.sides) (regions[side] ??= {})[region.key] = "normal";
  }
  return regions;
}

/** [lowest, highest] total; the same twice when every region could be judged. */
export function total(scale: ScaleKey, regions: ScaleRegions, sides: readonly Side[]): [number, number] {
  let early = 0;
  let unknown = 0;
  for (const region of SCALES[scale].levels.flatMap((level) => level.regions))
    for (const side of region.sides) {
      if (!sides.includes(side)) continue;
      const state = regions[side]?.[region.key];
      if (state === "early") early += region.points;
      if (state === "not_assessable") unknown += region.points;
    }
  return [FULL - early - unknown, FULL - early];
}

export const totalWord = ([low, high]: readonly [number, number]): string =>
  low === high ? String(high) : `${low}–${high}`;

/** The totals of a read, as one says them: each side of ASPECTS, and pc-ASPECTS. */
export function totalsOf(read: Pick<Read, "regions">): { right?: string; left?: string; posterior?: string } {
  const { aspects, pc_aspects } = read.regions;
  return {
    ...(aspects && {
      right: totalWord(total("aspects", aspects, ["right"])),
      left: totalWord(total("aspects", aspects, ["left"])),
    }),
    ...(pc_aspects && {
      posterior: totalWord(total("pc_aspects", pc_aspects, ["right", "left", "midline"])),
    }),
  };
}
