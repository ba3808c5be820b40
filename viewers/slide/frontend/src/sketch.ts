/** The reader's hand: draws new marks, moves and bends chosen ones, all in level-0 pixels. */

import { apply, type Affine, areaOf, boxOf, distance, invert, type Point } from "./geometry";
import { axisEnds, dragGrip, lineOf, type Shape } from "./shapes";
import type { Draft, MarkLayer } from "./marklayer";
import type { Kind } from "./types";

export const TOOLS = [
  "hand", "point", "line", "polyline", "polygon", "freehand", "rectangle", "ellipse",
  "text", "length", "angle", "box", "counter",
] as const;
export type Tool = (typeof TOOLS)[number];

export const KIND_OF: Readonly<Record<Exclude<Tool, "hand">, Kind>> = {
  point: "point",
  line: "polyline",
  polyline: "polyline",
  polygon: "polygon",
  freehand: "freehand",
  rectangle: "rectangle",
  ellipse: "ellipse",
  text: "text",
  length: "length",
  angle: "angle",
  box: "rectangle",
  counter: "counter",
};

/** Mitoses are counted per 2 mm². */
export const FIXED_AREA_MM2 = 2;

const CLICKED: readonly Tool[] = ["point", "text", "box", "counter"];
const CORNERED: readonly Tool[] = ["polyline", "polygon", "angle"];
const STILL_PX = 4;
const FREEHAND_PX = 2;
const MOST_POINTS = 10_000;

export interface SketchHooks {
  toScreen(): Affine;
  colour(): string;
  /** Edges of the fixed box in level-0 pixels; undefined when the slide has no size. */
  boxEdges(): Point | undefined;
  words(kind: Kind, points: readonly Point[]): string;
  finished(tool: Exclude<Tool, "hand">, points: readonly Point[]): void;
  mayChange(shape: Shape): boolean;
  changed(shape: Shape, points: readonly Point[]): void;
  selected(id: string | undefined): void;
}

interface Pull {
  shape: Shape;
  grip: number | undefined;
  from: Point;
  points: readonly Point[];
}

export class Sketch {
  private kind: Tool = "hand";
  private points: Point[] = [];
  /** Screen place of the press. */
  private pressed: Point | undefined;
  private pull: Pull | undefined;

  constructor(
    private readonly place: HTMLElement,
    private readonly layer: MarkLayer,
    private readonly hooks: SketchHooks,
  ) {
    place.addEventListener("pointerdown", (event) => this.down(event), { capture: true });
    place.addEventListener("pointermove", (event) => this.move(event), { capture: true });
    place.addEventListener("pointerup", (event) => this.up(event), { capture: true });
    place.addEventListener("pointercancel", () => this.cancel(), { capture: true });
    place.addEventListener("dblclick", (event) => this.double(event), { capture: true });
  }

  get tool(): Tool {
    return this.kind;
  }

  set tool(tool: Tool) {
    this.cancel();
    this.kind = tool;
    this.place.dataset["tool"] = tool;
  }

  get isDrawing(): boolean {
    return this.points.length > 0;
  }

  /** A mark is being drawn, moved or bent. */
  get isBusy(): boolean {
    return this.isDrawing || this.pull !== undefined;
  }

  cancel(): boolean {
    const was = this.isDrawing || this.pull !== undefined;
    this.points = [];
    this.pressed = undefined;
    this.pull = undefined;
    this.show([]);
    return was;
  }

  /** Enter: what has corners enough is done. */
  finish(): boolean {
    if (!CORNERED.includes(this.kind) || !this.isDrawing) return false;
    const least = this.kind === "polyline" ? 2 : 3;
    if (this.points.length >= least) this.done(this.points);
    return true;
  }

  /** Backspace: the last corner goes. */
  stepBack(): boolean {
    if (!this.isDrawing) return false;
    this.points.pop();
    this.show(this.points);
    return true;
  }

  private at(event: MouseEvent): Point {
    const box = this.place.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private pixel(at: Point): Point {
    return apply(invert(this.hooks.toScreen()), at);
  }

  private take(event: PointerEvent): void {
    event.stopPropagation();
    event.preventDefault();
    this.place.setPointerCapture(event.pointerId);
  }

  private isOurs(event: MouseEvent): boolean {
    const target = event.composedPath()[0];
    return event.button === 0 && !(target instanceof Element && target.closest("button, .hs-navigator"));
  }

  private down(event: PointerEvent): void {
    if (!this.isOurs(event)) return;
    const at = this.at(event);
    if (this.kind === "hand") {
      if (this.grab(event, at)) this.take(event);
      return;
    }
    this.take(event);
    this.pressed = at;
    if (CLICKED.includes(this.kind) || CORNERED.includes(this.kind)) return;
    if (!this.isDrawing) this.points = [this.pixel(at)];
  }

  /** A grip, else a shape: chosen, and moved when it may be. */
  private grab(event: PointerEvent, at: Point): boolean {
    const grip = this.layer.gripAt(at);
    const shape = grip !== undefined ? this.layer.get(this.layer.selected!) : this.layer.hit(at);
    this.hooks.selected(shape?.id);
    if (!shape || !this.hooks.mayChange(shape)) return shape !== undefined;
    const from = this.pixel(at);
    if (grip !== undefined && event.altKey && this.removeCorner(shape, grip)) return true;
    if (grip === undefined && event.altKey && this.addCorner(shape, from)) return true;
    this.pull = { shape, grip: shape.isFixed ? undefined : grip, from, points: shape.points };
    return true;
  }

  private removeCorner(shape: Shape, grip: number): boolean {
    const least = { polygon: 3, polyline: 2, freehand: 3, counter: 1 }[shape.kind as "polygon"];
    if (least === undefined || shape.points.length <= least) return false;
    this.hooks.changed(shape, shape.points.filter((_, i) => i !== grip));
    return true;
  }

  private addCorner(shape: Shape, at: Point): boolean {
    if (shape.kind !== "polygon" && shape.kind !== "polyline") return false;
    const count = shape.isClosed ? shape.points.length : shape.points.length - 1;
    let [best, least] = [0, Infinity];
    for (let i = 0; i < count; i++) {
      const [a, b] = [shape.points[i]!, shape.points[(i + 1) % shape.points.length]!];
      const detour = distance(a, at) + distance(at, b) - distance(a, b);
      if (detour < least) [least, best] = [detour, i];
    }
    this.hooks.changed(shape, [...shape.points.slice(0, best + 1), at, ...shape.points.slice(best + 1)]);
    return true;
  }

  private move(event: PointerEvent): void {
    const at = this.at(event);
    if (this.pull) {
      event.stopPropagation();
      this.drag(this.pixel(at));
      return;
    }
    if (this.kind === "hand" || !this.isDrawing) return;
    if (this.pressed) event.stopPropagation();
    const here = this.pixel(at);
    if (this.kind === "freehand") {
      const last = apply(this.hooks.toScreen(), this.points.at(-1)!);
      if (distance(last, at) >= FREEHAND_PX && this.points.length < MOST_POINTS) this.points.push(here);
      this.show(this.points);
    } else if (this.kind === "rectangle" || this.kind === "ellipse") {
      this.show(this.form(here));
    } else {
      this.show([...this.points, here]);
    }
  }

  private drag(here: Point): void {
    const { shape, grip, from, points } = this.pull!;
    const moved =
      grip === undefined
        ? points.map(([x, y]): Point => [x + here[0] - from[0], y + here[1] - from[1]])
        : dragGrip(shape.kind, points, grip, here);
    this.show(moved, shape.kind, shape.colour);
    this.pull = { ...this.pull!, shape: { ...shape, points: moved } };
  }

  private up(event: PointerEvent): void {
    if (this.pull) {
      event.stopPropagation();
      const { shape, points } = this.pull;
      this.pull = undefined;
      this.show([]);
      if (shape.points !== points) this.hooks.changed(shape, shape.points);
      return;
    }
    if (!this.pressed || this.kind === "hand") return;
    event.stopPropagation();
    const at = this.at(event);
    const isClick = distance(at, this.pressed) < STILL_PX;
    this.pressed = undefined;
    const here = this.pixel(at);
    if (CLICKED.includes(this.kind)) this.click(here);
    else if (CORNERED.includes(this.kind)) this.corner(here, at);
    else if (this.kind === "line" || this.kind === "length") this.stretch(here, isClick);
    else if (isClick) this.cancel();
    else this.done(this.kind === "freehand" ? this.points : this.form(here));
  }

  private click(here: Point): void {
    if (this.kind !== "box") {
      this.done([here]);
      return;
    }
    const edges = this.hooks.boxEdges();
    if (!edges) return;
    const [w, t] = [edges[0] / 2, edges[1] / 2];
    const [x, y] = here;
    this.done([[x - w, y - t], [x + w, y - t], [x + w, y + t], [x - w, y + t]]);
  }

  private corner(here: Point, at: Point): void {
    const first = this.points[0];
    const closes =
      this.kind === "polygon" &&
      first !== undefined &&
      this.points.length >= 3 &&
      distance(apply(this.hooks.toScreen(), first), at) < 10;
    if (closes) {
      this.done(this.points);
      return;
    }
    this.points.push(here);
    this.show(this.points);
    if (this.kind === "angle" && this.points.length === 3) this.done(this.points);
  }

  /** Two ends: pulled from one to the other, or clicked one after the other. */
  private stretch(here: Point, isClick: boolean): void {
    const start = this.points[0]!;
    const still = isClick && distance(apply(this.hooks.toScreen(), start), apply(this.hooks.toScreen(), here)) < STILL_PX;
    if (!still) this.done([start, here]);
  }

  private double(event: MouseEvent): void {
    if (!this.isOurs(event) || !CORNERED.includes(this.kind)) return;
    event.stopPropagation();
    // The second click of the two added a corner on top of the last.
    const last = this.points.at(-1);
    const before = this.points.at(-2);
    if (last && before && distance(last, before) * Math.hypot(this.hooks.toScreen()[0], this.hooks.toScreen()[3]) < 6) {
      this.points.pop();
    }
    this.finish();
  }

  /** Corners of what is pulled open on the screen, however the slide is turned. */
  private form(here: Point): Point[] {
    const toScreen = this.hooks.toScreen();
    const back = invert(toScreen);
    const [x, y, u, v] = boxOf([apply(toScreen, this.points[0]!), apply(toScreen, here)]);
    const corners = ([[x, y], [u, y], [u, v], [x, v]] as const).map((corner) => apply(back, corner));
    return this.kind === "ellipse" ? axisEnds(corners) : corners;
  }

  private done(points: readonly Point[]): void {
    const tool = this.kind as Exclude<Tool, "hand">;
    this.cancel();
    const { isClosed, outline } = lineOf(KIND_OF[tool], points);
    if (!isClosed || areaOf(outline) > 0) this.hooks.finished(tool, points);
  }

  private show(points: readonly Point[], kind?: Kind, colour?: string): void {
    const of = kind ?? (this.kind === "hand" ? undefined : KIND_OF[this.kind]);
    const draft: Draft | undefined =
      points.length && of
        ? { kind: of, points, colour: colour ?? this.hooks.colour(), words: this.hooks.words(of, points) }
        : undefined;
    this.layer.draft = draft;
    this.layer.redraw();
  }
}
