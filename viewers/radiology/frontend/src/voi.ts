/** The window of one viewport: what the file tells, what the reader chose, and which way grey goes. */

import type { Types } from "@cornerstonejs/core";
import { text, values } from "./dicomweb";
import type { Series } from "./series";
import { type Range, rangeOf } from "./windows";

/** What the window is of; a cell is one. */
export interface Windowed {
  readonly series: Series | undefined;
  readonly stackViewport: Types.IStackViewport | undefined;
  readonly viewport: Types.IStackViewport | Types.IVolumeViewport | undefined;
  readonly index: number;
}

// Colour is shown as it is; a window would tint it.
const COLOUR_RANGE: Range = { lower: 0, upper: 255 };

export class Voi {
  private file: Range | undefined;
  private chosen: Range | undefined;
  private inverted = false;

  constructor(private readonly of: Windowed) {}

  /** Something else is shown from now on. */
  forget(): void {
    this.file = this.chosen = undefined;
    this.inverted = false;
  }

  get range(): Range | undefined {
    return this.of.viewport?.getProperties()?.voiRange ?? undefined;
  }

  get isInverted(): boolean {
    return this.inverted;
  }

  /** The stack's frame `index` is there, with Cornerstone's window or the file's. */
  begin(series: Series, index: number): void {
    this.file = toldRange(series, index) ?? this.range;
    // The reader may have chosen a window while the first image was on its way.
    this.apply(this.chosen ?? this.file);
  }

  /** The volume is there: with the window of before, or the file's. */
  beginVolume(series: Series, before: Range | undefined): void {
    this.file = toldRange(series, series.set.frames.length >> 1);
    this.apply(before ?? this.file);
  }

  choose(range: Range): void {
    if (this.of.series?.isColourAt(Math.max(0, this.of.index))) return;
    this.chosen = range;
    this.apply(range);
    this.of.viewport?.render();
  }

  /** Back to the window of the file. */
  restore(): void {
    if (this.file) this.choose(this.file);
  }

  /** An image asked for before the first one had come brings its own window with it. */
  keep(index: number): void {
    const wanted = this.chosen ?? this.file;
    const { range } = this;
    if (!wanted || !range || this.of.series?.isColourAt(index)) return;
    if (Math.abs(range.lower - wanted.lower) + Math.abs(range.upper - wanted.upper) < 0.01) return;
    this.apply(wanted);
    this.of.viewport?.render();
  }

  /** In a series of grey and coloured images each kind keeps a window of its own. */
  mix(from: number, to: number): void {
    const { series } = this.of;
    if (!series || !this.of.stackViewport || from < 0) return;
    const isColour = series.isColourAt(to);
    if (isColour === series.isColourAt(from)) return;
    this.apply(isColour ? COLOUR_RANGE : (this.chosen ?? toldRange(series, to)));
  }

  invert(): void {
    const { viewport, series, index } = this.of;
    if (!viewport) return;
    this.inverted = !this.inverted;
    const isNegative = text(series?.header(Math.max(0, index)), "00280004") === "MONOCHROME1";
    viewport.setProperties({ invert: this.inverted !== isNegative });
    viewport.render();
  }

  private apply(range: Range | undefined): void {
    if (range) this.of.viewport?.setProperties({ voiRange: range });
  }
}

/** The first window of the file; soft tissue for a CT that tells none. */
function toldRange(series: Series, index: number): Range | undefined {
  if (series.isColourAt(index)) return COLOUR_RANGE;
  const header = series.header(index);
  const centre = Number(values(header, "00281050")[0]);
  const width = Number(values(header, "00281051")[0]);
  if (Number.isFinite(centre) && Number.isFinite(width) && width >= 1) {
    return rangeOf(width, centre);
  }
  return series.isCtAt(index) ? rangeOf(400, 40) : undefined;
}
