/**
 * Which parts of a slide were looked at: cells of 0.2 mm seen at 10× or more, long enough to see.
 *
 * Kept with the case and said in the opinion; not a measure of anybody's work.
 */

import { type Api, ApiError } from "@common/api";
import { apply, type Affine, boxOf, isWithin, type Point } from "./geometry";
import { mppOf } from "./scale";
import type { Slide } from "./types";

export const CELL_UM = 200;
export const LEAST_MAGNIFICATION = 10;
const DWELL_MS = 250;
const SAVE_MS = 5000;

interface Ledger {
  series_instance_uid: string;
  cell_um: number;
  columns: number;
  rows: number;
  /** Base64 of one bit per cell, row by row, the first cell in the lowest bit. */
  seen: string;
}

export class Coverage {
  readonly columns: number;
  readonly rows: number;
  /** Edge of a cell in level-0 pixels. */
  readonly cell: number;
  readonly seen: Uint8Array;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private saving: ReturnType<typeof setTimeout> | undefined;
  private isDirty = false;
  /** False once the server has said that it keeps no ledger. */
  private isKept: boolean;
  private readonly isMeasured: boolean;

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    private readonly slide: Slide,
    /** What is on the screen is as sharp as it gets. */
    private readonly isSharp: () => boolean,
    private readonly changed: () => void,
  ) {
    const mpp = mppOf(slide);
    this.isMeasured = mpp !== undefined;
    this.isKept = caseId !== "" && this.isMeasured;
    this.cell = CELL_UM / (mpp ?? 1);
    this.columns = Math.ceil(slide.width / this.cell);
    this.rows = Math.ceil(slide.height / this.cell);
    this.seen = new Uint8Array(this.columns * this.rows);
  }

  /** Take up what was seen on an earlier day. */
  async load(): Promise<void> {
    if (!this.isKept) return;
    try {
      const { items } = await this.api.get<{ items: Ledger[] }>(`/cases/${this.caseId}/coverage`);
      const mine = items.find((one) => one.series_instance_uid === this.slide.series_instance_uid);
      if (mine?.columns !== this.columns || mine.rows !== this.rows) return;
      const bits = Uint8Array.from(atob(mine.seen), (letter) => letter.charCodeAt(0));
      for (let i = 0; i < this.seen.length; i++) {
        if ((bits[i >> 3] ?? 0) & (1 << (i & 7))) this.seen[i] = 1;
      }
      this.changed();
    } catch (error) {
      this.refused(error);
    }
  }

  /** The view moved: what it shows counts when it stays. */
  look(toPixel: Affine, size: Point, magnification: number): void {
    clearTimeout(this.timer);
    // Cells count when their middle is well inside the window.
    if (!this.isMeasured || magnification < LEAST_MAGNIFICATION * 0.98) return;
    const [w, h] = size;
    const corners = ([[0, 0], [w, 0], [w, h], [0, h]] as const).map((corner) => apply(toPixel, corner));
    const wait = (): void => {
      this.timer = setTimeout(() => (this.isSharp() ? this.mark(corners) : wait()), DWELL_MS);
    };
    wait();
  }

  private mark(corners: readonly Point[]): void {
    const [x, y, u, v] = boxOf(corners).map((value) => value / this.cell) as [number, number, number, number];
    let fresh = 0;
    for (let row = Math.max(0, Math.floor(y)); row < Math.min(this.rows, v); row++) {
      for (let column = Math.max(0, Math.floor(x)); column < Math.min(this.columns, u); column++) {
        const at = row * this.columns + column;
        const middle = [(column + 0.5) * this.cell, (row + 0.5) * this.cell] as const;
        if (this.seen[at] || !isWithin(middle, corners)) continue;
        this.seen[at] = 1;
        fresh++;
      }
    }
    if (!fresh) return;
    this.isDirty = true;
    this.changed();
    this.saving ??= setTimeout(() => void this.save(), SAVE_MS);
  }

  async save(): Promise<void> {
    clearTimeout(this.saving);
    this.saving = undefined;
    if (!this.isKept || !this.isDirty) return;
    this.isDirty = false;
    const bits = new Uint8Array(Math.ceil(this.seen.length / 8));
    for (let i = 0; i < this.seen.length; i++) if (this.seen[i]) bits[i >> 3]! |= 1 << (i & 7);
    let letters = "";
    for (const byte of bits) letters += String.fromCharCode(byte);
    const ledger: Ledger = {
      series_instance_uid: this.slide.series_instance_uid,
      cell_um: CELL_UM,
      columns: this.columns,
      rows: this.rows,
      seen: btoa(letters),
    };
    try {
      await this.api.put(`/cases/${this.caseId}/coverage`, ledger);
    } catch (error) {
      this.isDirty = true;
      this.refused(error);
    }
  }

  private refused(error: unknown): void {
    // Not a reader of the case, or a server that keeps no ledger: nothing to tell the reader.
    if (error instanceof ApiError && !error.isOffline && error.status !== 401) this.isKept = false;
  }

  destroy(): void {
    clearTimeout(this.timer);
    void this.save();
  }
}
