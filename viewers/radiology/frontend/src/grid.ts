/** The viewports: how many, what each shows, which one the reader works in. */

import { type RenderingEngine, setVolumesForViewports } from "@cornerstonejs/core";
import { h } from "@common/dom";
import { type Cell, Cell as CellClass, type CellHooks } from "./cell";
import type { Layout } from "./commands";
import { atPixel, normal, type View } from "./geometry";
import { type BuiltVolume, MissingFrames, type Series } from "./series";
import type { ToolGroups } from "./toolgroups";
import type { Vector } from "./types";
import { dot } from "./vectors";
import { nearestFrame } from "./volume";
import type { Range } from "./windows";

const CELLS = 4;
const COUNTS: Record<Layout, number> = { "1x1": 1, "1x2": 2, "2x2": 4, mpr: 3 };

export interface GridHooks extends CellHooks {
  changed(): void;
  /** Why there is no volume, in a sentence. */
  refusal(reason: string, count?: number): string;
  building(series: Series): string;
}

export class Grid {
  readonly root = h("div", { class: "hv-grid" });
  readonly cells: readonly Cell[];
  private current: Layout = "1x1";
  private activeIndex = 0;
  private maximised: Cell | undefined;
  /** What each cell showed as a stack, to come back to after the planes. */
  private readonly kept: ({ series: Series; index: number } | undefined)[] = [];
  private isLinking = false;
  private isComparing = false;
  linked = false;
  private readonly watcher: ResizeObserver;
  private resizing: ReturnType<typeof setTimeout> | undefined;
  private request = 0;

  constructor(
    prefix: string,
    private readonly rendering: RenderingEngine,
    private readonly tools: ToolGroups,
    private readonly hooks: GridHooks,
  ) {
    this.cells = Array.from(
      { length: CELLS },
      (_, i) =>
        new CellClass(`${prefix}-${i}`, rendering, {
          ...hooks,
          chosen: (cell) => this.choose(cell),
          maximise: (cell) => this.toggleMaximised(cell),
          moved: (cell) => {
            this.follow(cell);
            hooks.moved(cell);
          },
        }),
    );
    this.arrange();
    this.watcher = new ResizeObserver(() => {
      clearTimeout(this.resizing);
      this.resizing = setTimeout(() => this.resize(), 60);
    });
    this.watcher.observe(this.root);
  }

  destroy(): void {
    this.watcher.disconnect();
    clearTimeout(this.resizing);
    for (const cell of this.cells) {
      this.tools.removeViewport(cell.id, this.rendering.id);
      cell.disable();
    }
  }

  get layout(): Layout {
    return this.current;
  }

  get active(): Cell {
    return this.cells[this.activeIndex]!;
  }

  get visible(): Cell[] {
    return this.cells.slice(0, COUNTS[this.current]);
  }

  cell(viewportId: string): Cell | undefined {
    return this.cells.find((cell) => cell.id === viewportId);
  }

  choose(cell: Cell): void {
    const index = this.cells.indexOf(cell);
    const moved = index !== this.activeIndex;
    this.activeIndex = index;
    this.cells.forEach((one) => one.activate(one === cell));
    if (moved) this.hooks.changed();
  }

  next(): void {
    const count = COUNTS[this.current];
    const cell = this.cells[(this.activeIndex + 1) % count]!;
    this.choose(cell);
    if (this.maximised) this.maximise(cell);
  }

  toggleMaximised(cell: Cell = this.active): void {
    this.maximise(this.maximised || COUNTS[this.current] === 1 ? undefined : cell);
  }

  private maximise(cell: Cell | undefined): void {
    this.maximised = cell;
    for (const one of this.cells) one.root.classList.toggle("hv-maximised", one === cell);
    this.resize();
  }

  get isMaximised(): boolean {
    return this.maximised !== undefined;
  }

  private resize(): void {
    if (this.root.clientWidth < 2 || this.root.clientHeight < 2) return;
    const fitted = new Set(this.visible.filter((cell) => cell.stackViewport && cell.isFitted));
    this.rendering.resize(true, true);
    for (const cell of this.cells) cell.resized(fitted.has(cell));
  }

  private arrange(): void {
    this.maximised = undefined;
    for (const one of this.cells) one.root.classList.remove("hv-maximised");
    this.root.dataset["layout"] = this.current;
    this.root.replaceChildren(...this.visible.map((cell) => cell.root));
    if (this.activeIndex >= COUNTS[this.current]) this.activeIndex = 0;
    this.cells.forEach((one) => one.activate(one === this.active));
  }

  /** Show `series` in `cell`, at its middle image or at `index`. */
  async show(cell: Cell, series: Series, wanted?: number): Promise<void> {
    const kept = { series, index: wanted ?? series.middle };
    this.kept[this.cells.indexOf(cell)] = kept;
    try {
      await series.open();
    } catch {
      cell.empty(this.hooks.t("headers_failed"));
      return;
    }
    if (this.kept[this.cells.indexOf(cell)]?.series !== series || this.current === "mpr") return;
    // Where its middle is, a series of several times knows only now.
    const index = wanted ?? series.middle;
    kept.index = index;
    const showing = cell.showStack(series, index);
    this.tools.addViewport(cell.id, this.rendering.id, false);
    await showing;
    series.queue.start();
    this.hooks.changed();
  }

  /** Put stacks into the cells of a layout; empty ones take the series nobody shows yet. */
  async setLayout(layout: Exclude<Layout, "mpr">, all: readonly Series[]): Promise<void> {
    this.request++;
    this.isComparing = false;
    const wasPlanes = this.current === "mpr";
    this.keepIndices();
    this.current = layout;
    this.arrange();
    this.cells.forEach((cell, i) => {
      if (i < COUNTS[layout] && !wasPlanes) return;
      this.tools.removeViewport(cell.id, this.rendering.id);
      cell.empty();
    });
    this.resize();
    const used = new Set(this.visible.map((_, i) => this.kept[i]?.series));
    const free = all.filter((series) => !used.has(series) && series.set.kind === "stack");
    await Promise.all(
      this.visible.map((cell, i) => {
        const kept = this.kept[i];
        if (kept) return this.show(cell, kept.series, kept.index);
        const series = i > 0 ? free.shift() : undefined;
        return series ? this.show(cell, series) : Promise.resolve();
      }),
    );
    this.hooks.changed();
  }

  /** Two images beside each other, which share their window. */
  async compare(shown: readonly (readonly [Series, number])[], all: readonly Series[]): Promise<void> {
    await this.setLayout("1x2", all);
    await Promise.all(
      shown.slice(0, 2).map(([series, index], i) => this.show(this.cells[i]!, series, index)),
    );
    this.isComparing = true;
    const { range } = this.active;
    if (range) this.applyRange(this.active, range);
  }

  /** The three planes of `series`, or a sentence in each viewport why not. */
  async showPlanes(series: Series): Promise<void> {
    const request = ++this.request;
    const range = this.active.range;
    this.keepIndices();
    const place = this.keptPlace(series);
    this.current = "mpr";
    this.arrange();
    for (const cell of this.cells) {
      this.tools.removeViewport(cell.id, this.rendering.id);
      cell.empty(this.visible.includes(cell) ? this.hooks.building(series) : "");
    }
    this.resize();
    this.hooks.changed();
    const built = await this.build(series);
    if (request !== this.request) return;
    if (typeof built === "string") {
      for (const cell of this.visible) cell.empty(built);
      this.hooks.changed();
      return;
    }
    const isReversed = runsBackwards(series, built);
    this.tools.reverseScroll(isReversed);
    built.views.forEach((view, i) =>
      this.cells[i]!.prepareVolume(series, built, view, isReversed),
    );
    const ids = this.visible.map((cell) => cell.id);
    // All at once: planes that come one by one share a texture before it is filled.
    await setVolumesForViewports(this.rendering, [{ volumeId: built.id }], ids);
    if (request !== this.request) return;
    for (const cell of this.visible) {
      cell.volumeShown(range);
      if (place) cell.moveTo(place);
      this.tools.addViewport(cell.id, this.rendering.id, true);
    }
    this.tools.refreshCrosshairs();
    this.hooks.changed();
    // The first plane was drawn before the shared texture was filled: draw once more after it.
    await nextFrame();
    await nextFrame();
    if (request === this.request) for (const cell of this.visible) cell.viewport?.render();
  }

  private async build(series: Series): Promise<BuiltVolume | string> {
    try {
      await series.open();
      const built = await series.volume();
      return typeof built === "string" ? this.hooks.refusal(built) : built;
    } catch (error) {
      return error instanceof MissingFrames
        ? this.hooks.refusal("missing", error.count)
        : this.hooks.t("headers_failed");
    }
  }

  /** While the planes wait for images: how many have come. */
  noteProgress(series: Series): void {
    if (this.current !== "mpr") return;
    for (const cell of this.visible) {
      if (cell.shown.kind === "message" && !series.queue.isSettled) {
        cell.empty(this.hooks.building(series));
      }
    }
  }

  private keepIndices(): void {
    this.cells.forEach((cell, i) => {
      if (cell.shown.kind === "stack") this.kept[i] = { series: cell.series!, index: cell.index };
    });
    const acquired = this.cells.find(
      (cell) => cell.shown.kind === "volume" && isAcquired(cell.shown.series, cell.shown.view),
    );
    const stack = acquired?.series?.stack;
    if (!acquired?.focus || !stack || typeof stack === "string") return;
    // Back from the planes the reader finds the slice they stood on.
    const { index } = nearestFrame(stack, acquired.focus);
    for (const kept of this.kept) if (kept?.series === acquired.series) kept.index = index;
  }

  /** The middle of the slice the reader stands on in `series`. */
  private keptPlace(series: Series): Vector | undefined {
    const active = this.kept[this.activeIndex];
    const kept = active?.series === series ? active : undefined;
    const plane = kept && series.plane(kept.index);
    return plane ? atPixel(plane, (plane.columns - 1) / 2, (plane.rows - 1) / 2) : undefined;
  }

  keptSeries(): Series | undefined {
    return this.kept[this.activeIndex]?.series ?? this.kept[0]?.series;
  }

  applyRange(cell: Cell, range: Range): void {
    // The planes show one volume, and levels are compared in one window.
    const together = cell.shown.kind === "volume" || this.isComparing ? this.visible : [cell];
    for (const one of together) one.setRange(range);
  }

  /** Scroll the other stacks to the slice nearest in the patient. */
  private follow(cell: Cell): void {
    if (!this.linked || this.isLinking || cell !== this.active || !cell.stackViewport) return;
    const series = cell.series!;
    const plane = series.plane(cell.index);
    if (!plane) return;
    this.isLinking = true;
    const moves = this.visible.map((other) => {
      const target = other !== cell && other.stackViewport ? other.series : undefined;
      if (!target?.isOpen) return undefined;
      const near = nearest(target, series, cell.index, plane.origin, normal(plane));
      const index = near === undefined ? undefined : other.inTime(target, near);
      return index === undefined || index === other.index ? undefined : other.goTo(index);
    });
    void Promise.all(moves).finally(() => (this.isLinking = false));
  }
}

/** Whether a plane is the one the slices were made in. */
function isAcquired(series: Series, view: View): boolean {
  const stack = series.stack;
  return typeof stack !== "string" && Math.abs(dot(view.viewPlaneNormal, stack.normal)) > 0.99;
}

/** Whether Cornerstone counts the slices of the acquired plane against the order of the stack. */
function runsBackwards(series: Series, built: BuiltVolume): boolean {
  const stack = series.stack;
  if (typeof stack === "string") return false;
  const rises = stack.order[0]! < stack.order.at(-1)!;
  const along = built.views
    .map((view) => dot(view.viewPlaneNormal, stack.normal))
    .reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
  return along > 0 !== rises;
}

function nearest(
  target: Series,
  source: Series,
  sourceIndex: number,
  origin: Vector,
  axis: Vector,
): number | undefined {
  const frame = source.frameOfReference(sourceIndex);
  if (!frame || target.frameOfReference(0) !== frame) return undefined;
  const wanted = dot(origin, axis);
  let best: number | undefined;
  let away = Infinity;
  for (let i = 0; i < target.imageIds.length; i++) {
    const plane = target.plane(i);
    if (!plane || Math.abs(dot(normal(plane), axis)) < 0.97) continue;
    const distance = Math.abs(dot(plane.origin, axis) - wanted);
    if (distance < away) {
      away = distance;
      best = i;
    }
  }
  return best;
}

function nextFrame(): Promise<void> {
  return new Promise((done) => requestAnimationFrame(() => done()));
}
