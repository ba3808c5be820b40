/** The reader's next drag or click in a viewport, while a brush or a pick is in their hand. */

import type { Cell } from "../cell";
import type { Vector } from "../types";
import { distance } from "../vectors";
import { pixelsPerMm } from "./painter";

export interface Brush {
  result_id: string;
  layer: string;
  radius_mm: number;
  erase: boolean;
}

export interface HandHooks {
  brush(): Brush | undefined;
  isPicking(): boolean;
  /** A stroke goes on (`done` false) or ends. */
  stroke(cell: Cell, points: readonly Vector[], done: boolean): void;
  picked(cell: Cell, point: Vector): void;
  /** The pointer is here, or left. */
  hover(cell: Cell, at: readonly [number, number] | undefined): void;
}

export class Hand {
  private readonly ring: HTMLDivElement;
  private points: Vector[] | undefined;

  constructor(
    private readonly cell: Cell,
    private readonly hooks: HandHooks,
  ) {
    this.ring = document.createElement("div");
    this.ring.className = "hv-brush";
    this.ring.hidden = true;
    cell.root.append(this.ring);
    const root = cell.root;
    // Before Cornerstone: what the brush takes is no window and no mark.
    root.addEventListener("mousedown", (event) => this.shield(event), { capture: true });
    root.addEventListener("pointerdown", (event) => this.down(event), { capture: true });
    root.addEventListener("pointermove", (event) => this.move(event));
    root.addEventListener("pointerup", () => this.up());
    root.addEventListener("pointercancel", () => this.up());
    root.addEventListener("pointerleave", () => {
      this.ring.hidden = true;
      this.hooks.hover(cell, undefined);
    });
  }

  private get isHeld(): boolean {
    return this.hooks.brush() !== undefined || this.hooks.isPicking();
  }

  private shield(event: MouseEvent): void {
    if (event.button !== 0 || !this.isHeld) return;
    event.stopPropagation();
    event.preventDefault();
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0 || !this.isHeld || !this.cell.viewport) return;
    event.stopPropagation();
    const point = this.inPatient(this.within(event));
    if (this.hooks.isPicking()) {
      this.hooks.picked(this.cell, point);
      return;
    }
    this.cell.root.setPointerCapture(event.pointerId);
    this.points = [point];
    this.hooks.stroke(this.cell, this.points, false);
  }

  private move(event: PointerEvent): void {
    const at = this.within(event);
    this.showRing(at);
    this.hooks.hover(this.cell, at);
    if (!this.points) return;
    const point = this.inPatient(at);
    const brush = this.hooks.brush();
    if (!brush || distance(point, this.points.at(-1)!) < brush.radius_mm / 4) return;
    this.points.push(point);
    this.hooks.stroke(this.cell, this.points, false);
  }

  private up(): void {
    const points = this.points;
    this.points = undefined;
    if (points) this.hooks.stroke(this.cell, points, true);
  }

  private showRing([x, y]: readonly [number, number]): void {
    const brush = this.hooks.brush();
    const viewport = this.cell.stackViewport;
    const plane = this.cell.series?.plane(Math.max(0, this.cell.index));
    this.ring.hidden = !brush || !viewport || !plane;
    if (this.ring.hidden) return;
    const radius = brush!.radius_mm * pixelsPerMm(plane!, viewport!);
    this.ring.classList.toggle("hv-erase", brush!.erase);
    this.ring.style.cssText = `left:${x - radius}px;top:${y - radius}px;width:${2 * radius}px;height:${2 * radius}px`;
  }

  private within(event: PointerEvent): [number, number] {
    const box = this.cell.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private inPatient([x, y]: readonly [number, number]): Vector {
    const [a, b, c] = this.cell.viewport!.canvasToWorld([x, y]);
    return [a, b, c];
  }
}
