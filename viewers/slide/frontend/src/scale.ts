/** Magnification as at the microscope: 10 µm per screen pixel at 1×, so 40× shows 0.25 µm. */

import type { Language } from "@common/host";
import { number } from "@common/i18n";
import type { Slide } from "./types";

export const MAGNIFICATIONS = [1.25, 2.5, 5, 10, 20, 40] as const;

/** The deepest zoom: screen pixels per level-0 pixel. */
export const MOST_ZOOM = 2;

/** So much a level is stretched at most before the next larger one is drawn. */
const MOST_STRETCH = 1.6;
/** Of larger steps between levels: what is drawn must not be a hundred times what is seen. */
const LEAST_RATIO = 0.35;

const UM_PER_PIXEL_AT_1X = 10;

/** Micrometres per level-0 pixel; undefined when the slide does not tell. */
export function mppOf(slide: Slide): number | undefined {
  const mpp = slide.mpp && (slide.mpp[0] + slide.mpp[1]) / 2;
  return mpp && mpp > 0 ? mpp : undefined;
}

/** Magnification at which one level-0 pixel is one screen pixel. */
export function nativeOf(slide: Slide): number | undefined {
  const mpp = mppOf(slide);
  return mpp === undefined ? undefined : UM_PER_PIXEL_AT_1X / mpp;
}

/**
 * A level is drawn when its pixels are at least so large on the screen; else the next smaller one.
 * Scanners that keep every fourth level have 10× and 40×: what is seen at 20× is the latter, halved.
 */
export function leastPixelRatio({ levels }: Slide): number {
  const steps = levels.slice(1).map((level, at) => level.downsample[0] / levels[at]!.downsample[0]);
  return Math.max(LEAST_RATIO, MOST_STRETCH / Math.max(2, ...steps));
}

/** Beyond what the scanner saw: interpolated, says nothing new. */
export function isDigital(slide: Slide, magnification: number): boolean {
  const native = nativeOf(slide);
  // Scanners are a few per cent off their nominal objective.
  return native !== undefined && magnification > native * 1.08;
}

export function magnificationWords(value: number, language: Language): string {
  const decimals = value >= 10 ? (Math.abs(value - Math.round(value)) < 0.05 ? 0 : 1) : 2;
  const words = number(value, decimals, language);
  return `${decimals === 2 ? words.replace(/[.,]?0+$/, "") : words}×`;
}

/** A length in the unit people use for it: 340 nm is rare, 12,5 µm, 1,25 mm. */
export function lengthWords(mm: number, language: Language): string {
  const um = mm * 1000;
  if (um < 1000) return `${number(um, um < 100 ? 1 : 0, language)}\u00a0µm`;
  return `${number(mm, mm < 10 ? 3 : 2, language)}\u00a0mm`;
}

export function areaWords(mm2: number, language: Language): string {
  if (mm2 < 0.01) return `${number(mm2 * 1e6, mm2 < 1e-4 ? 1 : 0, language)}\u00a0µm²`;
  return `${number(mm2, mm2 < 10 ? 3 : 2, language)}\u00a0mm²`;
}

/** The longest round length that fits into `most` pixels, and its width in pixels. */
export function scaleBar(umPerPixel: number, most: number): { um: number; pixels: number } {
  const longest = umPerPixel * most;
  const power = 10 ** Math.floor(Math.log10(longest));
  const um = [5, 2, 1].map((step) => step * power).find((value) => value <= longest)!;
  return { um, pixels: um / umPerPixel };
}

export function scaleBarWords(um: number, language: Language): string {
  const mm = um >= 1000;
  const value = mm ? um / 1000 : um;
  return `${number(value, value < 1 ? 1 : 0, language)}\u00a0${mm ? "mm" : "µm"}`;
}
