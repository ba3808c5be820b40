/** A volume in which a straight line is straight: un-sheared, evenly spaced, gaps left black. */

import type { Plane, Stack } from "./geometry";
import type { Vector } from "./types";
import { along } from "./vectors";

export interface Grid {
  /** Columns, rows, slices. */
  dimensions: [number, number, number];
  spacing: [number, number, number];
  /** Centre of the first voxel. */
  origin: Vector;
  row: Vector;
  column: Vector;
  axis: Vector;
  isResampled: boolean;
}

export type Voxels = Int16Array | Float32Array;

// About 600 MB of 16-bit voxels; beyond it browsers refuse the texture or the tab.
const MOST_VOXELS = 300_000_000;

/** The lattice the corrected volume stands on; "too_large" when no sensible one fits. */
export function gridOf(planes: readonly Plane[], stack: Stack): Grid | "too_large" {
  const first = planes[stack.order[0]!]!;
  const { row, column, columnSpacing, rowSpacing } = first;
  const frame = { row, column, axis: stack.normal };
  const range = stack.positions.at(-1)! - stack.positions[0]!;
  if (!stack.isSheared && !stack.isUneven) {
    return fitting({
      ...frame,
      dimensions: [first.columns, first.rows, planes.length],
      spacing: [columnSpacing, rowSpacing, stack.step],
      origin: first.origin,
      isResampled: false,
    });
  }
  const least = (i: 0 | 1): number => Math.min(...stack.offsets.map((offset) => offset[i]));
  const most = (i: 0 | 1): number => Math.max(...stack.offsets.map((offset) => offset[i]));
  const step = stack.isUneven ? finestStep(stack) / 2 : stack.step;
  const slices = Math.round(range / step) + 1;
  return fitting({
    ...frame,
    dimensions: [
      first.columns + Math.ceil((most(0) - least(0)) / columnSpacing - 1e-6),
      first.rows + Math.ceil((most(1) - least(1)) / rowSpacing - 1e-6),
      slices,
    ],
    // The slices span exactly the stack, so that first and last keep their true position.
    spacing: [columnSpacing, rowSpacing, range / (slices - 1)],
    origin: along(first.origin, [row, least(0)], [column, least(1)]),
    isResampled: true,
  });
}

function fitting(grid: Grid): Grid | "too_large" {
  const [x, y, z] = grid.dimensions;
  return x * y * z <= MOST_VOXELS ? grid : "too_large";
}

/** The smallest step that is not a mere overlap of two blocks. */
function finestStep(stack: Stack): number {
  const steps = stack.positions.slice(1).map((p, i) => p - stack.positions[i]!);
  const usual = [...steps].sort((a, b) => a - b)[steps.length >> 1]!;
  return Math.min(...steps.filter((step) => step >= usual / 2));
}

/**
 * Fill the grid from the slices' values.
 *
 * @param slice values of slice `i` of `stack.order`, rows × columns
 * @param voxels zeroed array of the grid's size
 * @param outside value where nothing was measured
 * @param breathe awaited between slices, so that the page stays alive
 */
export async function fill(
  grid: Grid,
  planes: readonly Plane[],
  stack: Stack,
  slice: (i: number) => ArrayLike<number>,
  voxels: Voxels,
  outside: number,
  breathe: () => Promise<void>,
): Promise<void> {
  const [columns, rows, slices] = grid.dimensions;
  const size = columns * rows;
  const straight = new Map<number, Float32Array | ArrayLike<number>>();
  const aligned = (i: number): ArrayLike<number> => {
    let found = straight.get(i);
    if (!found) {
      found = align(grid, planes, stack, slice(i), i);
      for (const old of straight.keys()) if (old < i - 1) straight.delete(old);
      straight.set(i, found);
    }
    return found;
  };
  for (let k = 0; k < slices; k++) {
    const target = voxels.subarray(k * size, (k + 1) * size);
    if (!grid.isResampled) {
      target.set(slice(k));
    } else {
      const { below, share } = bracket(stack, stack.positions[0]! + k * grid.spacing[2]);
      const inGap = stack.gaps.includes(below) && isUncovered(planes, stack, below, share);
      if (inGap) target.fill(outside);
      else if (share < 1e-6) copy(aligned(below), target, outside);
      else blend(aligned(below), aligned(below + 1), share, target, outside);
    }
    if (k % 4 === 3) await breathe();
  }
}

function bracket(stack: Stack, position: number): { below: number; share: number } {
  const { positions } = stack;
  let below = 0;
  while (below < positions.length - 2 && positions[below + 1]! <= position) below++;
  const step = positions[below + 1]! - positions[below]!;
  const share = Math.min(1, Math.max(0, (position - positions[below]!) / step));
  return share > 1 - 1e-6 && below + 1 < positions.length - 1
    ? { below: below + 1, share: 0 }
    : { below, share };
}

/** Between two slices that leave a gap: outside the thickness of both. */
function isUncovered(planes: readonly Plane[], stack: Stack, below: number, share: number): boolean {
  const step = stack.positions[below + 1]! - stack.positions[below]!;
  const half = (i: number): number => (planes[stack.order[i]!]!.thickness ?? stack.step) / 2;
  return share * step > half(below) && (1 - share) * step > half(below + 1);
}

/** Slice `i` moved onto the grid's columns and rows; NaN where it has no pixel. */
function align(
  grid: Grid,
  planes: readonly Plane[],
  stack: Stack,
  source: ArrayLike<number>,
  i: number,
): ArrayLike<number> {
  const plane = planes[stack.order[i]!]!;
  const [columns, rows] = grid.dimensions;
  const least = (axis: 0 | 1): number => Math.min(...stack.offsets.map((offset) => offset[axis]));
  const shiftX = (stack.offsets[i]![0] - least(0)) / plane.columnSpacing;
  const shiftY = (stack.offsets[i]![1] - least(1)) / plane.rowSpacing;
  const result = new Float32Array(columns * rows).fill(NaN);
  const wholeX = Math.floor(shiftX);
  const wholeY = Math.floor(shiftY);
  const partX = shiftX - wholeX;
  const partY = shiftY - wholeY;
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= plane.columns || y >= plane.rows
      ? NaN
      : source[y * plane.columns + x]!;
  const mix = (a: number, b: number, part: number): number =>
    part < 1e-6 ? a : Number.isNaN(a) ? b : Number.isNaN(b) ? a : a + (b - a) * part;
  for (let y = 0; y < rows; y++) {
    const sourceY = y - wholeY;
    if (sourceY < 0 || sourceY > plane.rows) continue;
    for (let x = 0; x < columns; x++) {
      const sourceX = x - wholeX;
      if (sourceX < 0 || sourceX > plane.columns) continue;
      const here = mix(at(sourceX, sourceY), at(sourceX - 1, sourceY), partX);
      result[y * columns + x] =
        partY < 1e-6
          ? here
          : mix(here, mix(at(sourceX, sourceY - 1), at(sourceX - 1, sourceY - 1), partX), partY);
    }
  }
  return result;
}

function copy(source: ArrayLike<number>, target: Voxels, outside: number): void {
  for (let i = 0; i < target.length; i++) {
    const value = source[i]!;
    target[i] = Number.isNaN(value) ? outside : whole(value, target);
  }
}

function blend(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  share: number,
  target: Voxels,
  outside: number,
): void {
  for (let i = 0; i < target.length; i++) {
    const below = a[i]!;
    const above = b[i]!;
    // Where only one of two slices has a pixel the nearer one decides, tissue or nothing.
    const value =
      Number.isNaN(below) || Number.isNaN(above)
        ? share < 0.5
          ? below
          : above
        : below + (above - below) * share;
    target[i] = Number.isNaN(value) ? outside : whole(value, target);
  }
}

function whole(value: number, target: Voxels): number {
  return target instanceof Int16Array ? Math.round(value) : value;
}

/** The frame nearest to a point, and how far it is along the normal. */
export function nearestFrame(
  stack: Stack,
  point: Vector,
): { index: number; distance: number } {
  const axis = stack.normal;
  const position = axis[0] * point[0] + axis[1] * point[1] + axis[2] * point[2];
  let index = 0;
  let distance = Infinity;
  stack.order.forEach((of, i) => {
    const away = Math.abs(stack.positions[i]! - position);
    if (away < distance) {
      distance = away;
      index = of;
    }
  });
  return { index, distance };
}
