/** One viewport: an element Cornerstone draws in, and what is written over it. */

import { Enums, type RenderingEngine, type Types } from "@cornerstonejs/core";
import { h } from "@common/dom";
import type { Language } from "@common/host";
import { number, type Translate } from "@common/i18n";
import type { FrameFailure } from "./loading";
import { isPassing } from "./loading";
import { letters, normal, planeName, type View } from "./geometry";
import type { MessageKey } from "./messages";
import type { BuiltVolume, Series } from "./series";
import { PLANE_COLOURS, WINDOW_DRAGGED } from "./toolgroups";
import type { Vector } from "./types";
import { cross, dot, scale } from "./vectors";
import { type Range, rangeOf, windowOf } from "./windows";
import { numeric, TAG, text, values } from "./dicomweb";

export type Content =
  | { kind: "empty" }
  | { kind: "message"; sentence: string }
  | { kind: "stack"; series: Series }
  | { kind: "volume"; series: Series; volume: BuiltVolume; view: View };

export interface CellHooks {
  t: Translate<MessageKey>;
  language(): Language;
  /** The reader turned to this cell. */
  chosen(cell: Cell): void;
  maximise(cell: Cell): void;
  /** A series was dropped here. */
  dropped(cell: Cell, displaySetId: string): void;
  /** The reader dragged a window; the cell leaves it to the viewer to apply. */
  windowed(cell: Cell, range: Range): void;
  /** Another slice is shown. */
  moved(cell: Cell): void;
  isKeyImage(series: Series, index: number): boolean;
  /** Why the volume is not what was scanned, in a sentence; "" when it is. */
  honesty(series: Series): string;
}

export const SERIES_DRAG_TYPE = "application/x-hoichan-series";
const { Events, ViewportType } = Enums;
// Colour is shown as it is; a window would tint it.
const COLOUR_RANGE: Range = { lower: 0, upper: 255 };
// Round lengths a scale bar may stand for, mm.
const SCALE_LENGTHS = [1, 2, 5, 10, 20, 50, 100, 200];

export class Cell {
  readonly root: HTMLDivElement;
  readonly element: HTMLDivElement;
  private content: Content = { kind: "empty" };
  private readonly corner: Record<"tl" | "tr" | "bl" | "br", HTMLDivElement>;
  private readonly side: Record<"left" | "right" | "top" | "bottom", HTMLSpanElement>;
  private readonly notice = h("div", { class: "hv-honesty", role: "note" });
  private readonly centre = h("div", { class: "hv-sentence", role: "status" });
  private readonly bar = h("div", { class: "hv-scale" }, h("i"), h("span"));
  private readonly progress = h("div", { class: "hv-progress" }, h("i"));
  private readonly badges = h("div", { class: "hv-badges" });
  private inverted = false;
  private fileRange: Range | undefined;
  private chosenRange: Range | undefined;
  private painted = false;
  private drawnIndex = -1;
  private failedIndex = -1;

  constructor(
    readonly id: string,
    private readonly rendering: RenderingEngine,
    private readonly hooks: CellHooks,
  ) {
    this.element = h("div", { class: "hv-canvas" });
    this.element.addEventListener("contextmenu", (event) => event.preventDefault());
    const corner = (name: string): HTMLDivElement => h("div", { class: `hv-corner hv-${name}` });
    const side = (name: string): HTMLSpanElement => h("span", { class: `hv-side hv-${name}` });
    this.corner = { tl: corner("tl"), tr: corner("tr"), bl: corner("bl"), br: corner("br") };
    this.side = {
      left: side("left"),
      right: side("right"),
      top: side("top"),
      bottom: side("bottom"),
    };
    this.root = h(
      "div",
      { class: "hv-cell", tabindex: 0, "data-cell": id },
      this.element,
      ...Object.values(this.corner),
      ...Object.values(this.side),
      this.badges,
      this.bar,
      this.notice,
      this.centre,
      this.progress,
    );
    this.root.addEventListener("pointerdown", () => this.hooks.chosen(this), true);
    // Cornerstone swallows every key its element hears, Tab too; ours are heard at the window.
    this.root.addEventListener("keydown", (event) => event.stopPropagation(), { capture: true });
    this.root.addEventListener("focus", () => this.hooks.chosen(this));
    this.root.addEventListener("dblclick", () => this.hooks.maximise(this));
    this.root.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes(SERIES_DRAG_TYPE)) return;
      event.preventDefault();
      this.root.classList.add("hv-drop");
    });
    this.root.addEventListener("dragleave", () => this.root.classList.remove("hv-drop"));
    this.root.addEventListener("drop", (event) => {
      this.root.classList.remove("hv-drop");
      const id = event.dataTransfer?.getData(SERIES_DRAG_TYPE);
      if (!id) return;
      event.preventDefault();
      this.hooks.dropped(this, id);
    });
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
    this.inverted = false;
    this.fileRange = undefined;
    this.chosenRange = undefined;
    this.drawnIndex = -1;
    this.failedIndex = -1;
    this.paint();
    series.queue.lookAt(index);
    await this.fillStack(series, index);
  }

  private async fillStack(series: Series, index: number): Promise<void> {
    const viewport = this.stackViewport!;
    await viewport.setStack([...series.imageIds], index);
    if (this.series !== series || !this.stackViewport) return;
    this.fileRange = viewport.getProperties()?.voiRange ?? undefined;
    this.fileRange = this.toldRange(series, index) ?? this.fileRange;
    // The reader may have chosen a window while the first image was on its way.
    const wanted = this.chosenRange ?? this.fileRange;
    if (wanted) viewport.setProperties({ voiRange: wanted });
    viewport.render();
    this.noteIndex();
    this.paint();
  }

  /** Make ready for a plane; `showVolume` then fills all planes at once. */
  prepareVolume(series: Series, volume: BuiltVolume, view: View): void {
    this.enable(ViewportType.ORTHOGRAPHIC, view);
    this.content = { kind: "volume", series, volume, view };
    this.inverted = false;
    this.paint();
  }

  /** After the volume is in: its window, and what is written. */
  volumeShown(range?: Range): void {
    const series = this.series;
    if (this.content.kind !== "volume" || !series) return;
    this.fileRange = this.toldRange(series, series.set.frames.length >> 1);
    const wanted = range ?? this.fileRange;
    if (wanted) this.volumeViewport!.setProperties({ voiRange: wanted });
    this.volumeViewport!.render();
    this.paint();
  }

  /** The first window of the file; soft tissue for a CT that tells none. */
  private toldRange(series: Series, index: number): Range | undefined {
    if (series.isColourAt(index)) return COLOUR_RANGE;
    const header = series.header(index);
    const centre = Number(values(header, "00281050")[0]);
    const width = Number(values(header, "00281051")[0]);
    if (Number.isFinite(centre) && Number.isFinite(width) && width >= 1) {
      return rangeOf(width, centre);
    }
    return series.isCtAt(index) ? rangeOf(400, 40) : undefined;
  }

  async goTo(index: number): Promise<void> {
    const series = this.series;
    const viewport = this.stackViewport;
    if (!series || !viewport) return;
    const wanted = Math.max(0, Math.min(series.imageIds.length - 1, index));
    series.queue.lookAt(wanted);
    // A frame that failed says why through the queue; the viewport then stays where it was.
    await viewport.setImageIdIndex(wanted).catch(() => undefined);
    this.noteIndex();
    this.paint();
  }

  step(by: number): void {
    const stack = this.stackViewport;
    if (stack) void this.goTo(this.index + by);
    else if (this.volumeViewport) this.volumeViewport.scroll(by);
  }

  toEnd(last: boolean): void {
    const count = this.series?.imageIds.length ?? 0;
    if (this.stackViewport) void this.goTo(last ? count - 1 : 0);
    else if (this.volumeViewport) {
      const far = this.volumeViewport.getNumberOfSlices();
      this.volumeViewport.scroll(last ? far : -far);
    }
  }

  get range(): Range | undefined {
    return this.viewport?.getProperties()?.voiRange ?? undefined;
  }

  setRange(range: Range): void {
    if (this.series?.isColourAt(Math.max(0, this.index))) return;
    this.chosenRange = range;
    this.viewport?.setProperties({ voiRange: range });
    this.viewport?.render();
    this.paint();
  }

  /** Back to the window of the file. */
  restoreRange(): void {
    if (this.fileRange) this.setRange(this.fileRange);
  }

  get isInverted(): boolean {
    return this.inverted;
  }

  invert(): void {
    const viewport = this.viewport;
    if (!viewport) return;
    this.inverted = !this.inverted;
    const isNegative = text(this.series?.header(Math.max(0, this.index)), "00280004") === "MONOCHROME1";
    viewport.setProperties({ invert: this.inverted !== isNegative });
    viewport.render();
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
    if (this.inverted) this.invert();
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
      this.mixColour(this.drawnIndex, index);
      this.drawnIndex = index;
      this.series?.queue.lookAt(index);
    }
    this.hooks.moved(this);
  }

  /** In a series of grey and coloured images each kind keeps a window of its own. */
  private mixColour(from: number, to: number): void {
    const series = this.series;
    const viewport = this.stackViewport;
    if (!series || !viewport || from < 0) return;
    const isColour = series.isColourAt(to);
    if (isColour === series.isColourAt(from)) return;
    const range = isColour ? COLOUR_RANGE : (this.chosenRange ?? this.toldRange(series, to));
    if (range) viewport.setProperties({ voiRange: range });
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

  /** Write the overlay, at most once a frame. */
  private paint(): void {
    if (this.painted) return;
    this.painted = true;
    requestAnimationFrame(() => {
      this.painted = false;
      this.write();
    });
  }

  private write(): void {
    const { t } = this.hooks;
    const { content } = this;
    const series = this.series;
    this.root.classList.toggle("hv-has-image", series !== undefined);
    this.centre.textContent = this.sentence();
    this.notice.textContent = content.kind === "volume" ? this.hooks.honesty(content.series) : "";
    this.writeProgress();
    if (!series || !this.viewport) {
      for (const part of [...Object.values(this.corner), ...Object.values(this.side)]) {
        part.textContent = "";
      }
      this.badges.replaceChildren();
      this.bar.hidden = true;
      return;
    }
    const language = this.hooks.language();
    const index = this.index;
    const header = series.header(Math.max(0, index));
    const number1 = (value: number): string => number(value, 1, language);
    const modality = series.set.modality;
    lines(this.corner.tl, [
      content.kind === "volume" ? this.planeTitle(content.view) : series.set.title || modality,
      content.kind === "volume" ? series.set.title : "",
    ]);
    if (content.kind === "volume") this.corner.tl.style.color = PLANE_COLOURS[content.view.name];
    else this.corner.tl.style.color = "";
    lines(this.corner.tr, [this.count(), ...this.location(series, index, number1)]);
    const range = this.range;
    const window = range && !series.isColourAt(Math.max(0, index)) ? windowOf(range) : undefined;
    lines(this.corner.bl, [
      window
        ? t("window_values", {
            width: decimal(window.width, language),
            centre: decimal(window.centre, language),
          })
        : "",
      t("zoom_value", { zoom: Math.round((this.viewport?.getZoom() ?? 1) * 100) }),
    ]);
    lines(this.corner.br, [
      Math.abs(series.set.tilt_deg) >= 0.5
        ? t("tilt", { deg: number1(Math.abs(series.set.tilt_deg)) })
        : "",
      this.thickness(header, number1),
    ]);
    this.writeSides();
    this.writeBadges(series, index);
    this.writeScale(series, index, language);
  }

  /** The plane's name, for as long as the reader has not turned it. */
  private planeTitle(view: View): string {
    const { t } = this.hooks;
    const axis = this.viewport?.getCamera().viewPlaneNormal as Vector | undefined;
    const isTurned = axis !== undefined && dot(axis, view.viewPlaneNormal) < 0.9999;
    return isTurned ? `${t(view.name)} · ${t("oblique")}` : t(view.name);
  }

  private sentence(): string {
    const { t } = this.hooks;
    const { content } = this;
    if (content.kind === "empty") return t("drop_here");
    if (content.kind === "message") return content.sentence;
    if (content.kind === "volume") return "";
    const { queue } = content.series;
    const failure = queue.failures.get(this.index);
    return failure ? failureSentence(failure, this.syntax(), t) : "";
  }

  private syntax(): string {
    return text(this.series?.header(Math.max(0, this.index)), TAG.availableTransferSyntaxUid);
  }

  private writeProgress(): void {
    const series = this.series;
    const total = series?.imageIds.length ?? 0;
    const loaded = series?.queue.loaded ?? 0;
    const isBusy = total > 0 && loaded < total;
    this.progress.hidden = !isBusy;
    if (!isBusy) return;
    (this.progress.firstChild as HTMLElement).style.width = `${(100 * loaded) / total}%`;
    this.progress.title = this.hooks.t("frames_loaded", { n: loaded, total });
  }

  private count(): string {
    const { t } = this.hooks;
    if (this.volumeViewport) {
      const total = this.volumeViewport.getNumberOfSlices();
      return t("slice_of", { n: this.volumeViewport.getSliceIndex() + 1, total });
    }
    return t("image_of", { n: this.index + 1, total: this.series?.imageIds.length ?? 0 });
  }

  private location(series: Series, index: number, number1: (value: number) => string): string[] {
    const { t } = this.hooks;
    if (this.content.kind === "volume") {
      const focus = this.focus;
      if (!focus) return [];
      const axis = this.content.view.viewPlaneNormal;
      return [t("position", { mm: number1(signed(axis, focus)) })];
    }
    const plane = series.plane(index);
    if (!plane) return [];
    return [t("position", { mm: number1(signed(normal(plane), plane.origin)) })];
  }

  private thickness(
    header: ReturnType<Series["header"]>,
    number1: (value: number) => string,
  ): string {
    if (this.content.kind === "volume") return "";
    const thickness = numeric(header, TAG.sliceThickness);
    return thickness === null ? "" : this.hooks.t("thickness", { mm: number1(thickness) });
  }

  private writeSides(): void {
    const camera = this.viewport?.getCamera();
    const known = this.content.kind === "volume" || this.series?.plane(Math.max(0, this.index));
    if (!camera?.viewUp || !camera.viewPlaneNormal || !known) {
      for (const part of Object.values(this.side)) part.textContent = "";
      return;
    }
    const up = camera.viewUp as Vector;
    const right = cross(up, camera.viewPlaneNormal as Vector);
    this.side.top.textContent = letters(up);
    this.side.bottom.textContent = letters(scale(up, -1));
    this.side.right.textContent = letters(right);
    this.side.left.textContent = letters(scale(right, -1));
  }

  private writeBadges(series: Series, index: number): void {
    const { t } = this.hooks;
    const badge = (sentence: string, kind: string): HTMLElement =>
      h("span", { class: `hv-badge hv-${kind}` }, sentence);
    const made: HTMLElement[] = [];
    const lossy = series.lossy(Math.max(0, index));
    if (lossy !== null) {
      const ratio = number(lossy, lossy < 10 ? 1 : 0, this.hooks.language());
      made.push(badge(lossy > 0 ? t("lossy_ratio", { ratio }) : t("lossy"), "warn"));
    }
    if (this.inverted) made.push(badge(t("inverted"), "info"));
    if (index >= 0 && this.hooks.isKeyImage(series, index)) made.push(badge(t("is_key_image"), "key"));
    if (index >= 0 && series.drawnPlane(index)?.isCalibrated === false) {
      made.push(badge(t("uncalibrated"), "info"));
    }
    this.badges.replaceChildren(...made);
  }

  private writeScale(series: Series, index: number, language: Language): void {
    const viewport = this.viewport!;
    const isCalibrated =
      this.content.kind === "volume" || series.drawnPlane(index)?.isCalibrated === true;
    this.bar.hidden = !isCalibrated;
    if (!isCalibrated) return;
    const height = this.element.clientHeight;
    const width = this.element.clientWidth;
    const a = viewport.canvasToWorld([width / 2, 0]) as unknown as Vector;
    const b = viewport.canvasToWorld([width / 2, 100]) as unknown as Vector;
    const perMm = 100 / Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    if (!Number.isFinite(perMm) || perMm <= 0) {
      this.bar.hidden = true;
      return;
    }
    const longest = Math.min(height * 0.35, 220);
    const fits = SCALE_LENGTHS.filter((mm) => mm * perMm <= longest);
    const mm = fits.at(-1) ?? SCALE_LENGTHS[0]!;
    (this.bar.firstChild as HTMLElement).style.height = `${mm * perMm}px`;
    const label = mm >= 10 ? `${number(mm / 10, 0, language)} cm` : `${number(mm, 0, language)} mm`;
    (this.bar.lastChild as HTMLElement).textContent = label;
  }
}

/** Position along an axis, counted towards head, back or left like the patient's own axes. */
function signed(axis: Vector, point: Vector): number {
  const name = planeName(axis);
  const main = name === "axial" ? axis[2] : name === "coronal" ? axis[1] : axis[0];
  const along = dot(axis, point) * (main < 0 ? -1 : 1);
  return Math.abs(along) < 0.05 ? 0 : along; // no "-0.0"
}

function lines(place: HTMLElement, sentences: readonly string[]): void {
  const wanted = sentences.filter(Boolean).join("\n");
  if (place.textContent !== wanted) place.textContent = wanted;
}

function decimal(value: number, language: Language): string {
  return number(value, Math.abs(value - Math.round(value)) < 0.05 ? 0 : 1, language);
}

function failureSentence(failure: FrameFailure, syntax: string, t: Translate<MessageKey>): string {
  if (failure.status === 404) return t("frame_missing");
  if (failure.status === 406 || failure.status === 415 || failure.status === 501) {
    return t("frame_syntax", { syntax: syntax || "?" });
  }
  if (isPassing(failure.status)) return t("frame_unreachable");
  return t("frame_decode");
}
