/** A slide's own pyramid for OpenSeadragon: any ratio between levels, any tile size on each. */

import OpenSeadragon from "openseadragon";
import type { Early } from "./early";
import { blankCanvas } from "./painter";
import { extentOf, type Piece, type Place, type Tiles } from "./tiles";
import type { Slide } from "./types";

export interface SourceHooks {
  paint(target: CanvasRenderingContext2D, pieces: readonly Piece[]): void;
  /** A tile came and is kept as long as OpenSeadragon keeps it. */
  came(target: CanvasRenderingContext2D, pieces: readonly Piece[]): void;
  failed(error: unknown): void;
  /** Nothing is painted before. */
  ready: Promise<unknown>;
}

/** OpenSeadragon's job of fetching one tile, as far as we use it. */
interface Job {
  src: string;
  userData: { abort?: AbortController };
  finish(data: unknown, request: null, kind: string): void;
  fail(reason: string, request: null): void;
}

/**
 * Smallest first, as OpenSeadragon counts levels. Of a level that is on its way there are the `early`
 * tiles; elsewhere the next smaller one is stretched.
 */
export function pyramidSource(
  slide: Slide,
  plane: number,
  paths: ReadonlySet<number>,
  tiles: Tiles,
  early: Early,
  hooks: SourceHooks,
): OpenSeadragon.TileSource {
  const levels = [...slide.levels].sort((a, b) => b.downsample[0] - a.downsample[0]);
  const of = (level: number): Slide["levels"][number] => levels[level]!;
  const { width, height } = slide;
  const source = new OpenSeadragon.TileSource({
    width,
    height,
    tileSize: of(levels.length - 1).tile_width,
    minLevel: 0,
    maxLevel: levels.length - 1,
    ready: true,
  });
  const overrides = {
    getLevelScale: (level: number) => (levels[level] ? 1 / of(level).downsample[0] : 0),
    getTileWidth: (level: number) => of(level).tile_width,
    getTileHeight: (level: number) => of(level).tile_height,
    getNumTiles: (level: number) =>
      levels[level]
        ? new OpenSeadragon.Point(of(level).columns, of(level).rows)
        : new OpenSeadragon.Point(0, 0),
    getTileAtPoint(level: number, point: OpenSeadragon.Point) {
      const at = of(level);
      const clip = (value: number, count: number): number => Math.min(count - 1, Math.max(0, value));
      return new OpenSeadragon.Point(
        clip(Math.floor((point.x * width) / at.downsample[0] / at.tile_width), at.columns),
        clip(Math.floor((point.y * width) / at.downsample[1] / at.tile_height), at.rows),
      );
    },
    /** Where the tile lies, by the level's own ratios; in widths of the slide. */
    getTileBounds(level: number, x: number, y: number, isSource = false) {
      const at = of(level);
      const [w, h] = extentOf(slide, { level: at.level, plane, column: x, row: y });
      if (isSource) return new OpenSeadragon.Rect(0, 0, w, h);
      const [sx, sy] = at.downsample;
      const left = x * at.tile_width * sx;
      const top = y * at.tile_height * sy;
      // The last level pixel may reach a little beyond the slide.
      const right = Math.min(left + w * sx, width);
      const bottom = Math.min(top + h * sy, height);
      return new OpenSeadragon.Rect(left / width, top / width, (right - left) / width, (bottom - top) / width);
    },
    getTileUrl: (level: number, x: number, y: number) =>
      `${slide.slide}/${slide.version}/${of(level).level}/${plane}/${x}/${y}/${[...paths].join(".")}`,
    tileExists: (level: number, x: number, y: number) => {
      const at = levels[level];
      return at !== undefined && (at.received !== 0 || early.has(at.level, x, y));
    },
    hasTransparency: () => false,
    downloadTileStart(job: Job) {
      const [level, at, column, row] = job.src.split("/").slice(2).map(Number) as [number, number, number, number];
      const place: Place = { level, plane: at, column, row };
      const abort = new AbortController();
      job.userData.abort = abort;
      Promise.all([tiles.load(place, paths, abort.signal), hooks.ready]).then(
        ([pieces]) => {
          if (pieces.includes("not_received") && early.has(level, column, row)) {
            early.lost(level, column, row);
            job.fail("the tile was not given", null);
            return;
          }
          const target = blankCanvas(...extentOf(slide, place));
          hooks.paint(target, pieces);
          hooks.came(target, pieces);
          job.finish(target, null, "context2d");
        },
        (error: unknown) => {
          if (abort.signal.aborted) return;
          hooks.failed(error);
          job.fail("the tile did not come", null);
        },
      );
    },
    downloadTileAbort(job: Job) {
      job.userData.abort?.abort();
    },
  };
  return Object.assign(source, overrides) as unknown as OpenSeadragon.TileSource;
}

/** The whole slide as one small picture, below everything: there is never a white gap. */
export function overviewSource(
  slide: Slide,
  picture: ImageBitmap,
  hooks: Pick<SourceHooks, "paint" | "came">,
): OpenSeadragon.TileSource {
  const source = new OpenSeadragon.TileSource({
    width: slide.width,
    height: slide.height,
    tileSize: Math.max(slide.width, slide.height),
    minLevel: 0,
    maxLevel: 0,
    ready: true,
  });
  const overrides = {
    getLevelScale: () => 1,
    getNumTiles: () => new OpenSeadragon.Point(1, 1),
    getTileAtPoint: () => new OpenSeadragon.Point(0, 0),
    getTileBounds: (_level: number, _x: number, _y: number, isSource = false) =>
      isSource
        ? new OpenSeadragon.Rect(0, 0, picture.width, picture.height)
        : new OpenSeadragon.Rect(0, 0, 1, slide.height / slide.width),
    getTileUrl: () => `${slide.slide}/${slide.version}/overview`,
    hasTransparency: () => false,
    downloadTileStart(job: Job) {
      const target = blankCanvas(picture.width, picture.height);
      hooks.paint(target, [picture]);
      hooks.came(target, [picture]);
      job.finish(target, null, "context2d");
    },
    downloadTileAbort: () => undefined,
  };
  return Object.assign(source, overrides) as unknown as OpenSeadragon.TileSource;
}
