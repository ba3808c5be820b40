/** Colours of maps: the same in the image, its legend and its thumbnails. */

import type { Text } from "./i18n";

export type Rgb = readonly [number, number, number];

const HOT: readonly Rgb[] = [[0, 0, 0], [170, 0, 0], [255, 90, 0], [255, 200, 0], [255, 255, 230]];
const STOPS: Readonly<Record<string, readonly Rgb[]>> = {
  hot: HOT,
  "hot iron": HOT,
  rainbow: [[40, 20, 120], [20, 90, 230], [0, 190, 200], [60, 200, 60], [240, 220, 40], [235, 60, 30]],
  viridis: [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]],
  cold: [[255, 255, 235], [120, 210, 240], [30, 110, 210], [40, 20, 110], [10, 0, 30]],
  diverging: [[30, 70, 200], [140, 180, 250], [240, 240, 240], [250, 160, 120], [190, 20, 40]],
  grey: [[0, 0, 0], [255, 255, 255]],
};

const SIZE = 256;
const tables = new Map<string, Uint8Array>();

const stopsOf = (palette: string): readonly Rgb[] => STOPS[palette] ?? HOT;

/** 256 × RGB, straight lines between the stops. */
export function table(palette: string): Uint8Array {
  const known = tables.get(palette);
  if (known) return known;
  const stops = stopsOf(palette);
  const made = new Uint8Array(SIZE * 3);
  for (let i = 0; i < SIZE; i++) {
    const at = (i / (SIZE - 1)) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c++) {
      const [a, b] = [stops[low]![c]!, stops[low + 1]![c]!];
      made[3 * i + c] = Math.round(a + (b - a) * (at - low));
    }
  }
  tables.set(palette, made);
  return made;
}

/** The same colours as a CSS gradient from left to right. */
export function gradient(palette: string): string {
  return `linear-gradient(to right, ${stopsOf(palette).map(css).join(", ")})`;
}

/** A grey map is a picture of its own: what it leaves out is black, not the image below. */
export const isOpaque = (palette: string): boolean => palette === "grey";

export const css = (colour: Rgb): string => `rgb(${colour.join(" ")})`;

/** Index into the table for `value` in `range`. */
export function shade(value: number, [low, high]: readonly [number, number]): number {
  const share = (value - low) / (high - low || 1);
  return share <= 0 ? 0 : share >= 1 ? SIZE - 1 : Math.round(share * (SIZE - 1));
}

/** What a mask's number stands for. */
export interface Segment {
  number: number;
  label: Text;
  colour: Rgb;
}
