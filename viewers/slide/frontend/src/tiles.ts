/**
 * Fetches tiles. A few travel alone, where the browser's cache keeps them; what piles up behind
 * them travels together, so that a far server is asked once for many.
 */

import { type Api, ApiError } from "@common/api";
import type { Slide } from "./types";

/** Where a tile is: level of the slide, focal plane, column and row. */
export interface Place {
  level: number;
  plane: number;
  column: number;
  row: number;
}

/** What came for one optical path: a picture, nothing but glass, not received yet, not asked for. */
export type Piece = ImageBitmap | "blank" | "not_received" | "unasked";

interface Wanted {
  path: number;
  place: Place;
  signal: AbortSignal;
  done(piece: Piece): void;
  failed(error: unknown): void;
}

const ALONE = 6;
const TOGETHER = 12;
const BATCHES = 4;

export class Tiles {
  private readonly waiting: Wanted[] = [];
  private alone = 0;
  private batches = 0;

  constructor(
    private readonly api: Api,
    private readonly slide: Slide,
  ) {}

  /** One piece for every optical path of the place; only those in `paths` are asked for. */
  load(place: Place, paths: ReadonlySet<number>, signal: AbortSignal): Promise<Piece[]> {
    return Promise.all(
      this.slide.optical_paths.map((_, path) =>
        paths.has(path)
          ? new Promise<Piece>((done, failed) => {
              this.waiting.push({ path, place, signal, done, failed });
              this.go();
            })
          : "unasked",
      ),
    );
  }

  private get root(): string {
    return `/slides/v1/${this.slide.slide}/${this.slide.version}`;
  }

  private go(): void {
    this.drop();
    while (this.waiting.length > 0 && this.alone < ALONE) {
      const wanted = this.waiting.shift()!;
      this.alone++;
      void this.fetchOne(wanted).finally(() => {
        this.alone--;
        this.go();
      });
    }
    // One more than fits: a batch of two already saves a round trip.
    while (this.waiting.length > 1 && this.batches < BATCHES) {
      const together = this.waiting.splice(0, TOGETHER);
      this.batches++;
      void this.fetchMany(together).finally(() => {
        this.batches--;
        this.go();
      });
    }
  }

  /** Places that scrolled away before their turn. */
  private drop(): void {
    for (let i = this.waiting.length - 1; i >= 0; i--) {
      if (!this.waiting[i]!.signal.aborted) continue;
      this.waiting.splice(i, 1)[0]!.failed(new DOMException("", "AbortError"));
    }
  }

  private async fetchOne(wanted: Wanted): Promise<void> {
    const { level, plane, column, row } = wanted.place;
    try {
      const address = `${this.root}/${level}/${wanted.path}/${plane}/${column}/${row}`;
      const response = await this.api.request(address, { signal: wanted.signal });
      if (response.status === 204) wanted.done("blank");
      else wanted.done(await this.decode(await response.blob(), wanted));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) wanted.done("not_received");
      else wanted.failed(error);
    }
  }

  private async fetchMany(together: readonly Wanted[]): Promise<void> {
    const at = together
      .map(({ path, place }) => `${place.level}.${path}.${place.plane}.${place.column}.${place.row}`)
      .join(",");
    try {
      const response = await this.api.request(`${this.root}/tiles?at=${at}`);
      const bytes = await response.arrayBuffer();
      const view = new DataView(bytes);
      let offset = 0;
      await Promise.all(
        together.map((wanted) => {
          const length = view.getUint32(offset, true);
          const start = offset + 4;
          offset = start + length;
          // Glass or not received: only the tile itself tells which.
          if (length === 0) return this.fetchOne(wanted);
          const blob = new Blob([new Uint8Array(bytes, start, length)]);
          return this.decode(blob, wanted).then(wanted.done, wanted.failed);
        }),
      );
    } catch (error) {
      for (const wanted of together) wanted.failed(error);
    }
  }

  /** Border tiles are filled up to their full size: only what belongs to the level is kept. */
  private decode(blob: Blob, { place }: Wanted): Promise<ImageBitmap> {
    const [width, height] = extentOf(this.slide, place);
    // The numbers of the file, not what a browser makes of an embedded profile.
    const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" } as const;
    return createImageBitmap(blob, 0, 0, width, height, options);
  }
}

/** Width and height of a tile within its level. */
export function extentOf(slide: Slide, { level, column, row }: Place): [number, number] {
  const of = slide.levels.find((one) => one.level === level)!;
  return [
    Math.min(of.tile_width, of.width - column * of.tile_width),
    Math.min(of.tile_height, of.height - row * of.tile_height),
  ];
}
