/** One slide with all that lies over it: bulk points, marks, and the hand that draws them. */

import type { Api } from "@common/api";
import { h } from "@common/dom";
import type { Board } from "./board";
import type { Point } from "./geometry";
import { MarkLayer } from "./marklayer";
import { Pane, type PaneHooks, type View } from "./pane";
import { PointLayer } from "./pointlayer";
import { Raster, fieldsOf } from "./raster";
import { mppOf } from "./scale";
import { wordsOf } from "./shapes";
import { FIXED_AREA_MM2, Sketch, type Tool } from "./sketch";
import type { Slide } from "./types";

export interface StageHooks extends Omit<PaneHooks, "moved" | "chosen"> {
  board: Board;
  colour(): string;
  moved(stage: Stage): void;
  chosen(stage: Stage): void;
  /** A mark was drawn; text is asked for by the viewer. */
  finished(stage: Stage, tool: Exclude<Tool, "hand">, points: readonly Point[]): void;
}

export class Stage {
  readonly pane: Pane;
  readonly layer = new MarkLayer();
  readonly points: PointLayer;
  readonly sketch: Sketch;
  /** What the colours of points found by a program mean. */
  readonly legend = h("ul", { class: "hs-legend", hidden: true });
  raster: Raster | undefined;

  constructor(api: Api, slide: Slide, caseId: string, view: View | undefined, hooks: StageHooks) {
    this.points = new PointLayer(slide);
    this.pane = new Pane(api, slide, caseId, view, {
      t: hooks.t,
      language: hooks.language,
      moved: (pane) => {
        const { toScreen, toPixel, size } = pane;
        this.layer.follow(toScreen, toPixel, size);
        this.points.follow(toScreen, toPixel, size);
        hooks.moved(this);
      },
      chosen: () => hooks.chosen(this),
    });
    this.pane.root.insertBefore(this.points.canvas, this.pane.root.children[1] ?? null);
    this.points.canvas.after(this.layer.canvas);
    this.pane.root.append(this.legend);
    this.sketch = new Sketch(this.pane.root, this.layer, {
      toScreen: () => this.pane.toScreen,
      colour: hooks.colour,
      boxEdges: () => this.boxEdges(),
      words: (kind, points) =>
        kind === "text" || kind === "point"
          ? ""
          : wordsOf(
              { kind, points_mm: points.map((point) => this.pane.plane.mm(point)), text: "" },
              hooks.language(),
            ),
      finished: (tool, points) => hooks.finished(this, tool, points),
      mayChange: (shape) => hooks.board.mayChange(shape.id),
      changed: (shape, points) => hooks.board.bend(shape, points, this.pane),
      selected: (id) => hooks.board.select(id),
    });
    hooks.board.fill(this.pane, this.layer);
  }

  destroy(): void {
    this.layer.destroy();
    this.points.destroy();
    this.pane.destroy();
  }

  /** Bring a mark into the middle of the window, whole. */
  goTo(markId: string): boolean {
    const shape = this.layer.get(markId);
    if (!shape) return false;
    const [x, y, u, v] = shape.box;
    const [w, t] = this.pane.size;
    const extent = Math.max((u - x) / w, (v - y) / t);
    const now = this.pane.view(true).scale;
    // As near as it is seen well: not closer than now when it is small, not larger than the window.
    const scale = extent > 0 ? Math.min(0.6 / extent, Math.max(now, 0.25)) : Math.max(now, 0.25);
    this.pane.goTo([(x + u) / 2, (y + v) / 2], scale);
    return true;
  }

  /** The next field of the walk, or the first. False at its end. */
  walk(by: number): boolean {
    const view = this.pane.view(true);
    if (!this.raster) {
      const [w, t] = this.pane.size;
      const turned = Math.round(view.degrees / 90) % 2 === 1;
      const upright = view.degrees % 90 === 0;
      // Turned by any other angle, a field is what lies within the window anyhow.
      const least = Math.min(w, t) / Math.SQRT2;
      const [across, down] = upright ? (turned ? [t, w] : [w, t]) : [least, least];
      const field: Point = [across / view.scale, down / view.scale];
      this.raster = new Raster(fieldsOf(this.pane.slide, field, this.pane.overviewPixels));
    } else if (!this.raster.step(by)) {
      return false;
    }
    this.pane.goTo(this.raster.place);
    return true;
  }

  private boxEdges(): Point | undefined {
    const { mpp } = this.pane.slide;
    if (mppOf(this.pane.slide) === undefined || !mpp) return undefined;
    const edge = Math.sqrt(FIXED_AREA_MM2) * 1000;
    return [edge / mpp[0], edge / mpp[1]];
  }
}
