/** One viewport: an element Cornerstone draws in, and what is written over it. */

import { Enums, type RenderingEngine, type Types } from "@cornerstonejs/core";
import { h } from "@common/dom";
import type { Content } from "./content";
import type { Standing } from "./course";
import { takeSeries } from "./dragging";
import type { View } from "./geometry";
import { Overlay, type OverlayHooks } from "./overlay";
import type { BuiltVolume, Series } from "./series";
import { TimeBar } from "./timebar";
import { WINDOW_DRAGGED } from "./toolgroups";
import type { Vector } from "./types";
import { add, dot, scale, subtract } from "./vectors";
import { Voi } from "./voi";
import type { Range } from "./windows";

export interface CellHooks extends OverlayHooks {
  /** The reader turned to this cell. */
  chosen(cell: Cell): void;
  maximise(cell: Cell): void;
  /** A series was dropped here. */
  dropped(cell: Cell, displaySetId: string): void;
  /** The reader dragged a window; the cell leaves it to the viewer to apply. */
  windowed(cell: Cell, range: Range): void;
  /** Another slice is shown. */
  moved(cell: Cell): void;
  /** Start or stop playing this cell. */
  play(cell: Cell): void;
  isPlaying(cell: Cell): boolean;
}

const { Events, ViewportType } = Enums;

export class Cell {
  readonly root: HTMLDivElement;
  readonly element: HTMLDivElement;
  private content: Content = { kind: "empty" };
  private readonly overlay: Overlay;
  private readonly voi = new Voi(this);
  private drawnIndex = -1;
  private failedIndex = -1;
  private readonly timeBar: TimeBar;
  /** The moment the reader chose, which going through the slices does not change. */
  private seconds = 0;

  constructor(
    readonly id: string,
    private readonly rendering: RenderingEngine,
    private readonly hooks: CellHooks,
  ) {
    this.element = h("div", { class: "hv-canvas" });
    this.element.addEventListener("contextmenu", (event) => event.preventDefault());
    this.root = h("div", { class: "hv-cell", tabindex: 0, "data-cell": id }, this.element);
    this.overlay = new Overlay(this, this.root, hooks);
    this.timeBar = new TimeBar({
      t: hooks.t,
      language: () => hooks.language(),
      turn: (time) => void this.turnTo(time),
      play: () => hooks.play(this),
      isPlaying: () => hooks.isPlaying(this),
    });
    this.root.append(...this.overlay.parts, this.timeBar.root);
    this.root.addEventListener("pointerdown", () => this.hooks.chosen(this), true);
    // Cornerstone swallows every key its element hears, Tab too; ours are heard at the window.
    this.root.addEventListener("keydown", (event) => event.stopPropagation(), { capture: true });
    this.root.addEventListener("focus", () => this.hooks.chosen(this));
    this.root.addEventListener("dblclick", () => this.hooks.maximise(this));
    takeSeries(this.root, (id) => this.hooks.dropped(this, id));
    for (const name of [Events.STACK_NEW_IMAGE, Events.VOLUME_NEW_IMAGE]) {
      this.element.addEventListener(name, () => {
        this.noteIndex();
        this.paint();
      });
    }
    for (const name of [Events.VOI_MODIFIED, Events.CAMERA_MODIFIED, Events.IMAGE_RENDERED]) {
      this.element.addEventListener(name, () => this.paint());
    }
    this.element.addEventListener(WINDOW_DRAGGED, (event) =>
      this.hooks.windowed(this, (event as CustomEvent<Range>).detail),
    );
    this.paint();
  }

  get shown(): Content {
    return this.content;
  }

  get series(): Series | undefined {
    return "series" in this.content ? this.content.series : undefined;
  }

  get volume(): BuiltVolume | undefined {
    return this.content.kind === "volume" ? this.content.volume : undefined;
  }

  get stackViewport(): Types.IStackViewport | undefined {
    return this.content.kind === "stack"
      ? (this.rendering.getViewport(this.id) as Types.IStackViewport | undefined)
      : undefined;
  }

  get volumeViewport(): Types.IVolumeViewport | undefined {
    return this.content.kind === "volume"
      ? (this.rendering.getViewport(this.id) as Types.IVolumeViewport | undefined)
      : undefined;
  }

  get viewport(): Types.IStackViewport | Types.IVolumeViewport | undefined {
    return this.stackViewport ?? this.volumeViewport;
  }

  /** Index of the frame shown or asked for, -1 in a volume. */
  get index(): number {
    return this.stackViewport?.getTargetImageIdIndex() ?? -1;
  }

  activate(isActive: boolean): void {
    this.root.classList.toggle("hv-active", isActive);
  }

  /** Leave the engine; the element may be enabled again. */
  disable(): void {
    const viewport = this.rendering.getViewport(this.id);
    if (!viewport) return;
    const { canvas } = viewport;
    this.rendering.disableElement(this.id);
    canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
  }

  empty(sentence = ""): void {
    this.disable();
    this.content = sentence ? { kind: "message", sentence } : { kind: "empty" };
    this.paint();
  }

  private enable(type: Enums.ViewportType, view?: View): void {
    this.disable();
    this.rendering.enableElement({
      viewportId: this.id,
      element: this.element,
      type,
      defaultOptions: {
        background: [0, 0, 0],
        ...(view
          ? {
              orientation: {
                viewPlaneNormal: [...view.viewPlaneNormal] as Types.Point3,
                viewUp: [...view.viewUp] as Types.Point3,
              },
            }
          : {}),
      },
    });
  }

  async showStack(series: Series, index: number): Promise<void> {
    const same = this.content.kind === "stack" && this.content.series === series;
    if (same) {
      await this.goTo(index);
      return;
    }
    this.enable(ViewportType.STACK);
    this.content = { kind: "stack", series };
    this.voi.forget();
    this.drawnIndex = -1;
    this.failedIndex = -1;
    this.seconds = 0;
    this.paint();
    series.queue.lookAt(index);
    await this.fillStack(series, index);
  }

  private async fillStack(series: Series, index: number): Promise<void> {
    const viewport = this.stackViewport!;
    // Cornerstone scrolls along its list (wheel, drag, fingers); of several times only the places count.
    if (series.course) viewport.scroll = (by: number): void => this.step(by);
    await viewport.setStack([...series.imageIds], index);
    if (this.series !== series || !this.stackViewport) return;
    this.voi.begin(series, index);
    viewport.render();
    this.noteIndex();
    this.paint();
  }

  /** Make ready for a plane; `showVolume` then fills all planes at once. */
  prepareVolume(series: Series, volume: BuiltVolume, view: View, isReversed: boolean): void {
    this.enable(ViewportType.ORTHOGRAPHIC, view);
    this.content = { kind: "volume", series, volume, view, isReversed };
    this.voi.forget();
    this.paint();
  }

  /** Bring the plane to a patient position, without moving the picture sideways. */
  moveTo(point: Vector): void {
    const camera = this.volumeViewport?.getCamera();
    if (!camera?.focalPoint || !camera.position || !camera.viewPlaneNormal) return;
    const axis = camera.viewPlaneNormal as Vector;
    const by = scale(axis, dot(subtract(point, camera.focalPoint as Vector), axis));
    this.volumeViewport!.setCamera({
      focalPoint: [...add(camera.focalPoint as Vector, by)] as Types.Point3,
      position: [...add(camera.position as Vector, by)] as Types.Point3,
    });
  }

  /** After the volume is in: its window, and what is written. */
  volumeShown(range?: Range): void {
    const series = this.series;
    if (this.content.kind !== "volume" || !series) return;
    this.voi.beginVolume(series, range);
    this.volumeViewport!.render();
    this.paint();
  }

  async goTo(index: number): Promise<void> {
    const series = this.series;
    const viewport = this.stackViewport;
    if (!series || !viewport) return;
    const wanted = Math.max(0, Math.min(series.imageIds.length - 1, index));
    series.queue.lookAt(wanted);
    // A frame that failed says why through the queue; the viewport then stays where it was.
    await viewport.setImageIdIndex(wanted).catch(() => undefined);
    this.voi.keep(wanted);
    this.noteIndex();
    this.paint();
  }

  /** Where the frame shown stands in place and time; undefined in a plain stack. */
  get standing(): Standing | undefined {
    return this.index < 0 ? undefined : this.series?.course?.at(this.index);
  }

  /** To another time of the same place. */
  async turnTo(time: number): Promise<void> {
    const course = this.series?.course;
    if (!course || this.index < 0) return;
    const index = course.turned(this.index, time);
    this.seconds = course.at(index).seconds;
    await this.goTo(index);
  }

  /** On through time where there are times, else through the images. */
  stepTime(by: number): void {
    const { standing } = this;
    if (standing) void this.turnTo(standing.time + by);
    else this.step(by);
  }

  /** The frame at the place of frame `index` of its series that this cell would show. */
  inTime(series: Series, index: number): number {
    const place = series.course?.at(index).place;
    if (place === undefined) return index;
    return series.course!.frame(place, this.series === series ? this.seconds : 0);
  }

  step(by: number): void {
    const stack = this.stackViewport;
    const { standing } = this;
    if (standing) void this.goTo(this.series!.course!.frame(standing.place + by, this.seconds));
    else if (stack) void this.goTo(this.index + by);
    else if (this.volumeViewport) this.volumeViewport.scroll(this.isReversed ? -by : by);
  }

  private get isReversed(): boolean {
    return this.content.kind === "volume" && this.content.isReversed;
  }

  toEnd(last: boolean): void {
    const count = this.series?.imageIds.length ?? 0;
    const { standing } = this;
    if (standing) this.step(last ? standing.places : -standing.places);
    else if (this.stackViewport) void this.goTo(last ? count - 1 : 0);
    else if (this.volumeViewport) {
      const far = this.volumeViewport.getNumberOfSlices();
      this.volumeViewport.scroll(last !== this.isReversed ? far : -far);
    }
  }

  get range(): Range | undefined {
    return this.voi.range;
  }

  setRange(range: Range): void {
    this.voi.choose(range);
    this.paint();
  }

  /** Back to the window of the file. */
  restoreRange(): void {
    this.voi.restore();
    this.paint();
  }

  get isInverted(): boolean {
    return this.voi.isInverted;
  }

  invert(): void {
    this.voi.invert();
    this.paint();
  }

  zoomBy(factor: number): void {
    const viewport = this.viewport;
    if (!viewport) return;
    viewport.setZoom(viewport.getZoom() * factor);
    viewport.render();
    this.paint();
  }

  reset(): void {
    const viewport = this.viewport;
    if (!viewport) return;
    if (this.isInverted) this.invert();
    viewport.resetCamera();
    this.restoreRange();
    viewport.render();
  }

  /** The patient position in the middle of what is shown. */
  get focus(): Vector | undefined {
    const camera = this.viewport?.getCamera();
    return camera?.focalPoint ? ([...camera.focalPoint] as unknown as Vector) : undefined;
  }

  private noteIndex(): void {
    const index = this.index;
    if (index >= 0 && index !== this.drawnIndex) {
      this.voi.mix(this.drawnIndex, index);
      this.drawnIndex = index;
      this.series?.queue.lookAt(index);
      const { standing } = this;
      // Another time than the nearest to the chosen moment was asked for by itself: a mark, a key image.
      if (standing && this.inTime(this.series!, index) !== index) this.seconds = standing.seconds;
    }
    this.hooks.moved(this);
  }

  /** Write again; and draw the frame that failed to come, once it has come after all. */
  refresh(): void {
    const series = this.series;
    const wanted = this.index;
    if (series && this.stackViewport) {
      if (series.queue.failures.has(wanted)) {
        this.failedIndex = wanted;
      } else if (this.failedIndex === wanted && series.queue.states[wanted] === "loaded") {
        this.failedIndex = -1;
        void this.fillStack(series, wanted);
      }
    }
    this.paint();
  }

  /** Whether the whole image is shown, neither moved nor magnified by the reader. */
  get isFitted(): boolean {
    const viewport = this.viewport;
    if (!viewport) return false;
    const [x, y] = viewport.getPan();
    return Math.abs(viewport.getZoom() - 1) < 0.01 && Math.hypot(x, y) < 2;
  }

  /** The element has another size: an image that was fitted is fitted again. */
  resized(wasFitted: boolean): void {
    if (wasFitted && this.viewport) {
      this.viewport.resetCamera();
      this.viewport.render();
    }
    this.paint();
  }

  private paint(): void {
    this.overlay.paint();
    this.timeBar.show(this.standing);
  }
}
