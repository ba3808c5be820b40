/** One slice of a layer as a picture: colours with alpha 0 where there is nothing. */

import type { DrawnLayer, LayerArray } from "./layers";
import { isOpaque, shade, table } from "./palettes";

/** A map is made finer up to this many columns before it is coloured. */
const FINE_COLUMNS = 512;
const MOST_FINER = 4;

/**
 * Draw slice `index`; maps are interpolated in their values, not in their colours, up to about
 * `columns` columns.
 */
export function sliceCanvas(
  layer: DrawnLayer,
  array: LayerArray,
  index: number,
  columns = FINE_COLUMNS,
): HTMLCanvasElement {
  const wanted = layer.kind === "map" ? Math.ceil(columns / array.columns) : 1;
  const finer = Math.max(1, Math.min(MOST_FINER, wanted));
  const canvas = document.createElement("canvas");
  canvas.width = array.columns * finer;
  canvas.height = array.rows * finer;
  const image = new ImageData(canvas.width, canvas.height);
  const values = array.values.subarray(index * array.stride, (index + 1) * array.stride);
  if (layer.kind === "mask") paintMask(layer, values, image.data);
  else if (layer.kind === "map") paintMap(layer, values, array, finer, image);
  else paintPicture(values, image.data);
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}

type Values = LayerArray["values"];

function paintMask(layer: DrawnLayer, values: Values, pixels: Uint8ClampedArray): void {
  const colours = coloursOf(layer);
  for (let i = 0; i < values.length; i++) {
    const number = values[i]!;
    if (number === 0) continue;
    const [red, green, blue] = colours[number] ?? FALLBACK;
    pixels[4 * i] = red;
    pixels[4 * i + 1] = green;
    pixels[4 * i + 2] = blue;
    pixels[4 * i + 3] = 255;
  }
}

function paintPicture(values: Values, pixels: Uint8ClampedArray): void {
  for (let i = 0, from = 0; from < values.length; i += 4, from += 3) {
    pixels[i] = values[from]!;
    pixels[i + 1] = values[from + 1]!;
    pixels[i + 2] = values[from + 2]!;
    pixels[i + 3] = 255;
  }
}

function paintMap(
  layer: DrawnLayer,
  values: Values,
  { rows, columns }: LayerArray,
  finer: number,
  image: ImageData,
): void {
  const colours = table(layer.palette);
  const pixels = image.data;
  const isPicture = isOpaque(layer.palette);
  for (let y = 0; y < image.height; y++) {
    const atY = (y + 0.5) / finer - 0.5;
    for (let x = 0; x < image.width; x++) {
      const value = between(values, rows, columns, (x + 0.5) / finer - 0.5, atY);
      const to = 4 * (y * image.width + x);
      if (isPicture) pixels[to + 3] = 255;
      if (Number.isNaN(value)) continue;
      const from = 3 * shade(value, layer.range);
      pixels[to] = colours[from]!;
      pixels[to + 1] = colours[from + 1]!;
      pixels[to + 2] = colours[from + 2]!;
      pixels[to + 3] = 255;
    }
  }
}

/** Linear between valid neighbours; NaN where the nearest pixel is not valid (0 or not finite). */
function between(values: Values, rows: number, columns: number, x: number, y: number): number {
  const nearX = clamp(Math.round(x), columns);
  const nearY = clamp(Math.round(y), rows);
  const nearest = values[nearY * columns + nearX]!;
  if (!isValid(nearest)) return NaN;
  const [left, top] = [Math.floor(x), Math.floor(y)];
  let sum = 0;
  let weights = 0;
  for (let dy = 0; dy < 2; dy++)
    for (let dx = 0; dx < 2; dx++) {
      const value = values[clamp(top + dy, rows) * columns + clamp(left + dx, columns)]!;
      if (!isValid(value)) continue;
      const weight = (dx ? x - left : 1 - x + left) * (dy ? y - top : 1 - y + top);
      sum += weight * value;
      weights += weight;
    }
  return weights > 0 ? sum / weights : nearest;
}

const FALLBACK: readonly [number, number, number] = [255, 0, 255];
const clamp = (value: number, size: number): number => Math.max(0, Math.min(size - 1, value));
const isValid = (value: number): boolean => value !== 0 && Number.isFinite(value);

/** Colours by segment number. */
export function coloursOf(layer: DrawnLayer): (readonly [number, number, number])[] {
  const colours: (readonly [number, number, number])[] = [];
  for (const segment of layer.segments) colours[segment.number] = segment.colour;
  return colours;
}

/** The borders of each segment on a slice, in pixel corners. */
export function outlines(array: LayerArray, index: number): Map<number, Path2D> {
  const { rows, columns, stride } = array;
  const values = array.values.subarray(index * stride, (index + 1) * stride);
  const paths = new Map<number, Path2D>();
  const path = (number: number): Path2D => {
    let found = paths.get(number);
    if (!found) paths.set(number, (found = new Path2D()));
    return found;
  };
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= columns || y >= rows ? 0 : values[y * columns + x]!;
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const number = values[y * columns + x]!;
      if (number === 0) continue;
      if (at(x - 1, y) !== number) edge(path(number), x, y, x, y + 1);
      if (at(x + 1, y) !== number) edge(path(number), x + 1, y, x + 1, y + 1);
      if (at(x, y - 1) !== number) edge(path(number), x, y, x + 1, y);
      if (at(x, y + 1) !== number) edge(path(number), x, y + 1, x + 1, y + 1);
    }
  return paths;
}

function edge(path: Path2D, x0: number, y0: number, x1: number, y1: number): void {
  path.moveTo(x0, y0);
  path.lineTo(x1, y1);
}
