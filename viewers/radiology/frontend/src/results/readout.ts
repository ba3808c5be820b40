/** The values of the layers under the pointer, in words: colour is never the only sign. */

import { h } from "@common/dom";
import type { Language } from "@common/host";
import { inLanguage, number } from "@common/i18n";
import type { DrawnLayer } from "@common/layers";
import type { Cell } from "../cell";
import { toPixel } from "../geometry";
import type { Vector } from "../types";
import type { Pictures } from "./painter";
import type { Placing } from "./placing";

export class Readout {
  private root: HTMLDivElement | undefined;
  private isDue = false;
  private at: readonly [number, number] | undefined;

  constructor(
    private readonly cell: Cell,
    private readonly pictures: Pictures,
    private readonly placing: Placing,
    private readonly language: () => Language,
  ) {}

  show(at: readonly [number, number] | undefined, layers: readonly DrawnLayer[]): void {
    this.at = at;
    if (this.isDue || (layers.length === 0 && !this.root)) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.write(layers);
    });
  }

  private write(layers: readonly DrawnLayer[]): void {
    const words = this.at ? layers.flatMap((layer) => this.words(layer, this.at!)) : [];
    if (!this.root) {
      if (words.length === 0) return;
      this.root = h("div", { class: "hv-readout", "aria-hidden": "true" });
      this.cell.root.append(this.root);
    }
    this.root.textContent = words.join("\n");
  }

  private words(layer: DrawnLayer, [x, y]: readonly [number, number]): string[] {
    const { stackViewport, series } = this.cell;
    const placed =
      stackViewport && series
        ? this.placing.under(layer, series, stackViewport.getCurrentImageIdIndex())
        : undefined;
    const array = placed && this.pictures.array(layer);
    if (!array || layer.kind === "picture") return [];
    const point = stackViewport!.canvasToWorld([x, y]) as unknown as Vector;
    const [column, row] = toPixel(placed.plane, point).map(Math.round) as [number, number];
    if (column < 0 || row < 0 || column >= array.columns || row >= array.rows) return [];
    const value = array.values[placed.slice * array.stride + row * array.columns + column]!;
    if (value === 0 || !Number.isFinite(value)) return [];
    const title = inLanguage(layer.title, this.language());
    if (layer.kind === "map") return [`${title} ${number(value, 1, this.language())} ${layer.unit}`];
    const segment = layer.segments.find((one) => one.number === value);
    return [segment ? inLanguage(segment.label, this.language()) : title];
  }
}
