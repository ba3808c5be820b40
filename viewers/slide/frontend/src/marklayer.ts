/** Draws marks over a slide: what is out of sight or too small costs nothing. */

import { h } from "@common/dom";
import { apply, type Affine, type Box, boxOf, compose, meet, type Point } from "./geometry";
import { contains, distanceTo, DOTS, lineOf, type Shape } from "./shapes";
import type { Kind } from "./types";

export interface Draft {
  kind: Kind;
  points: readonly Point[];
  colour: string;
  words: string;
}

const NEAR_PX = 8;
const GRIP_PX = 4;
/** Pixels of the window; smaller marks are drawn without their words. */
const LEAST_WITH_WORDS = 32;
/** More in sight than this: lines only, no halo and no words. */
const CROWD = 400;
const SMALL_PX = 3;
const REST_MS = 120;

export class MarkLayer {
  readonly canvas = h("canvas", { class: "hs-marks" });
  draft: Draft | undefined;
  selected: string | undefined;
  /** Class names not to draw. */
  hidden: ReadonlySet<string> = new Set();
  isHidden = false;
  private readonly shapes = new Map<string, Shape>();
  private toScreen: Affine = [1, 0, 0, 0, 1, 0];
  private toPixel: Affine = [1, 0, 0, 0, 1, 0];
  private size: Point = [0, 0];
  private waiting = 0;
  private isCrowded = false;
  /** From the pane's pixels to the slide's, as they were when this was last drawn. */
  private painted: Affine | undefined;
  private resting: ReturnType<typeof setTimeout> | undefined;

  set(shape: Shape): void {
    this.shapes.set(shape.id, shape);
    this.redraw();
  }

  drop(id: string): void {
    if (this.shapes.delete(id)) this.redraw();
  }

  get(id: string): Shape | undefined {
    return this.shapes.get(id);
  }

  get count(): number {
    return this.shapes.size;
  }

  clear(): void {
    this.shapes.clear();
    this.redraw();
  }

  /** The view moved. A crowd is moved as the picture it is, and drawn anew once the view rests. */
  follow(toScreen: Affine, toPixel: Affine, size: Point): void {
    const resized = size[0] !== this.size[0] || size[1] !== this.size[1];
    this.toScreen = toScreen;
    this.toPixel = toPixel;
    this.size = size;
    if (resized || !this.isCrowded || !this.painted) {
      this.paint();
      return;
    }
    const [a, b, c, d, e, f] = compose(toScreen, this.painted);
    this.canvas.style.transform = `matrix(${a},${d},${b},${e},${c},${f})`;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.redraw(), REST_MS);
  }

  /** Once a frame, however many marks change. */
  redraw(): void {
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint();
    });
  }

  destroy(): void {
    clearTimeout(this.resting);
    cancelAnimationFrame(this.waiting);
  }

  private get scale(): number {
    const [a, , , d] = this.toScreen;
    return Math.hypot(a, d);
  }

  /** The shape under a place of the pane; small ones win over large ones around them. */
  hit(at: Point): Shape | undefined {
    if (this.isHidden) return undefined;
    const pixel = apply(this.toPixel, at);
    const reach = NEAR_PX / this.scale;
    let best: Shape | undefined;
    let least = Infinity;
    for (const shape of this.shapes.values()) {
      if (this.hidden.has(shape.className)) continue;
      const [x, y, u, v] = shape.box;
      if (pixel[0] < x - reach || pixel[0] > u + reach || pixel[1] < y - reach || pixel[1] > v + reach) continue;
      const away = distanceTo(shape, pixel);
      const within = shape.id === this.selected && contains(shape, pixel);
      if (away > reach && !within) continue;
      const cost = Math.min(away, reach);
      if (cost < least) [least, best] = [cost, shape];
    }
    return best;
  }

  /** Which grip of the selected shape is under a place of the pane. */
  gripAt(at: Point): number | undefined {
    const shape = this.selected ? this.shapes.get(this.selected) : undefined;
    if (!shape || this.isHidden) return undefined;
    const found = shape.points.findIndex((point) => {
      const [x, y] = apply(this.toScreen, point);
      return Math.hypot(x - at[0], y - at[1]) <= NEAR_PX;
    });
    return found < 0 ? undefined : found;
  }

  private paint(): void {
    const ratio = window.devicePixelRatio || 1;
    const [w, t] = this.size;
    const { canvas } = this;
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(t * ratio)) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(t * ratio);
      // Whole pixels, as the slide below is drawn: stretched, marks would drift.
      canvas.style.width = `${w}px`;
      canvas.style.height = `${t}px`;
    }
    canvas.style.transform = "";
    this.painted = this.toPixel;
    // By the CPU: thousands of short lines are slow work for the graphics of an ordinary PC.
    const pen = canvas.getContext("2d", { willReadFrequently: true })!;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.lineJoin = "round";
    if (!this.isHidden) this.paintShapes(pen);
    if (this.draft && this.draft.points.length) this.paintDraft(pen, this.draft);
  }

  private paintShapes(pen: CanvasRenderingContext2D): void {
    const seen = this.inSight();
    this.canvas.dataset["drawn"] = String(seen.length);
    const crowded = seen.length > CROWD;
    this.isCrowded = crowded;
    const strokes: [string | undefined, number][] = crowded ? [[undefined, 2]] : [["#0008", 4], [undefined, 2]];
    for (const [style, width] of strokes) {
      pen.lineWidth = width;
      for (const shape of seen) {
        if (shape.id === this.selected) continue;
        // One by one: browsers draw one path of a thousand shapes far more slowly.
        pen.strokeStyle = style ?? shape.colour;
        pen.beginPath();
        this.trace(pen, shape);
        pen.stroke();
      }
    }
    if (!crowded) for (const shape of seen) this.write(pen, shape);
    const chosen = this.selected ? this.shapes.get(this.selected) : undefined;
    if (chosen) this.paintChosen(pen, chosen);
  }

  private inSight(): Shape[] {
    const [w, t] = this.size;
    const corners = ([[0, 0], [w, 0], [w, t], [0, t]] as const).map((p) => apply(this.toPixel, p));
    const margin = 20 / this.scale;
    const [x, y, u, v] = boxOf(corners);
    const window: Box = [x - margin, y - margin, u + margin, v + margin];
    const seen: Shape[] = [];
    for (const shape of this.shapes.values()) {
      if (meet(shape.box, window) && !this.hidden.has(shape.className)) seen.push(shape);
    }
    return seen;
  }

  private trace(path: CanvasPath, shape: Pick<Shape, "kind" | "points" | "outline" | "isClosed" | "box">): void {
    const { toScreen } = this;
    if (DOTS.includes(shape.kind)) {
      for (const point of shape.points) {
        const [x, y] = apply(toScreen, point);
        path.moveTo(x + 5, y);
        path.arc(x, y, 5, 0, 2 * Math.PI);
      }
      return;
    }
    const [x, y, u, v] = shape.box;
    const extent = Math.max(u - x, v - y) * this.scale;
    if (extent < SMALL_PX) {
      const [px, py] = apply(toScreen, [(x + u) / 2, (y + v) / 2]);
      path.rect(px - 1, py - 1, 2, 2);
      return;
    }
    const { outline } = shape;
    // Corners closer than two pixels are not told apart.
    const step = outline.length > 8 ? Math.max(1, Math.floor(outline.length / Math.max(6, 1.5 * extent))) : 1;
    for (let i = 0; i < outline.length; i += step) {
      const [px, py] = apply(toScreen, outline[i]!);
      if (i === 0) path.moveTo(px, py);
      else path.lineTo(px, py);
    }
    if (step > 1 && !shape.isClosed) path.lineTo(...(apply(toScreen, outline.at(-1)!) as [number, number]));
    if (shape.isClosed) path.closePath();
    if (shape.kind === "length") this.ends(path, shape.points);
    if (shape.kind === "arrow") this.head(path, shape.points);
  }

  /** Short strokes across the ends of a ruler. */
  private ends(path: CanvasPath, points: readonly Point[]): void {
    if (points.length !== 2) return;
    const [a, b] = points.map((point) => apply(this.toScreen, point)) as [Point, Point];
    const long = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const [nx, ny] = [(-(b[1] - a[1]) / long) * 6, ((b[0] - a[0]) / long) * 6];
    for (const [x, y] of [a, b]) {
      path.moveTo(x - nx, y - ny);
      path.lineTo(x + nx, y + ny);
    }
  }

  private head(path: CanvasPath, points: readonly Point[]): void {
    const [tip, tail] = points.map((point) => apply(this.toScreen, point)) as [Point, Point];
    const turn = Math.atan2(tail[1] - tip[1], tail[0] - tip[0]);
    for (const side of [-0.4, 0.4]) {
      path.moveTo(...(tip as [number, number]));
      path.lineTo(tip[0] + 12 * Math.cos(turn + side), tip[1] + 12 * Math.sin(turn + side));
    }
  }

  private paintChosen(pen: CanvasRenderingContext2D, shape: Shape): void {
    const path = new Path2D();
    this.trace(path, shape);
    // Never filled: the colours within are what is read.
    for (const [style, width] of [["#000a", 6], ["#fff", 4], [shape.colour, 2]] as const) {
      pen.strokeStyle = style;
      pen.lineWidth = width;
      pen.stroke(path);
    }
    this.write(pen, shape);
    if (shape.isFixed || shape.points.length > 500) return;
    pen.fillStyle = "#fff";
    pen.strokeStyle = "#0b0d10";
    pen.lineWidth = 1;
    for (const point of shape.points) {
      const [x, y] = apply(this.toScreen, point);
      pen.fillRect(x - GRIP_PX, y - GRIP_PX, 2 * GRIP_PX, 2 * GRIP_PX);
      pen.strokeRect(x - GRIP_PX, y - GRIP_PX, 2 * GRIP_PX, 2 * GRIP_PX);
    }
  }

  private paintDraft(pen: CanvasRenderingContext2D, draft: Draft): void {
    const path = new Path2D();
    const shape = { ...draft, ...lineOf(draft.kind, draft.points) };
    // While it grows, a polygon is open.
    this.trace(path, draft.kind === "polygon" ? { ...shape, isClosed: false } : shape);
    for (const [style, width] of [["#000a", 4], [draft.colour, 2]] as const) {
      pen.strokeStyle = style;
      pen.lineWidth = width;
      pen.stroke(path);
    }
    if (draft.words) this.label(pen, draft.words, apply(this.toScreen, draft.points.at(-1)!), draft.colour);
  }

  private write(pen: CanvasRenderingContext2D, shape: Shape): void {
    const words = shape.isSaved ? shape.words : `! ${shape.words}`;
    if (!words || this.isTiny(shape)) return;
    // Beside the lowest point, as screens go.
    const screen = (shape.kind === "ellipse" ? shape.outline : shape.points).map((p) => apply(this.toScreen, p));
    const place = screen.reduce((low, p) => (p[1] > low[1] ? p : low));
    this.label(pen, words, place, shape.colour);
  }

  /** From afar words would be larger than what they speak of, and cover the tissue. */
  private isTiny({ id, kind, box: [x, y, u, v] }: Shape): boolean {
    if (id === this.selected || DOTS.includes(kind)) return false;
    const scale = Math.hypot(this.toScreen[0], this.toScreen[3]);
    return Math.max(u - x, v - y) * scale < LEAST_WITH_WORDS;
  }

  private label(pen: CanvasRenderingContext2D, words: string, [x, y]: Point, colour: string): void {
    pen.font = '600 12px system-ui, "Noto Sans", "DejaVu Sans", sans-serif';
    const width = pen.measureText(words).width;
    pen.fillStyle = "#0b0d10cc";
    pen.fillRect(x + 8, y + 5, width + 12, 18);
    pen.fillStyle = colour;
    pen.fillRect(x + 8, y + 5, 3, 18);
    pen.fillStyle = "#fff";
    pen.fillText(words, x + 15, y + 18);
  }
}
