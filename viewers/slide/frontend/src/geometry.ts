/**
 * Plane geometry: points, affines, and the way from level-0 pixels to slide millimetres.
 *
 * Pixel coordinates are continuous: pixel i covers [i, i + 1), a corner is (0, 0).
 */

import type { Slide, Vector } from "./types";

export type Point = readonly [number, number];

/** x' = a x + b y + c; y' = d x + e y + f. */
export type Affine = readonly [number, number, number, number, number, number];

export function apply([a, b, c, d, e, f]: Affine, [x, y]: Point): Point {
  return [a * x + b * y + c, d * x + e * y + f];
}

/** `second` after `first`. */
export function compose(second: Affine, first: Affine): Affine {
  const [a, b, c, d, e, f] = second;
  const [p, q, r, s, t, u] = first;
  return [
    a * p + b * s,
    a * q + b * t,
    a * r + b * u + c,
    d * p + e * s,
    d * q + e * t,
    d * r + e * u + f,
  ];
}

export function invert([a, b, c, d, e, f]: Affine): Affine {
  const det = a * e - b * d;
  if (det === 0) throw new RangeError("the affine has no inverse");
  return [e / det, -b / det, (b * f - c * e) / det, -d / det, a / det, (c * d - a * f) / det];
}

export function distance(p: Point, q: Point): number {
  return Math.hypot(p[0] - q[0], p[1] - q[1]);
}

/** The way between level-0 pixels and millimetres on the slide; never by way of a viewed level. */
export class SlidePlane {
  private readonly toMm: Affine;
  private readonly toPixel: Affine;

  constructor(private readonly slide: Pick<Slide, "to_slide_mm" | "z_mm">) {
    const [[a, b, c], [d, e, f]] = slide.to_slide_mm as unknown as [Vector, Vector];
    this.toMm = [a, b, c, d, e, f];
    this.toPixel = invert(this.toMm);
  }

  mm(pixel: Point): Vector {
    const [x, y] = apply(this.toMm, pixel);
    return [x, y, this.slide.z_mm];
  }

  pixel([x, y]: Vector): Point {
    return apply(this.toPixel, [x, y]);
  }
}

/** Length of a line through `points`, in their unit. */
export function lengthOf(points: readonly Point[]): number {
  let sum = 0;
  for (let i = 1; i < points.length; i++) sum += distance(points[i - 1]!, points[i]!);
  return sum;
}

/** Area within `points` (shoelace), in their unit squared. */
export function areaOf(points: readonly Point[]): number {
  let sum = 0;
  for (let i = 0; i < points.length; i++) {
    const [x, y] = points[i]!;
    const [u, v] = points[(i + 1) % points.length]!;
    sum += x * v - u * y;
  }
  return Math.abs(sum) / 2;
}

/** Angle at the second of three points, degrees. */
export function angleOf([p, q, r]: readonly Point[]): number {
  const one = Math.atan2(p![1] - q![1], p![0] - q![0]);
  const other = Math.atan2(r![1] - q![1], r![0] - q![0]);
  const turn = Math.abs(one - other) % (2 * Math.PI);
  return ((turn > Math.PI ? 2 * Math.PI - turn : turn) * 180) / Math.PI;
}

/** Distance of `p` from the segment a–b. */
export function fromSegment(p: Point, a: Point, b: Point): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const square = dx * dx + dy * dy;
  const t = square === 0 ? 0 : ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / square;
  const along = Math.min(1, Math.max(0, t));
  return distance(p, [a[0] + along * dx, a[1] + along * dy]);
}

export function isWithin(p: Point, polygon: readonly Point[]): boolean {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [x, y] = polygon[i]!;
    const [u, v] = polygon[j]!;
    if (y > p[1] !== v > p[1] && p[0] < ((u - x) * (p[1] - y)) / (v - y) + x) within = !within;
  }
  return within;
}

/** [least x, least y, most x, most y]. */
export type Box = readonly [number, number, number, number];

export function boxOf(points: readonly Point[]): Box {
  let [x, y, u, v] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [px, py] of points) {
    if (px < x) x = px;
    if (py < y) y = py;
    if (px > u) u = px;
    if (py > v) v = py;
  }
  return [x, y, u, v];
}

export function meet(a: Box, b: Box): boolean {
  return a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
}
