/** What is written over a viewport: names, numbers, letters, scale, badges, reasons. */

import type { Types } from "@cornerstonejs/core";
import { h } from "@common/dom";
import type { Language } from "@common/host";
import { number, type Translate } from "@common/i18n";
import type { Content } from "./content";
import type { Standing } from "./course";
import { numeric, TAG, text } from "./dicomweb";
import { letters, normal, planeName, type View } from "./geometry";
import { type FrameFailure, isPassing } from "./loading";
import type { MessageKey } from "./messages";
import type { Series } from "./series";
import { timeWords } from "./timebar";
import { PLANE_COLOURS } from "./toolgroups";
import type { Vector } from "./types";
import { cross, dot, scale } from "./vectors";
import { type Range, windowOf } from "./windows";

export interface OverlayHooks {
  t: Translate<MessageKey>;
  language(): Language;
  isKeyImage(series: Series, index: number): boolean;
  /** Why the volume is not what was scanned, in a sentence; "" when it is. */
  honesty(series: Series): string;
}

/** What the overlay reads; a cell is one. */
export interface Shown {
  readonly shown: Content;
  readonly series: Series | undefined;
  readonly viewport: Types.IStackViewport | Types.IVolumeViewport | undefined;
  readonly volumeViewport: Types.IVolumeViewport | undefined;
  readonly element: HTMLElement;
  readonly index: number;
  readonly range: Range | undefined;
  readonly isInverted: boolean;
  readonly focus: Vector | undefined;
  readonly standing: Standing | undefined;
}

// Round lengths a scale bar may stand for, mm.
const SCALE_LENGTHS = [1, 2, 5, 10, 20, 50, 100, 200];

export class Overlay {
  readonly parts: readonly HTMLElement[];
  private readonly corner: Record<"tl" | "tr" | "bl" | "br", HTMLDivElement>;
  private readonly side: Record<"left" | "right" | "top" | "bottom", HTMLSpanElement>;
  private readonly notice = h("div", { class: "hv-honesty", role: "note" });
  private readonly centre = h("div", { class: "hv-sentence", role: "status" });
  private readonly bar = h("div", { class: "hv-scale" }, h("i"), h("span"));
  private readonly progress = h("div", { class: "hv-progress" }, h("i"));
  private readonly badges = h("div", { class: "hv-badges" });
  private isDue = false;

  constructor(
    private readonly cell: Shown,
    private readonly root: HTMLElement,
    private readonly hooks: OverlayHooks,
  ) {
    const corner = (name: string): HTMLDivElement => h("div", { class: `hv-corner hv-${name}` });
    const side = (name: string): HTMLSpanElement => h("span", { class: `hv-side hv-${name}` });
    this.corner = { tl: corner("tl"), tr: corner("tr"), bl: corner("bl"), br: corner("br") };
    this.side = {
      left: side("left"),
      right: side("right"),
      top: side("top"),
      bottom: side("bottom"),
    };
    this.parts = [
      ...Object.values(this.corner),
      ...Object.values(this.side),
      this.badges,
      this.bar,
      this.notice,
      this.centre,
      this.progress,
    ];
  }

  /** Write with the next frame, at most once a frame. */
  paint(): void {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.write();
    });
  }

  private write(): void {
    const { t } = this.hooks;
    const content = this.cell.shown;
    const series = this.cell.series;
    this.root.classList.toggle("hv-has-image", series !== undefined);
    this.centre.textContent = this.sentence();
    this.notice.textContent = content.kind === "volume" ? this.hooks.honesty(content.series) : "";
    this.writeProgress();
    if (!series || !this.cell.viewport) {
      for (const part of [...Object.values(this.corner), ...Object.values(this.side)]) {
        part.textContent = "";
      }
      this.badges.replaceChildren();
      this.bar.hidden = true;
      return;
    }
    const language = this.hooks.language();
    const index = this.cell.index;
    const header = series.header(Math.max(0, index));
    const number1 = (value: number): string => number(value, 1, language);
    const modality = series.set.modality;
    lines(this.corner.tl, [
      content.kind === "volume" ? this.planeTitle(content.view) : series.set.title || modality,
      content.kind === "volume" ? series.set.title : "",
    ]);
    if (content.kind === "volume") this.corner.tl.style.color = PLANE_COLOURS[content.view.name];
    else this.corner.tl.style.color = "";
    const { standing } = this.cell;
    lines(this.corner.tr, [
      this.count(),
      standing ? timeWords(standing, t, language) : "",
      ...this.location(series, index, number1),
    ]);
    const range = this.cell.range;
    const window = range && !series.isColourAt(Math.max(0, index)) ? windowOf(range) : undefined;
    lines(this.corner.bl, [
      window
        ? t("window_values", {
            width: decimal(window.width, language),
            centre: decimal(window.centre, language),
          })
        : "",
      t("zoom_value", { zoom: Math.round((this.cell.viewport?.getZoom() ?? 1) * 100) }),
    ]);
    lines(this.corner.br, [
      Math.abs(series.set.tilt_deg) >= 0.5
        ? t("tilt", { deg: number1(series.set.tilt_deg) })
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
    const axis = this.cell.viewport?.getCamera().viewPlaneNormal as Vector | undefined;
    const isTurned = axis !== undefined && dot(axis, view.viewPlaneNormal) < 0.9999;
    return isTurned ? `${t(view.name)} · ${t("oblique")}` : t(view.name);
  }

  private sentence(): string {
    const { t } = this.hooks;
    const content = this.cell.shown;
    if (content.kind === "empty") return t("drop_here");
    if (content.kind === "message") return content.sentence;
    if (content.kind === "volume") return "";
    const { queue } = content.series;
    const failure = queue.failures.get(this.cell.index);
    return failure ? failureSentence(failure, this.syntax(), t) : "";
  }

  private syntax(): string {
    return text(this.cell.series?.header(Math.max(0, this.cell.index)), TAG.availableTransferSyntaxUid);
  }

  private writeProgress(): void {
    const series = this.cell.series;
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
    if (this.cell.volumeViewport) {
      const total = this.cell.volumeViewport.getNumberOfSlices();
      const index = this.cell.volumeViewport.getSliceIndex();
      const content = this.cell.shown;
      const isReversed = content.kind === "volume" && content.isReversed;
      return t("slice_of", { n: isReversed ? total - index : index + 1, total });
    }
    const { standing } = this.cell;
    if (standing) return t("slice_of", { n: standing.place + 1, total: standing.places });
    return t("image_of", { n: this.cell.index + 1, total: this.cell.series?.imageIds.length ?? 0 });
  }

  private location(series: Series, index: number, number1: (value: number) => string): string[] {
    const { t } = this.hooks;
    if (this.cell.shown.kind === "volume") {
      const focus = this.cell.focus;
      if (!focus) return [];
      const axis = this.cell.shown.view.viewPlaneNormal;
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
    if (this.cell.shown.kind === "volume") return "";
    const thickness = numeric(header, TAG.sliceThickness);
    return thickness === null ? "" : this.hooks.t("thickness", { mm: number1(thickness) });
  }

  private writeSides(): void {
    const camera = this.cell.viewport?.getCamera();
    const known = this.cell.shown.kind === "volume" || this.cell.series?.plane(Math.max(0, this.cell.index));
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
    if (this.cell.isInverted) made.push(badge(t("inverted"), "info"));
    if (index >= 0 && this.hooks.isKeyImage(series, index)) made.push(badge(t("is_key_image"), "key"));
    if (index >= 0 && series.drawnPlane(index)?.isCalibrated === false) {
      made.push(badge(t("uncalibrated"), "info"));
    }
    this.badges.replaceChildren(...made);
  }

  private writeScale(series: Series, index: number, language: Language): void {
    const viewport = this.cell.viewport!;
    const isCalibrated =
      this.cell.shown.kind === "volume" || series.drawnPlane(index)?.isCalibrated === true;
    this.bar.hidden = !isCalibrated;
    if (!isCalibrated) return;
    const height = this.cell.element.clientHeight;
    const width = this.cell.element.clientWidth;
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
