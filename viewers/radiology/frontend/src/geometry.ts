/** Planes, stacks and their honesty: pure arithmetic on patient millimetres. */

import type { Vector } from "./types";
import { cross, distance, dot, scale, subtract, unit } from "./vectors";

/** Where one frame lies (PS3.3 C.7.6.2): `origin` is the centre of its first pixel. */
export interface Plane {
  origin: Vector;
  /** Along a row, to the right on the screen. */
  row: Vector;
  /** Down a column. */
  column: Vector;
  /** Between columns, along `row`. */
  columnSpacing: number;
  /** Between rows, along `column`. */
  rowSpacing: number;
  columns: number;
  rows: number;
  thickness: number | null;
}

export const normal = (plane: Plane): Vector => unit(cross(plane.row, plane.column));

/** The patient position of a continuous pixel index (0, 0 is the centre of the first pixel). */
export function atPixel(plane: Plane, x: number, y: number): Vector {
  const { origin, row, column, columnSpacing, rowSpacing } = plane;
  return [0, 1, 2].map(
    (i) => origin[i]! + row[i]! * x * columnSpacing + column[i]! * y * rowSpacing,
  ) as unknown as Vector;
}

/** The continuous pixel index (x, y) of a patient position, projected on the plane. */
export function toPixel(plane: Plane, point: Vector): [number, number] {
  const from = subtract(point, plane.origin);
  return [dot(from, plane.row) / plane.columnSpacing, dot(from, plane.column) / plane.rowSpacing];
}

// Below this share of a unit vector (15°) an axis is not worth a letter of its own.
const LETTER_SHARE = 0.2588;

/** Letters of the side a direction points to (PS3.3 C.7.6.1.1.1): "L", or "PF" when oblique. */
export function letters(direction: Vector): string {
  const names = [
    ["R", "L"],
    ["A", "P"],
    ["F", "H"],
  ] as const;
  return [0, 1, 2]
    .filter((axis) => Math.abs(direction[axis]!) > LETTER_SHARE)
    .sort((a, b) => Math.abs(direction[b]!) - Math.abs(direction[a]!))
    .map((axis) => names[axis]![direction[axis]! > 0 ? 1 : 0])
    .join("");
}

/** Why a stack cannot be reformatted at all. */
export type Refusal =
  | "too_few"
  | "no_geometry"
  | "mixed_planes"
  | "same_position"
  | "colour"
  | "no_gpu"
  | "too_large";

export interface Stack {
  /** Index into the frames, ordered by rising position along `normal`. */
  order: number[];
  /** Position of each of `order` along `normal`, rising. */
  positions: number[];
  /** In-plane offset of each of `order` against the first, along row and column, in mm. */
  offsets: [number, number][];
  normal: Vector;
  /** Mean step along the normal. */
  step: number;
  isSheared: boolean;
  isUneven: boolean;
  /** Indices i where slices i and i+1 leave tissue between them that no slice covers. */
  gaps: number[];
  /** Angle between the normal and the direction the table moved, degrees. */
  tilt: number;
}

/** Read a stack's geometry, or say why it has none to reformat. */
export function readStack(planes: readonly (Plane | null)[]): Stack | Refusal {
  if (planes.length < 3) return "too_few";
  if (planes.some((plane) => plane === null)) return "no_geometry";
  const known = planes as readonly Plane[];
  const first = known[0]!;
  const alike = known.every(
    (plane) =>
      dot(plane.row, first.row) > 1 - 1e-5 &&
      dot(plane.column, first.column) > 1 - 1e-5 &&
      plane.rows === first.rows &&
      plane.columns === first.columns &&
      Math.abs(plane.rowSpacing - first.rowSpacing) < 1e-4 &&
      Math.abs(plane.columnSpacing - first.columnSpacing) < 1e-4,
  );
  if (!alike) return "mixed_planes";
  const axis = normal(first);
  const position = known.map((plane) => dot(plane.origin, axis));
  const order = known.map((_, i) => i).sort((a, b) => position[a]! - position[b]!);
  const positions = order.map((i) => position[i]!);
  const steps = positions.slice(1).map((value, i) => value - positions[i]!);
  if (steps.some((step) => step < 0.01)) return "same_position";
  const base = known[order[0]!]!.origin;
  const offsets = order.map((i): [number, number] => {
    const from = subtract(known[i]!.origin, base);
    return [dot(from, first.row), dot(from, first.column)];
  });
  const step = (positions.at(-1)! - positions[0]!) / steps.length;
  const spread = (axisIndex: 0 | 1): number => {
    const values = offsets.map((offset) => offset[axisIndex]);
    return Math.max(...values) - Math.min(...values);
  };
  const unevenBy = Math.max(...positions.map((p, i) => Math.abs(p - positions[0]! - i * step)));
  const travel = subtract(known[order.at(-1)!]!.origin, base);
  const cosine = dot(travel, axis) / distance(travel, [0, 0, 0]);
  return {
    order,
    positions,
    offsets,
    normal: axis,
    step,
    // Half a pixel over the whole stack is below what a reader or a measurement can see.
    isSheared: spread(0) > first.columnSpacing / 2 || spread(1) > first.rowSpacing / 2,
    isUneven: unevenBy > Math.max(0.02, 0.05 * step),
    gaps: gapsBetween(order.map((i) => known[i]!.thickness), steps),
    tilt: (Math.acos(Math.min(1, cosine)) * 180) / Math.PI,
  };
}

/** A gap is more than half a slice of tissue that no slice covers. */
function gapsBetween(thickness: readonly (number | null)[], steps: readonly number[]): number[] {
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)]!;
  return steps.flatMap((step, i) => {
    const covered = ((thickness[i] ?? usual) + (thickness[i + 1] ?? usual)) / 2;
    return step > 1.5 * covered ? [i] : [];
  });
}

export type PlaneName = "axial" | "coronal" | "sagittal";

export interface View {
  name: PlaneName;
  /** Towards the reader, as Cornerstone wants it. */
  viewPlaneNormal: Vector;
  viewUp: Vector;
}

const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/**
 * The three planes of a volume with these axes, each hung the radiological way: axial seen from
 * the feet, coronal from the front, sagittal from the left.
 *
 * They follow the volume's own axes (on a tilted head the reader sees the slices as acquired),
 * and are named after the nearest planes of the patient.
 */
export function viewsOf(row: Vector, column: Vector, axis: Vector): View[] {
  const axes = [row, column, axis];
  const likeness = (order: readonly number[]): number =>
    order.reduce((sum, of, i) => sum + Math.abs(axes[of]![i]!), 0);
  const best = ORDERS.reduce((a, b) => (likeness(b) > likeness(a) ? b : a));
  const [left, back, head] = best.map((of, i) =>
    axes[of]![i]! < 0 ? scale(axes[of]!, -1) : axes[of]!,
  ) as [Vector, Vector, Vector];
  return [
    { name: "axial", viewPlaneNormal: scale(head, -1), viewUp: scale(back, -1) },
    { name: "coronal", viewPlaneNormal: scale(back, -1), viewUp: head },
    { name: "sagittal", viewPlaneNormal: left, viewUp: head },
  ];
}

/** The name of the patient plane nearest to one with this normal. */
export function planeName(axis: Vector): PlaneName {
  const [x, y, z] = axis.map(Math.abs) as [number, number, number];
  if (z >= x && z >= y) return "axial";
  return y >= x ? "coronal" : "sagittal";
}
