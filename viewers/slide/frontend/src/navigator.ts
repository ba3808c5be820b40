/** The whole slide in a corner: where the view is, and what was seen at 10× or more. */

import { h } from "@common/dom";
import type { Coverage } from "./coverage";
import { apply, type Affine, type Point } from "./geometry";
import type { Slide } from "./types";

const LONGEST = 190;

export class Navigator {
  readonly root = h("div", { class: "hs-navigator" });
  private readonly canvas = h("canvas");
  private readonly scale: number;
  private picture: CanvasImageSource | undefined;
  private outline: readonly Point[] = [];

  constructor(
    slide: Slide,
    private readonly coverage: Coverage,
    goTo: (pixel: Point) => void,
  ) {
    this.scale = LONGEST / Math.max(slide.width, slide.height);
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [slide.width * this.scale, slide.height * this.scale];
    this.canvas.width = Math.max(8, Math.round(width * ratio));
    this.canvas.height = Math.max(8, Math.round(height * ratio));
    this.canvas.style.width = `${Math.max(8, width)}px`;
    this.canvas.style.height = `${Math.max(8, height)}px`;
    this.root.append(this.canvas);
    const go = (event: PointerEvent): void => {
      const box = this.canvas.getBoundingClientRect();
      // Between two slides the style sheet makes it smaller.
      const scale = (this.scale * box.width) / width;
      goTo([(event.clientX - box.left) / scale, (event.clientY - box.top) / scale]);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      this.canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.canvas.hasPointerCapture(event.pointerId)) go(event);
    });
  }

  show(picture: CanvasImageSource): void {
    this.picture = picture;
    this.draw();
  }

  /** `toPixel`: window to level-0 pixels; `size`: of the window. */
  follow(toPixel: Affine, [w, h]: Point): void {
    this.outline = ([[0, 0], [w, 0], [w, h], [0, h]] as const).map((corner) => apply(toPixel, corner));
    this.draw();
  }

  draw(): void {
    const pen = this.canvas.getContext("2d")!;
    const { width, height } = this.canvas;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = "#1d232a";
    pen.fillRect(0, 0, width, height);
    if (this.picture) pen.drawImage(this.picture, 0, 0, width, height);
    const ratio = (window.devicePixelRatio || 1) * this.scale;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { coverage } = this;
    pen.fillStyle = "#1d9bd158";
    for (let row = 0; row < coverage.rows; row++) {
      for (let column = 0; column < coverage.columns; column++) {
        if (!coverage.seen[row * coverage.columns + column]) continue;
        // Runs of cells as one rectangle: no seams, and far fewer of them.
        const first = column;
        while (column < coverage.columns && coverage.seen[row * coverage.columns + column]) column++;
        pen.fillRect(first * coverage.cell, row * coverage.cell, (column - first) * coverage.cell, coverage.cell);
      }
    }
    if (this.outline.length === 0) return;
    pen.beginPath();
    for (const [x, y] of this.outline) pen.lineTo(x, y);
    pen.closePath();
    pen.lineWidth = 3 / this.scale;
    pen.strokeStyle = "#0b0d10";
    pen.stroke();
    pen.lineWidth = 1.6 / this.scale;
    pen.strokeStyle = "#ffd95c";
    pen.stroke();
    // A view too small to see is a cross.
    const [x, y] = this.outline.reduce((sum, p) => [sum[0]! + p[0] / 4, sum[1]! + p[1] / 4], [0, 0]) as [number, number];
    const arm = 5 / this.scale;
    pen.beginPath();
    pen.moveTo(x - arm, y);
    pen.lineTo(x + arm, y);
    pen.moveTo(x, y - arm);
    pen.lineTo(x, y + arm);
    pen.stroke();
  }
}
