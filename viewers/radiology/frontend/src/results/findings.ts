/** What the panel of results puts over the images: layers, handles, the brush; and what comes back. */

import { Enums } from "@cornerstonejs/core";
import type { Api } from "@common/api";
import { type ImagePlace, listen, tell } from "@common/events";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";
import type { DrawnHandle, DrawnLayer, Point } from "@common/layers";
import type { Cell } from "../cell";
import { atPixel, toPixel } from "../geometry";
import type { Library } from "../library";
import type { MessageKey } from "../messages";
import type { Series } from "../series";
import type { Vector } from "../types";
import { type Brush, Hand } from "./hand";
import { Painter, type PendingStroke, Pictures } from "./painter";
import { depth, Placing } from "./placing";
import { Readout } from "./readout";
import { Shapes } from "./shapes";

export interface FindingsHooks {
  t: Translate<MessageKey>;
  language(): Language;
  /** Bring the active viewport to a frame. */
  show(series: Series, index: number): void;
  /** Show places beside each other. */
  compare(places: readonly ImagePlace[]): void;
  say(sentence: string): void;
}

interface Pane {
  cell: Cell;
  painter: Painter;
  shapes: Shapes;
  readout: Readout;
}

export class Findings {
  private layers: readonly DrawnLayer[] = [];
  private handles: readonly DrawnHandle[] = [];
  private brush: Brush | undefined;
  private pick: { result_id: string; key: string } | undefined;
  private readonly pending: PendingStroke[] = [];
  private current: PendingStroke | undefined;
  private readonly panes: readonly Pane[];
  private readonly pictures: Pictures;
  private readonly placing: Placing;
  private readonly stops: (() => void)[] = [];
  private at = "";

  constructor(
    api: Api,
    private readonly caseId: string,
    private readonly library: Library,
    cells: readonly Cell[],
    private readonly hooks: FindingsHooks,
  ) {
    this.placing = new Placing(library, () => this.paint());
    this.pictures = new Pictures(
      api,
      () => this.paint(),
      (layer) => hooks.say(hooks.t("layer_failed", { name: this.label(layer) })),
    );
    this.panes = cells.map((cell) => this.pane(cell));
    this.hear();
    tell("hoichan:ask-layers", { case_id: caseId });
  }

  destroy(): void {
    for (const stop of this.stops) stop();
  }

  private label(of: DrawnLayer | DrawnHandle): string {
    return inLanguage("label" in of ? of.label : of.title, this.hooks.language());
  }

  private pane(cell: Cell): Pane {
    const painter = new Painter(cell, this.pictures, this.placing);
    const readout = new Readout(cell, this.pictures, this.placing, () => this.hooks.language());
    const shapes = new Shapes(cell, {
      label: (handle) => this.label(handle),
      moving: (handle, points) => this.move(handle, points),
      moved: (handle, points) => {
        this.move(handle, points);
        this.tellMoved(handle, points);
      },
    });
    const pane = { cell, painter, shapes, readout };
    new Hand(cell, {
      brush: () => this.brush,
      isPicking: () => this.pick !== undefined,
      stroke: (where, points, done) => this.stroke(where, points, done),
      picked: (where, point) => this.picked(where, point),
      hover: (_where, at) => readout.show(at, this.visible),
    });
    // Drawn by Cornerstone, drawn by us: in the same frame, so nothing lags behind an image.
    const draw = (): void => this.paintPane(pane);
    cell.element.addEventListener(Enums.Events.IMAGE_RENDERED, draw);
    this.stops.push(() => cell.element.removeEventListener(Enums.Events.IMAGE_RENDERED, draw));
    return pane;
  }

  private hear(): void {
    const mine = <Detail extends { case_id: string }>(heard: (detail: Detail) => void) => {
      return (detail: Detail): void => {
        if (detail.case_id === this.caseId) heard(detail);
      };
    };
    this.stops.push(
      listen("hoichan:layers", mine(({ layers }) => this.setLayers(layers))),
      listen("hoichan:handles", mine(({ handles }) => {
        this.handles = handles;
        this.paint();
      })),
      listen("hoichan:brush", mine(({ on, ...brush }) => {
        this.brush = on ? brush : undefined;
        this.paint();
      })),
      listen("hoichan:pick", mine(({ on, result_id, key }) => {
        this.pick = on ? { result_id, key } : undefined;
        this.paint();
      })),
      listen("hoichan:show-layer", mine(({ key, segment, if_hidden }) => {
        if (!if_hidden || !this.isSeriesShown(key)) this.showLayer(key, segment);
      })),
      listen("hoichan:compare", mine(({ places }) => this.hooks.compare(places))),
      listen("hoichan:show-handle", mine(({ key }) => this.showHandle(key))),
    );
  }

  private setLayers(layers: readonly DrawnLayer[]): void {
    for (const old of this.layers) {
      const now = layers.find((one) => one.key === old.key);
      if (now?.url === old.url) continue;
      // The server's answer takes the place of what was brushed.
      const rest = this.pending.filter((stroke) => stroke.layer !== old.key);
      this.pending.splice(0, this.pending.length, ...rest);
      this.pictures.forget(old);
    }
    this.layers = layers;
    this.paint();
  }

  /** What is to be drawn, masks last: nothing covers them. */
  private get visible(): DrawnLayer[] {
    const seen = this.layers.filter((layer) => layer.visible);
    return seen.sort((a, b) => Number(a.kind === "mask") - Number(b.kind === "mask"));
  }

  /** Draw everything again, in viewports that show nothing too. */
  paint(): void {
    for (const pane of this.panes) this.paintPane(pane);
  }

  private paintPane({ cell, painter, shapes }: Pane): void {
    const strokes = this.current ? [...this.pending, this.current] : this.pending;
    painter.paint(this.visible, strokes);
    shapes.paint(this.handles);
    cell.root.classList.toggle("hv-brushing", this.brush !== undefined);
    cell.root.classList.toggle("hv-picking", this.pick !== undefined);
  }

  /** Tell which image the reader looks at, once for each. */
  tellPlace(active: Cell): void {
    const frame = active.series?.set.frames[active.index];
    if (!frame) return;
    const place = {
      case_id: this.caseId,
      series_instance_uid: active.series!.set.series_instance_uid,
      sop_instance_uid: frame[0],
      frame_number: frame[1],
      same_place: active.series!.course?.here(active.index).map((i) => active.series!.set.frames[i]!),
    };
    const key = JSON.stringify(place);
    if (key === this.at) return;
    this.at = key;
    tell("hoichan:at", place);
  }

  onKey(event: KeyboardEvent): boolean {
    return this.panes.some(({ shapes }) => shapes.onKey(event));
  }

  /** Put brush and pick down; true when there was one. */
  escape(): boolean {
    const { brush, pick } = this;
    if (brush) tell("hoichan:brush", { case_id: this.caseId, ...brush, on: false });
    if (pick) tell("hoichan:pick", { case_id: this.caseId, ...pick, on: false });
    return brush !== undefined || pick !== undefined;
  }

  private move(handle: DrawnHandle, points: readonly Point[]): void {
    this.handles = this.handles.map((one) =>
      one.key === handle.key && one.result_id === handle.result_id ? { ...one, points_mm: points } : one,
    );
    this.paint();
  }

  private tellMoved(handle: Pick<DrawnHandle, "result_id" | "key">, points: readonly Point[]): void {
    tell("hoichan:handle-moved", {
      case_id: this.caseId,
      result_id: handle.result_id,
      key: handle.key,
      points_mm: points,
    });
  }

  private picked(cell: Cell, point: Vector): void {
    const pick = this.pick!;
    const handle = this.handles.find((one) => one.key === pick.key && one.result_id === pick.result_id);
    const series = cell.series;
    if (!handle || series?.set.series_instance_uid !== handle.series_instance_uid) {
      this.hooks.say(this.hooks.t("other_series"));
      return;
    }
    tell("hoichan:pick", { case_id: this.caseId, ...pick, on: false });
    this.move(handle, [point]);
    this.tellMoved(handle, [point]);
  }

  private stroke(cell: Cell, points: readonly Vector[], done: boolean): void {
    const { brush } = this;
    const layer = this.layers.find((one) => one.key === brush?.layer);
    const viewport = cell.stackViewport;
    const placed =
      layer && viewport && this.placing.under(layer, cell.series!, viewport.getCurrentImageIdIndex());
    if (!brush || !placed) {
      if (done) this.hooks.say(this.hooks.t("other_series"));
      this.current = undefined;
      return;
    }
    // On the slice itself, however far the camera's focus is from it.
    const flat = points.map((point) => atPixel(placed.plane, ...toPixel(placed.plane, point)));
    const { layer: key, erase, radius_mm } = brush;
    this.current = { layer: key, slice: placed.slice, erase, radius_mm, points_mm: flat };
    if (done) {
      const { result_id } = brush;
      this.pending.push(this.current);
      tell("hoichan:stroke", { case_id: this.caseId, result_id, ...this.current });
      this.current = undefined;
    }
    this.paint();
  }

  private isSeriesShown(key: string): boolean {
    const uid = this.layers.find((one) => one.key === key)?.series_instance_uid;
    return this.panes.some(({ cell }) => cell.viewport && cell.series?.set.series_instance_uid === uid);
  }

  private showLayer(key: string, segment: number): void {
    const layer = this.layers.find((one) => one.key === key);
    const array = layer && this.pictures.array(layer);
    if (!layer) return;
    let best = array ? -1 : layer.frames.length >> 1;
    let most = 0;
    for (let slice = 0; array && slice < array.slices; slice++) {
      let count = 0;
      for (let i = slice * array.stride; i < (slice + 1) * array.stride; i++) {
        if (segment === 0 ? array.values[i] !== 0 : array.values[i] === segment) count++;
      }
      if (count > most) [best, most] = [slice, count];
    }
    const frame = layer.frames[best];
    const series = frame && this.library.at({
      series_instance_uid: layer.series_instance_uid,
      sop_instance_uid: frame[0],
      frame_number: frame[1],
    });
    if (series) this.hooks.show(series, series.indexOf(...frame));
  }

  private showHandle(key: string): void {
    const handle = this.handles.find((one) => one.key === key);
    const point = handle?.points_mm[0];
    const series = this.library.stacks.find(
      (one) => one.set.series_instance_uid === handle?.series_instance_uid,
    );
    if (!series || !point) return;
    void series.open().then(() => {
      const found = depth(series, 0, point);
      if (found) this.hooks.show(series, found.nearest);
    });
  }
}
