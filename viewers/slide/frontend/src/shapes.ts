/** Marks as shapes on the slide: their outlines, grips and numbers, in level-0 pixels. */

import type { Language } from "@common/host";
import { number } from "@common/i18n";
import {
  angleOf,
  areaOf,
  type Box,
  boxOf,
  distance,
  fromSegment,
  isWithin,
  lengthOf,
  type Point,
  type SlidePlane,
} from "./geometry";
import { classKey } from "./classes";
import { areaWords, lengthWords } from "./scale";
import type { Kind, Mark, MarkContent } from "./types";

export interface Shape {
  id: string;
  kind: Kind;
  points: readonly Point[];
  /** What is drawn as a line. */
  outline: readonly Point[];
  isClosed: boolean;
  box: Box;
  colour: string;
  className: string;
  words: string;
  isSaved: boolean;
  isFixed: boolean;
}

const CLOSED: readonly Kind[] = ["polygon", "freehand", "rectangle", "ellipse"];
export const DOTS: readonly Kind[] = ["point", "counter", "text"];
const ELLIPSE_STEPS = 64;

export function shapeOf(mark: Mark, plane: SlidePlane, colour: string, language: Language): Shape {
  const { content } = mark;
  const points = content.points_mm.map((point) => plane.pixel(point));
  return {
    id: mark.id,
    kind: content.kind,
    points,
    ...lineOf(content.kind, points),
    colour: content.classification?.colour ?? colour,
    className: classKey(content.classification ?? {}),
    words: wordsOf(content, language),
    isSaved: mark.state === "saved" || mark.state === "saving",
    isFixed: isFixedBox(content),
  };
}

export function isFixedBox(content: Pick<MarkContent, "kind" | "origin">): boolean {
  return content.kind === "rectangle" && typeof content.origin["fixed_area_mm2"] === "number";
}

export function lineOf(
  kind: Kind,
  points: readonly Point[],
): Pick<Shape, "outline" | "isClosed" | "box"> {
  const outline = kind === "ellipse" ? ellipse(points) : points;
  return { outline, isClosed: CLOSED.includes(kind), box: boxOf(outline) };
}

/** Four axis ends (major a, b, minor a, b) as a polygon. */
function ellipse(points: readonly Point[]): Point[] {
  if (points.length < 4) return [...points];
  const [a, b, c, d] = points as [Point, Point, Point, Point];
  const middle: Point = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [ux, uy] = [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2];
  const [vx, vy] = [(d[0] - c[0]) / 2, (d[1] - c[1]) / 2];
  return Array.from({ length: ELLIPSE_STEPS }, (_, i) => {
    const turn = (2 * Math.PI * i) / ELLIPSE_STEPS;
    const [s, t] = [Math.cos(turn), Math.sin(turn)];
    return [middle[0] + s * ux + t * vx, middle[1] + s * uy + t * vy];
  });
}

/** The ellipse within a turned rectangle's four corners, as axis ends, the longer axis first. */
export function axisEnds(corners: readonly Point[]): Point[] {
  const [a, b, c, d] = corners as [Point, Point, Point, Point];
  const mid = (p: Point, q: Point): Point => [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];
  const across = [mid(a, d), mid(b, c)] as const;
  const down = [mid(a, b), mid(d, c)] as const;
  const [long, short] = distance(...across) >= distance(...down) ? [across, down] : [down, across];
  return [...long, ...short];
}

/** Numbers and text beside a mark; the server computes the same from the same points. */
export function wordsOf(
  content: Pick<MarkContent, "kind" | "points_mm" | "text">,
  language: Language,
): string {
  const points = content.points_mm.map(([x, y]): Point => [x, y]);
  const made: string[] = [];
  switch (content.kind) {
    case "length":
    case "polyline":
      made.push(lengthWords(lengthOf(points), language));
      break;
    case "angle":
      if (points.length === 3) made.push(`${number(angleOf(points), 1, language)}°`);
      break;
    case "rectangle":
    case "polygon":
    case "freehand":
      made.push(areaWords(areaOf(points), language));
      break;
    case "ellipse": {
      const [a, b, c, d] = points as [Point, Point, Point, Point];
      made.push(areaWords((Math.PI / 4) * distance(a, b) * distance(c, d), language));
      break;
    }
    case "counter":
      made.push(`n = ${points.length}`);
      break;
    default:
  }
  if (content.text) made.unshift(content.text);
  return made.join(" · ");
}

/** How far (level-0 pixels) a shape is from `at`; inside counts as near its border only. */
export function distanceTo(shape: Shape, at: Point): number {
  if (DOTS.includes(shape.kind)) return Math.min(...shape.points.map((p) => distance(p, at)));
  let least = Infinity;
  const { outline } = shape;
  for (let i = 1; i < outline.length; i++) {
    least = Math.min(least, fromSegment(at, outline[i - 1]!, outline[i]!));
  }
  if (shape.isClosed) least = Math.min(least, fromSegment(at, outline.at(-1)!, outline[0]!));
  return least;
}

export function contains(shape: Shape, at: Point): boolean {
  return shape.isClosed && isWithin(at, shape.outline);
}

/** The points after grip `index` was dragged to `to`; rectangles and ellipses keep their form. */
export function dragGrip(kind: Kind, points: readonly Point[], index: number, to: Point): Point[] {
  if (kind === "rectangle") {
    const fixed = points[(index + 2) % 4]!;
    const before = points[(index + 1) % 4]!;
    const after = points[(index + 3) % 4]!;
    const made = [...points];
    made[index] = to;
    made[(index + 1) % 4] = project(to, fixed, before);
    made[(index + 3) % 4] = project(to, fixed, after);
    return made;
  }
  if (kind === "ellipse") return dragAxis(points, index, to);
  return points.map((point, i) => (i === index ? to : point));
}

/** The foot of `p` on the line from `origin` through `through`. */
function project(p: Point, origin: Point, through: Point): Point {
  const [dx, dy] = [through[0] - origin[0], through[1] - origin[1]];
  const square = dx * dx + dy * dy;
  if (square === 0) return through;
  const t = ((p[0] - origin[0]) * dx + (p[1] - origin[1]) * dy) / square;
  return [origin[0] + t * dx, origin[1] + t * dy];
}

/** Both ends of an axis move alike, about the middle; the longer axis stays first. */
function dragAxis(points: readonly Point[], index: number, to: Point): Point[] {
  const pair = index < 2 ? 0 : 2;
  const [a, b] = [points[pair]!, points[pair + 1]!];
  const middle: Point = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const end = project(to, middle, points[index]!);
  const other: Point = [2 * middle[0] - end[0], 2 * middle[1] - end[1]];
  const made = [...points];
  made[index] = end;
  made[index % 2 === 0 ? index + 1 : index - 1] = other;
  const [p, q, r, s] = made as [Point, Point, Point, Point];
  return distance(p, q) >= distance(r, s) ? made : [r, s, p, q];
}
