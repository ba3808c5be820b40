/** Points, lines and polygons of a result over one viewport, to be dragged or moved by keys. */

import type { DrawnHandle, Point } from "@common/layers";
import { css } from "@common/palettes";
import type { Cell } from "../cell";
import type { Vector } from "../types";
import { add, subtract } from "../vectors";
import { onCanvas } from "./painter";
import { isOn } from "./placing";

export interface ShapeHooks {
  /** While a hand moves it. */
  moving(handle: DrawnHandle, points: readonly Point[]): void;
  /** The hand let go. */
  moved(handle: DrawnHandle, points: readonly Point[]): void;
  label(handle: DrawnHandle): string;
}

const SVG = "http://www.w3.org/2000/svg";
/** Handles are drawn on a reformatted plane when they are this near to it, mm. */
const NEAR_PLANE_MM = 2.5;
const KEY_QUIET_MS = 350;

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

interface Shape {
  group: SVGGElement;
  outline: SVGPathElement;
  grip: SVGPathElement;
  label: SVGTextElement;
  knobs: SVGGElement[];
  handle: DrawnHandle;
}

export class Shapes {
  private root: SVGSVGElement | undefined;
  private readonly shapes = new Map<string, Shape>();
  private keyTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly cell: Cell,
    private readonly hooks: ShapeHooks,
  ) {}

  paint(handles: readonly DrawnHandle[]): void {
    const wanted = new Map(
      this.cell.viewport ? handles.map((one) => [`${one.result_id} ${one.key}`, one]) : [],
    );
    for (const [id, shape] of this.shapes) {
      if (wanted.get(id)?.points_mm.length === shape.knobs.length) continue;
      shape.group.remove();
      this.shapes.delete(id);
    }
    for (const [id, handle] of wanted) {
      const shape = this.shapes.get(id) ?? this.make(id, handle);
      shape.handle = handle;
      this.place(shape);
    }
  }

  /** A key for the knob that has the focus; true when it was one. */
  onKey(event: KeyboardEvent): boolean {
    const step = ARROWS[event.key];
    const target = event.composedPath()[0];
    if (!step || event.ctrlKey || event.altKey) return false;
    for (const { handle, knobs } of this.shapes.values()) {
      const index = knobs.findIndex((knob) => knob === target);
      if (index < 0) continue;
      if (handle.editable) this.nudge(handle, index, step, event.shiftKey ? 5 : 1);
      return true;
    }
    return false;
  }

  /** One screen pixel of the arrow's direction, or five. */
  private nudge(handle: DrawnHandle, index: number, [dx, dy]: readonly [number, number], by: number): void {
    const at = this.onScreen(handle.points_mm[index]!);
    const points = handle.points_mm.map((point, i) =>
      i === index ? this.inPatient([at[0] + dx * by, at[1] + dy * by]) : point,
    );
    this.hooks.moving(handle, points);
    clearTimeout(this.keyTimer);
    this.keyTimer = setTimeout(() => this.hooks.moved(handle, points), KEY_QUIET_MS);
  }

  private make(id: string, handle: DrawnHandle): Shape {
    if (!this.root) {
      this.root = document.createElementNS(SVG, "svg");
      this.root.setAttribute("class", "hv-handles");
      this.cell.root.append(this.root);
    }
    const group = part("g", { "data-handle": handle.key });
    const outline = part("path", { class: "hv-handle-line" });
    const grip = part("path", { class: "hv-handle-grip" });
    const label = part("text", { class: "hv-handle-label" });
    const knobs = handle.points_mm.map((_, i) => knob(handle, i));
    const shape: Shape = { group, outline, grip, label, knobs, handle };
    group.append(outline, grip, label, ...knobs);
    knobs.forEach((one, i) => this.drag(one, shape, (index) => index === i));
    this.drag(grip, shape, () => true);
    this.root.append(group);
    this.shapes.set(id, shape);
    return shape;
  }

  private place(shape: Shape): void {
    const { handle } = shape;
    const shown = handle.points_mm.map((point) => this.isShown(handle, point));
    const isAny = shown.some(Boolean);
    shape.group.style.display = isAny ? "" : "none";
    if (!isAny) return;
    const colour = css(handle.colour);
    shape.group.style.setProperty("--handle", colour);
    shape.group.classList.toggle("hv-fixed", !handle.editable);
    const at = handle.points_mm.map((point) => this.onScreen(point));
    const d = handle.kind === "point" ? "" : pathOf(at, handle.kind === "polygon");
    shape.outline.setAttribute("d", d);
    shape.grip.setAttribute("d", d);
    const name = this.hooks.label(handle);
    shape.label.textContent = name;
    const rightmost = at.reduce((a, b) => (b[0] > a[0] ? b : a));
    shape.label.setAttribute("x", String(rightmost[0] + 13));
    shape.label.setAttribute("y", String(rightmost[1] + 4));
    shape.knobs.forEach((one, i) => {
      one.setAttribute("transform", `translate(${at[i]![0]} ${at[i]![1]})`);
      one.style.display = shown[i] ? "" : "none";
      one.setAttribute("tabindex", handle.editable ? "0" : "-1");
      one.setAttribute("aria-label", shape.knobs.length > 1 ? `${name} ${i + 1}` : name);
    });
  }

  private isShown(handle: DrawnHandle, point: Point): boolean {
    const { series, stackViewport, volumeViewport } = this.cell;
    if (!series) return false;
    if (stackViewport) {
      if (series.set.series_instance_uid !== handle.series_instance_uid) return false;
      return isOn(series, stackViewport.getCurrentImageIdIndex(), point);
    }
    if (!volumeViewport || series.set.series_instance_uid !== handle.series_instance_uid) return false;
    const { focalPoint, viewPlaneNormal } = volumeViewport.getCamera();
    if (!focalPoint || !viewPlaneNormal) return false;
    const away = subtract(point, focalPoint as Vector);
    const [a, b, c] = viewPlaneNormal;
    return Math.abs(away[0] * a + away[1] * b + away[2] * c) < NEAR_PLANE_MM;
  }

  private onScreen(point: Point): [number, number] {
    return onCanvas(this.cell.viewport!, point);
  }

  private inPatient([x, y]: readonly [number, number]): Vector {
    const [a, b, c] = this.cell.viewport!.canvasToWorld([x, y]);
    return [a, b, c];
  }

  /** Drag the points that `takes`; all of them keep their distance to the hand. */
  private drag(element: SVGElement, shape: Shape, takes: (index: number) => boolean): void {
    element.addEventListener("pointerdown", (down: PointerEvent) => {
      const { handle } = shape;
      if (down.button !== 0 || !handle.editable) return;
      down.preventDefault();
      down.stopPropagation();
      element.focus();
      element.setPointerCapture(down.pointerId);
      const from = this.inPatient(this.within(down));
      const start = handle.points_mm;
      let points = start;
      const move = (event: PointerEvent): void => {
        const by = subtract(this.inPatient(this.within(event)), from);
        points = start.map((point, i) => (takes(i) ? add(point, by) : point));
        this.hooks.moving(shape.handle, points);
      };
      const stop = (): void => {
        element.removeEventListener("pointermove", move);
        element.removeEventListener("pointerup", stop);
        element.removeEventListener("pointercancel", stop);
        if (points !== start) this.hooks.moved(shape.handle, points);
      };
      element.addEventListener("pointermove", move);
      element.addEventListener("pointerup", stop);
      element.addEventListener("pointercancel", stop);
    });
  }

  private within(event: PointerEvent): [number, number] {
    const box = this.cell.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

function part<Name extends "g" | "path" | "text" | "circle">(
  name: Name,
  attributes: Readonly<Record<string, string>>,
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function knob(handle: DrawnHandle, index: number): SVGGElement {
  const group = part("g", { class: "hv-knob", role: "button", "data-knob": String(index) });
  group.append(part("circle", { class: "hv-knob-reach", r: "12" }));
  if (handle.kind === "point") {
    // Open in the middle: the pixel it stands on stays in sight.
    group.append(
      part("circle", { class: "hv-knob-ring", r: "7" }),
      part("path", { class: "hv-knob-cross", d: "M-12 0H-4M4 0H12M0-12V-4M0 4V12" }),
    );
  } else group.append(part("circle", { class: "hv-knob-ring", r: handle.kind === "line" ? "6" : "4.5" }));
  return group;
}

function pathOf(points: readonly (readonly [number, number])[], isClosed: boolean): string {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("") + (isClosed ? "Z" : "");
}
