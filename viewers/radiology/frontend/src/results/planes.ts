/** A layer on a reformatted plane: each screen pixel takes the nearest pixel of the nearest slice. */

import type { DrawnLayer, LayerArray } from "@common/layers";
import { isOpaque, shade, table } from "@common/palettes";
import { coloursOf } from "@common/slices";
import { normal, type Plane } from "../geometry";
import type { Vector } from "../types";
import { dot, subtract } from "../vectors";

/** Beyond the first and last slice, and over a gap, a slice reaches this far at most, mm. */
const MOST_REACH_MM = 5;
const PER_MM = 10;

interface Shelf {
  /** Slice for each tenth of a millimetre along the normal, −1 for none. */
  lookup: Int32Array;
  first: number;
}

const shelves = new WeakMap<readonly Plane[], Shelf>();

/** Slices of a tilted stack stay where they were scanned: each has an origin of its own. */
function shelf(planes: readonly Plane[]): Shelf {
  const known = shelves.get(planes);
  if (known) return known;
  const axis = normal(planes[0]!);
  const at = planes.map((plane) => dot(plane.origin, axis));
  const order = at.map((_, i) => i).sort((a, b) => at[a]! - at[b]!);
  const reach = (i: number, j: number): number => {
    const next = order[j];
    if (next === undefined) return Math.min(MOST_REACH_MM, (planes[order[i]!]!.thickness ?? 1) / 2);
    return Math.min(MOST_REACH_MM, Math.abs(at[next]! - at[order[i]!]!) / 2);
  };
  const first = at[order[0]!]! - MOST_REACH_MM;
  const last = at[order.at(-1)!]! + MOST_REACH_MM;
  const lookup = new Int32Array(Math.ceil((last - first) * PER_MM) + 1).fill(-1);
  order.forEach((slice, i) => {
    const from = Math.round((at[slice]! - reach(i, i - 1) - first) * PER_MM);
    const to = Math.round((at[slice]! + reach(i, i + 1) - first) * PER_MM);
    lookup.fill(slice, from, to + 1);
  });
  const made = { lookup, first };
  shelves.set(planes, made);
  return made;
}

export function paintPlane(
  layer: DrawnLayer,
  array: LayerArray,
  planes: readonly Plane[],
  width: number,
  height: number,
  world: (x: number, y: number) => Vector,
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  const { row, column, columnSpacing, rowSpacing } = planes[0]!;
  const axis = normal(planes[0]!);
  const { lookup, first } = shelf(planes);
  const start = world(0.5, 0.5);
  const right = subtract(world(1.5, 0.5), start);
  const down = subtract(world(0.5, 1.5), start);
  // Position, column and row of a screen pixel are straight lines in its x and y.
  const along = (direction: Vector): [number, number, number] => [
    dot(start, direction),
    dot(right, direction),
    dot(down, direction),
  ];
  const [s0, sx, sy] = along(axis);
  const [c0, cx, cy] = along(row);
  const [r0, rx, ry] = along(column);
  const originC = planes.map((plane) => dot(plane.origin, row));
  const originR = planes.map((plane) => dot(plane.origin, column));
  const paint = brush(layer, array);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const slice = lookup[Math.round((s0 + x * sx + y * sy - first) * PER_MM)] ?? -1;
      if (slice < 0) continue;
      const i = Math.round((c0 + x * cx + y * cy - originC[slice]!) / columnSpacing);
      const j = Math.round((r0 + x * rx + y * ry - originR[slice]!) / rowSpacing);
      if (i < 0 || j < 0 || i >= array.columns || j >= array.rows) continue;
      paint(slice, j * array.columns + i, image.data, 4 * (y * width + x));
    }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}

type Brush = (slice: number, pixel: number, pixels: Uint8ClampedArray, to: number) => void;

function brush(layer: DrawnLayer, { values, stride }: LayerArray): Brush {
  const put = (pixels: Uint8ClampedArray, to: number, from: ArrayLike<number>, at: number): void => {
    pixels[to] = from[at]!;
    pixels[to + 1] = from[at + 1]!;
    pixels[to + 2] = from[at + 2]!;
    pixels[to + 3] = 255;
  };
  if (layer.kind === "picture") {
    return (slice, pixel, pixels, to) => put(pixels, to, values, slice * stride + 3 * pixel);
  }
  if (layer.kind === "mask") {
    const colours = coloursOf(layer);
    return (slice, pixel, pixels, to) => {
      const number = values[slice * stride + pixel]!;
      if (number !== 0) put(pixels, to, colours[number] ?? [255, 0, 255], 0);
    };
  }
  const colours = table(layer.palette);
  const isPicture = isOpaque(layer.palette);
  return (slice, pixel, pixels, to) => {
    const value = values[slice * stride + pixel]!;
    if (isPicture) pixels[to + 3] = 255;
    if (value !== 0 && Number.isFinite(value)) put(pixels, to, colours, 3 * shade(value, layer.range));
  };
}
