/** Draws layers over one viewport, on a canvas of its own: the images and their window stay. */

import type { Types } from "@cornerstonejs/core";
import type { Api } from "@common/api";
import { h } from "@common/dom";
import { type DrawnLayer, fetchLayer, type LayerArray, layerArray } from "@common/layers";
import { css } from "@common/palettes";
import { coloursOf, outlines, sliceCanvas } from "@common/slices";
import type { Cell } from "../cell";
import { atPixel, type Plane } from "../geometry";
import type { Vector } from "../types";
import type { Placing } from "./placing";
import { paintPlane } from "./planes";

/** One stroke the server has not answered yet. */
export interface PendingStroke {
  layer: string;
  slice: number;
  erase: boolean;
  radius_mm: number;
  points_mm: Vector[];
}

const OUTLINE_WIDTH = 1.5;
const MOST_SLICES = 96;

interface Picture {
  canvas: HTMLCanvasElement;
  outlines: ReadonlyMap<number, Path2D>;
}

/** Coloured slices, shared by all viewports; a slice seen lately is drawn without arithmetic. */
export class Pictures {
  private readonly kept = new Map<string, Picture>();

  constructor(
    private readonly api: Api,
    private readonly came: () => void,
    private readonly failed: (layer: DrawnLayer) => void,
  ) {}

  /** The array of a layer; asks for it once when it is not here. */
  array(layer: DrawnLayer): LayerArray | undefined {
    const ready = layerArray(layer);
    if (!ready && !this.asked.has(layer.url)) {
      this.asked.add(layer.url);
      fetchLayer(this.api, layer).then(this.came, () => this.failed(layer));
    }
    return ready;
  }

  private readonly asked = new Set<string>();

  /** Ask again for what failed. */
  forget(layer: DrawnLayer): void {
    this.asked.delete(layer.url);
  }

  picture(layer: DrawnLayer, slice: number): Picture | undefined {
    const array = this.array(layer);
    if (!array || slice >= array.slices) return undefined;
    const key = `${layer.url} ${layer.palette} ${layer.range.join()} ${slice}`;
    const found = this.kept.get(key) ?? {
      canvas: sliceCanvas(layer, array, slice),
      outlines: layer.kind === "mask" ? outlines(array, slice) : new Map(),
    };
    this.kept.delete(key);
    this.kept.set(key, found);
    if (this.kept.size > MOST_SLICES) this.kept.delete(this.kept.keys().next().value!);
    return found;
  }
}

export class Painter {
  private canvas: HTMLCanvasElement | undefined;

  constructor(
    private readonly cell: Cell,
    private readonly pictures: Pictures,
    private readonly placing: Placing,
  ) {}

  paint(layers: readonly DrawnLayer[], strokes: readonly PendingStroke[]): void {
    const viewport = this.cell.viewport;
    const isDrawn = viewport !== undefined && (layers.length > 0 || strokes.length > 0);
    if (!isDrawn) {
      if (this.canvas) this.canvas.width = 0;
      return;
    }
    const context = this.prepare();
    const { stackViewport, volumeViewport, series } = this.cell;
    if (stackViewport && series) {
      const index = stackViewport.getCurrentImageIdIndex();
      for (const layer of layers) this.paintOnImage(context, layer, index, stackViewport);
      this.paintStrokes(context, layers, strokes, index, stackViewport);
    } else if (volumeViewport) {
      for (const layer of layers) this.paintOnPlane(context, layer, volumeViewport);
    }
  }

  private prepare(): CanvasRenderingContext2D {
    if (!this.canvas) {
      this.canvas = h("canvas", { class: "hv-layers", "aria-hidden": "true" });
      this.cell.element.after(this.canvas);
    }
    const width = Math.round(this.cell.element.clientWidth * devicePixelRatio);
    const height = Math.round(this.cell.element.clientHeight * devicePixelRatio);
    const context = this.canvas.getContext("2d")!;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  private paintOnImage(
    context: CanvasRenderingContext2D,
    layer: DrawnLayer,
    index: number,
    viewport: Types.IStackViewport,
  ): void {
    const placed = this.placing.under(layer, this.cell.series!, index);
    const picture = placed && this.pictures.picture(layer, placed.slice);
    const array = picture && this.pictures.array(layer);
    if (!array) return;
    const matrix = cornersToCanvas(placed.plane, viewport);
    context.imageSmoothingEnabled = layer.kind !== "mask";
    context.globalAlpha = layer.opacity;
    context.setTransform(matrix);
    context.drawImage(picture.canvas, 0, 0, array.columns, array.rows);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.lineWidth = OUTLINE_WIDTH * devicePixelRatio;
    const colours = coloursOf(layer);
    for (const [number, outline] of picture.outlines) {
      const path = new Path2D();
      path.addPath(outline, matrix);
      context.strokeStyle = css(colours[number] ?? [255, 0, 255]);
      context.stroke(path);
    }
  }

  private paintOnPlane(
    context: CanvasRenderingContext2D,
    layer: DrawnLayer,
    viewport: Types.IVolumeViewport,
  ): void {
    if (this.cell.series?.set.series_instance_uid !== layer.series_instance_uid) return;
    const planes = this.placing.planes(layer);
    const array = planes && this.pictures.array(layer);
    if (!array) return;
    const { clientWidth, clientHeight } = this.cell.element;
    const drawn = paintPlane(layer, array, planes, clientWidth, clientHeight, (x, y) =>
      viewport.canvasToWorld([x, y]) as unknown as Vector,
    );
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.imageSmoothingEnabled = false;
    context.globalAlpha = layer.opacity;
    context.drawImage(drawn, 0, 0, this.canvas!.width, this.canvas!.height);
    context.globalAlpha = 1;
  }

  /** What the reader brushed, until the layer comes back with it. */
  private paintStrokes(
    context: CanvasRenderingContext2D,
    layers: readonly DrawnLayer[],
    strokes: readonly PendingStroke[],
    index: number,
    viewport: Types.IStackViewport,
  ): void {
    for (const stroke of strokes) {
      const layer = layers.find((one) => one.key === stroke.layer);
      const placed = layer && this.placing.under(layer, this.cell.series!, index);
      if (placed?.slice !== stroke.slice) continue;
      const scale = pixelsPerMm(placed.plane, viewport) * devicePixelRatio;
      context.lineCap = "round";
      context.lineJoin = "round";
      context.lineWidth = 2 * stroke.radius_mm * scale;
      context.strokeStyle = stroke.erase ? "rgb(10 12 14)" : css(layer!.segments[0]?.colour ?? [255, 220, 80]);
      context.globalAlpha = 0.45;
      context.beginPath();
      stroke.points_mm.forEach((point, i) => {
        const [x, y] = onCanvas(viewport, point);
        // A dot is a line to itself: the round cap draws it.
        if (i === 0) context.moveTo(x * devicePixelRatio, y * devicePixelRatio);
        context.lineTo(x * devicePixelRatio, y * devicePixelRatio);
      });
      context.stroke();
      context.globalAlpha = 1;
    }
  }
}

export function onCanvas(
  viewport: Types.IStackViewport | Types.IVolumeViewport,
  point: Vector,
): [number, number] {
  const [x, y] = viewport.worldToCanvas([...point] as Types.Point3);
  return [x, y];
}

/** CSS pixels a millimetre takes in the plane. */
export function pixelsPerMm(plane: Plane, viewport: Types.IStackViewport): number {
  const [x0, y0] = onCanvas(viewport, plane.origin);
  const [x1, y1] = onCanvas(viewport, atPixel(plane, 1, 0));
  return Math.hypot(x1 - x0, y1 - y0) / plane.columnSpacing;
}

/** From pixel corners of an image (0, 0 is the first pixel's outer corner) to device pixels. */
export function cornersToCanvas(plane: Plane, viewport: Types.IStackViewport): DOMMatrix {
  const [x0, y0] = onCanvas(viewport, atPixel(plane, -0.5, -0.5));
  const [x1, y1] = onCanvas(viewport, atPixel(plane, plane.columns - 0.5, -0.5));
  const [x2, y2] = onCanvas(viewport, atPixel(plane, -0.5, plane.rows - 0.5));
  const ratio = devicePixelRatio;
  return new DOMMatrix([
    (ratio * (x1 - x0)) / plane.columns,
    (ratio * (y1 - y0)) / plane.columns,
    (ratio * (x2 - x0)) / plane.rows,
    (ratio * (y2 - y0)) / plane.rows,
    ratio * x0,
    ratio * y0,
  ]);
}
