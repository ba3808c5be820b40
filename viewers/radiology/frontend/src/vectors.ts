/** Three-dimensional vectors in patient millimetres. */

import type { Vector } from "./types";

export const add = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const subtract = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scale = (a: Vector, by: number): Vector => [a[0] * by, a[1] * by, a[2] * by];
export const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const norm = (a: Vector): number => Math.hypot(a[0], a[1], a[2]);
export const distance = (a: Vector, b: Vector): number => norm(subtract(a, b));
export const unit = (a: Vector): Vector => scale(a, 1 / norm(a));
export const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** `base` plus a combination of directions. */
export function along(base: Vector, ...steps: readonly (readonly [Vector, number])[]): Vector {
  return steps.reduce<Vector>((sum, [direction, by]) => add(sum, scale(direction, by)), base);
}
