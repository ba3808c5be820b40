/** Between the points of Cornerstone's tools and those of our marks. */

import type { Series } from "./series";
import type { MarkContent, MarkKind, Vector } from "./types";
import { distance, dot, subtract, unit } from "./vectors";

// Cornerstone's ellipse: top, bottom, left, right on the screen; its rectangle: two rows of two.
// Ours (plugins.nouns.Annotation): major ends, minor ends; corners in order round the shape.

export function fromHandles(kind: MarkKind, points: readonly Vector[]): Vector[] {
  if (kind === "ellipse" && points.length === 4) {
    const [a, b, c, d] = points as [Vector, Vector, Vector, Vector];
    return distance(a, b) >= distance(c, d) ? [a, b, c, d] : [c, d, a, b];
  }
  if (kind === "rectangle" && points.length === 4) {
    return [points[0]!, points[1]!, points[3]!, points[2]!];
  }
  return [...points];
}

export function toHandles(content: MarkContent, series: Series): number[][] {
  const points = content.points_mm.map((point) => [...point]);
  if (content.kind === "rectangle") return [points[0]!, points[1]!, points[3]!, points[2]!];
  if (content.kind === "ellipse") {
    const index = series.indexOf(content.sop_instance_uid, content.frame_number);
    const down = series.drawnPlane(index)?.plane.column ?? [0, 1, 0];
    const [a, b, c, d] = content.points_mm as [Vector, Vector, Vector, Vector];
    const steepness = (p: Vector, q: Vector): number =>
      Math.abs(dot(unit(subtract(p, q)), down as Vector));
    const isUpright = steepness(a, b) >= steepness(c, d);
    return (isUpright ? [a, b, c, d] : [c, d, a, b]).map((point) => [...point]);
  }
  return points;
}

export function samePoints(drawn: readonly Vector[], content: MarkContent): boolean {
  const wanted = content.points_mm;
  if (drawn.length !== wanted.length) return false;
  return wanted.every((point) => drawn.some((other) => distance(point, other) < 1e-4));
}
