/**
 * Tiles of levels that are still on their way. The server is told which of them the reader looks at,
 * asks the sender for those first, and says which are there.
 */

import { type Api, ApiError } from "@common/api";
import { leastPixelRatio } from "./scale";
import type { Level, Slide } from "./types";

/** A view that rests so long is looked at. */
const REST_MS = 500;
/** A block takes seconds over a slow line. */
const AGAIN_MS = 3000;
const TROUBLE_MS = 15_000;

interface Box {
  level: Level;
  column: number;
  row: number;
  columns: number;
  rows: number;
}

/** Pixels of level 0. */
interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface EarlyHooks {
  /** Somebody sends the slide now. */
  isArriving(): boolean;
  /** The server answered; `isMore`: more tiles are here. */
  heard(isMore: boolean): void;
}

export class Early {
  /** The place in sight is sent before the rest. */
  isFirst = false;
  private readonly here = new Set<string>();
  /** Said to be here, and not given: the server refuses the file, or the sender has gone. */
  private readonly refused = new Set<string>();
  private box: Box | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isOver = false;

  constructor(
    private readonly api: Api,
    private readonly slide: Slide,
    private readonly hooks: EarlyHooks,
  ) {}

  has(level: number, column: number, row: number): boolean {
    return this.here.has(`${level}/${column}/${row}`);
  }

  /** The tile was not given after all. */
  lost(level: number, column: number, row: number): void {
    const key = `${level}/${column}/${row}`;
    this.here.delete(key);
    this.refused.add(key);
    // What is stretched there must not count as seen.
    this.hooks.heard(false);
  }

  /** Pixels of level 0 in one of the level in sight, when that has come where the reader looks. */
  get finest(): number | undefined {
    if (!this.box) return undefined;
    const { level, ...box } = this.box;
    for (let row = box.row; row < box.row + box.rows; row++) {
      for (let column = box.column; column < box.column + box.columns; column++) {
        if (!this.has(level.level, column, row)) return undefined;
      }
    }
    return level.downsample[0];
  }

  /** The view shows this region, at so many screen pixels per level-0 pixel. */
  look(region: Region, scale: number): void {
    const box = this.boxOf(region, scale);
    if (JSON.stringify(box) === JSON.stringify(this.box)) return;
    this.box = box;
    this.isFirst = false;
    this.ask(REST_MS);
  }

  destroy(): void {
    this.isOver = true;
    clearTimeout(this.timer);
  }

  private ask(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.box && this.finest === undefined) this.timer = setTimeout(() => void this.wish(), milliseconds);
  }

  private async wish(): Promise<void> {
    const { box, slide } = this;
    if (!box || document.hidden || !this.hooks.isArriving()) return this.ask(AGAIN_MS);
    const { level, column, row, columns, rows } = box;
    const said = new URLSearchParams(
      Object.entries({ level: level.level, column, row, columns, rows }).map(([name, value]) => [name, String(value)]),
    );
    try {
      const response = await this.api.request(`/slides/v1/${slide.slide}/${slide.version}/wish?${said}`, {
        method: "POST",
        headers: { "X-Hoichan-Background": "1" },
      });
      const { here } = (await response.json()) as { here: [number, number][] | null };
      if (this.isOver) return;
      const isMore = this.take(level, here ?? []);
      // The view may have gone on meanwhile, and asks for itself.
      if (this.box === box) {
        this.isFirst = here !== null;
        if (here) this.ask(AGAIN_MS);
      }
      this.hooks.heard(isMore);
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
      if (this.box === box && !this.isOver) this.ask(TROUBLE_MS);
    }
  }

  private take(level: Level, here: readonly [number, number][]): boolean {
    const before = this.here.size;
    for (const [column, row] of here) {
      const key = `${level.level}/${column}/${row}`;
      if (!this.refused.has(key)) this.here.add(key);
    }
    return this.here.size > before;
  }

  /** The tiles of the level that would be drawn, when nothing of it has come. */
  private boxOf({ x, y, width, height }: Region, scale: number): Box | undefined {
    const least = leastPixelRatio(this.slide);
    const level = this.slide.levels.find(({ downsample }) => scale * downsample[0] >= least);
    if (!level || level.received !== 0) return undefined;
    const [w, t] = [level.tile_width * level.downsample[0], level.tile_height * level.downsample[1]];
    const [column, row] = [Math.floor(x / w), Math.floor(y / t)];
    return {
      level,
      column,
      row,
      columns: Math.min(level.columns, Math.ceil((x + width) / w)) - column,
      rows: Math.min(level.rows, Math.ceil((y + height) / t)) - row,
    };
  }
}
