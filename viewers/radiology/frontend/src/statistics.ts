/** Numbers of a mark, from its points in millimetres and the pixels under it. */

import { atPixel, type Plane, toPixel } from "./geometry";
import type { MarkKind, Measured, Vector } from "./types";
import { cross, distance, dot, norm, scale, add, subtract } from "./vectors";

/** A lattice of values on a plane; `value` is undefined outside it. */
export interface Lattice {
  plane: Plane;
  value(x: number, y: number): number | undefined;
  /** UCUM unit of the values: `[hnsf'U]` for CT, `1` where the scale means nothing. */
  unit: string;
  /** False when the plane's "millimetres" are only pixels. */
  isCalibrated: boolean;
}

export const HOUNSFIELD = "[hnsf'U]";

/** All measurements of a mark. Colour images have lengths but no values (`lattice.value` is undefined). */
export function measure(
  kind: MarkKind,
  points: readonly Vector[],
  lattice: Lattice | null,
): Measured[] {
  const lengthUnit = lattice?.isCalibrated === false ? "{pixel}" : "mm";
  const areaUnit = lattice?.isCalibrated === false ? "{pixel}" : "mm2";
  switch (kind) {
    case "length":
      return [{ name: "length", value: distance(points[0]!, points[1]!), unit: lengthUnit }];
    case "angle":
      return points.length < 3
        ? []
        : [{ name: "angle", value: angle(points[0]!, points[1]!, points[2]!), unit: "deg" }];
    case "probe": {
      const value = lattice ? valueAt(lattice, points[0]!) : undefined;
      return value === undefined ? [] : [{ name: "value", value, unit: lattice!.unit }];
    }
    case "ellipse":
    case "rectangle": {
      const shape = kind === "ellipse" ? ellipse(points) : rectangle(points);
      const area: Measured = { name: "area", value: shape.area, unit: areaUnit };
      return lattice ? [...statistics(shape, lattice), area] : [area];
    }
    case "arrow":
      return [];
  }
}

/** The angle at `vertex`, degrees in [0, 180]. */
export function angle(a: Vector, vertex: Vector, b: Vector): number {
  const u = subtract(a, vertex);
  const v = subtract(b, vertex);
  // atan2 keeps its precision near 0 and 180 degrees, where the cosine is flat.
  return (Math.atan2(norm(cross(u, v)), dot(u, v)) * 180) / Math.PI;
}

export function valueAt(lattice: Lattice, point: Vector): number | undefined {
  const [x, y] = toPixel(lattice.plane, point);
  return lattice.value(Math.round(x), Math.round(y));
}

interface Shape {
  area: number;
  corners: readonly Vector[];
  centre: Vector;
  contains(point: Vector): boolean;
}

/** From the four axis ends: major a, major b, minor a, minor b. */
function ellipse(points: readonly Vector[]): Shape {
  const [p0, p1, p2, p3] = points as [Vector, Vector, Vector, Vector];
  const a = scale(subtract(p0, p1), 0.5);
  const b = scale(subtract(p2, p3), 0.5);
  const centre = scale(add(p0, p1), 0.5);
  const aa = dot(a, a);
  const bb = dot(b, b);
  return {
    area: Math.PI * Math.sqrt(aa * bb),
    centre,
    corners: [-1, 1].flatMap((i) =>
      [-1, 1].map((j) => add(centre, add(scale(a, i), scale(b, j)))),
    ),
    contains(point) {
      const d = subtract(point, centre);
      return (dot(d, a) / aa) ** 2 + (dot(d, b) / bb) ** 2 <= 1;
    },
  };
}

/** From the four corners in order round the shape. */
function rectangle(points: readonly Vector[]): Shape {
  const [c0, c1, c2, c3] = points as [Vector, Vector, Vector, Vector];
  const u = subtract(c1, c0);
  const v = subtract(c3, c0);
  const uu = dot(u, u);
  const vv = dot(v, v);
  return {
    area: norm(cross(u, v)),
    centre: scale(add(c0, c2), 0.5),
    corners: points,
    contains(point) {
      const d = subtract(point, c0);
      const s = dot(d, u) / uu;
      const t = dot(d, v) / vv;
      return s >= 0 && s <= 1 && t >= 0 && t <= 1;
    },
  };
}

/**
 * Mean, standard deviation (divisor n), minimum and maximum of the pixels whose centre lies
 * inside; of the one pixel under the centre when the shape is smaller than a pixel.
 */
function statistics(shape: Shape, lattice: Lattice): Measured[] {
  const corners = shape.corners.map((corner) => toPixel(lattice.plane, corner));
  const xs = corners.map((corner) => corner[0]);
  const ys = corners.map((corner) => corner[1]);
  const values: number[] = [];
  for (let y = Math.ceil(Math.min(...ys)); y <= Math.max(...ys); y++) {
    for (let x = Math.ceil(Math.min(...xs)); x <= Math.max(...xs); x++) {
      if (!shape.contains(atPixel(lattice.plane, x, y))) continue;
      const value = lattice.value(x, y);
      if (value !== undefined) values.push(value);
    }
  }
  if (values.length === 0) {
    const value = valueAt(lattice, shape.centre);
    if (value === undefined) return [];
    values.push(value);
  }
  let sum = 0;
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    sum += value;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const { unit } = lattice;
  return [
    { name: "mean", value: mean, unit },
    { name: "standard_deviation", value: Math.sqrt(squares / values.length), unit },
    { name: "minimum", value: least, unit },
    { name: "maximum", value: most, unit },
  ];
}
