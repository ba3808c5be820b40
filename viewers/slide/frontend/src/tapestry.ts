/** What OpenSeadragon shows of a slide: the overview below, the pyramid above, painted by a look. */

import OpenSeadragon from "openseadragon";
import { type Api, ApiError } from "@common/api";
import type { Early } from "./early";
import { isMixed, type Look } from "./look";
import { blankCanvas, type Painter, painter, type Tables } from "./painter";
import { overviewSource, pyramidSource, type SourceHooks } from "./source";
import { densityMatrix, type Fit, fitStains } from "./stains";
import { type Piece, Tiles } from "./tiles";
import type { Slide } from "./types";

export interface TapestryHooks {
  look(): Look;
  /** So many tiles did not come. */
  trouble(count: number): void;
  /** Every tile in sight has come, or some have not. */
  sharpened(): void;
  /** The small picture has other colours. */
  recoloured(): void;
}

export class Tapestry {
  private readonly painter: Painter = painter();
  private readonly tiles: Tiles;
  /** Painted tiles and what they were painted from, as long as OpenSeadragon keeps them. */
  private readonly kept = new Map<CanvasRenderingContext2D, readonly Piece[]>();
  private readonly ready: Promise<unknown>;
  private table: Uint8Array | undefined;
  private overview: CanvasRenderingContext2D | undefined;
  private raw: ImageBitmap | undefined;
  private bottom: OpenSeadragon.TiledImage | undefined;
  private fit: Fit | undefined;
  private isFitted = false;
  private failures = 0;
  private plane = 0;
  /** Optical paths whose tiles are asked for. */
  private paths: ReadonlySet<number> = new Set();
  private painting = 0;
  /** Pyramids that were hung and are not in OpenSeadragon's world yet. */
  private hanging = 0;

  constructor(
    private readonly api: Api,
    private readonly slide: Slide,
    private readonly osd: OpenSeadragon.Viewer,
    private readonly early: Early,
    private readonly hooks: TapestryHooks,
  ) {
    this.tiles = new Tiles(api, slide);
    osd.addHandler("tile-unloaded", () => this.forget());
    this.ready = slide.icc ? this.loadProfile() : Promise.resolve();
  }

  get isAble(): boolean {
    return this.painter.isAble;
  }

  get overviewCanvas(): HTMLCanvasElement | undefined {
    return this.overview?.canvas;
  }

  get overviewPixels(): ImageData | undefined {
    if (!this.raw) return undefined;
    const { width, height } = this.raw;
    const pen = blankCanvas(width, height);
    const look: Look = { corrected: true, stain: "none", channels: [] };
    this.paintPicture(pen, this.raw, look, { profile: this.table, density: undefined });
    return pen.getImageData(0, 0, width, height);
  }

  /** Put the small picture below everything. */
  async under(picture: ImageBitmap): Promise<void> {
    await this.ready;
    this.raw = picture;
    this.overview = blankCanvas(picture.width, picture.height);
    this.paintOverview(this.overview);
    const hooks = {
      paint: (target: CanvasRenderingContext2D) => this.paintOverview(target),
      came: (target: CanvasRenderingContext2D) => this.kept.set(target, []),
    };
    this.osd.addTiledImage({
      tileSource: overviewSource(this.slide, picture, hooks),
      width: 1,
      index: 0,
      success: (event: Event) => (this.bottom = itemOf(event)),
    });
  }

  /** Show the pyramid of a focal plane; the one before goes when the new one is there. */
  hang(plane: number): void {
    const before = this.pyramids;
    const { channels } = this.hooks.look();
    this.plane = plane;
    this.paths = new Set([...channels.keys()].filter((path) => channels[path]!.isOn));
    const hooks: SourceHooks = {
      paint: (target, pieces) => this.paint(target, pieces),
      came: (target, pieces) => {
        this.kept.set(target, pieces);
        if (this.failures) this.hooks.trouble((this.failures = 0));
      },
      failed: (error) => this.failed(error),
      ready: this.ready,
    };
    this.hanging++;
    this.hooks.sharpened();
    this.osd.addTiledImage({
      tileSource: pyramidSource(this.slide, plane, this.paths, this.tiles, this.early, hooks),
      width: 1,
      success: (event: Event) => {
        this.hanging--;
        const item = itemOf(event);
        const drop = (): void => {
          for (const image of before.splice(0)) this.osd.world.removeItem(image);
        };
        item.addHandler("fully-loaded-change", () => {
          if (item.getFullyLoaded()) drop();
          this.hooks.sharpened();
        });
      },
    });
  }

  private get pyramids(): OpenSeadragon.TiledImage[] {
    const { world } = this.osd;
    return Array.from({ length: world.getItemCount() }, (_, i) => world.getItemAt(i)).filter(
      (image) => image !== this.bottom,
    );
  }

  /** Every tile in sight has come, of the plane and the channels that are wanted now. */
  get isSharp(): boolean {
    return this.hanging === 0 && this.pyramids.every((image) => image.getFullyLoaded());
  }

  /** Ask again for what did not come. */
  again(): void {
    this.failures = 0;
    for (const image of this.pyramids) image.reset();
    this.osd.forceRedraw();
  }

  /** Paint everything again from what came: once a frame at most. Asks for channels that are new. */
  repaint(): void {
    const { channels } = this.hooks.look();
    if (channels.some((channel, path) => channel.isOn && !this.paths.has(path))) this.hang(this.plane);
    if (this.painting) return;
    this.painting = requestAnimationFrame(() => {
      this.painting = 0;
      this.forget();
      for (const [target, pieces] of this.kept) {
        if (pieces.length) this.paint(target, pieces);
        else this.paintOverview(target);
      }
      if (this.overview) this.paintOverview(this.overview);
      this.osd.forceRedraw();
      this.hooks.recoloured();
    });
  }

  destroy(): void {
    cancelAnimationFrame(this.painting);
    this.kept.clear();
    this.raw?.close();
  }

  private get tables(): Tables {
    const { stain } = this.hooks.look();
    if (stain === "normalised" && !this.isFitted && this.raw) {
      this.isFitted = true;
      this.fit = fitStains(this.overviewPixels!.data);
    }
    return { profile: this.table, density: densityMatrix(stain, this.fit) };
  }

  private paint(target: CanvasRenderingContext2D, pieces: readonly Piece[]): void {
    this.painter.paint(target, pieces, this.slide, this.hooks.look(), this.tables);
  }

  private paintOverview(target: CanvasRenderingContext2D): void {
    if (this.raw) this.paintPicture(target, this.raw, { ...this.hooks.look(), channels: [] }, this.tables);
  }

  /** The small picture: of channels the server has mixed it; of colour it came as the tiles come. */
  private paintPicture(target: CanvasRenderingContext2D, picture: ImageBitmap, look: Look, tables: Tables): void {
    if (isMixed(this.slide)) target.drawImage(picture, 0, 0);
    else this.painter.paint(target, [picture], this.slide, look, tables);
  }

  /** Without it the slide is shown as the scanner saw it, and said to be. */
  private async loadProfile(): Promise<void> {
    const { slide, version } = this.slide;
    try {
      const response = await this.api.request(`/slides/v1/${slide}/${version}/icc`);
      this.table = new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      this.hooks.look().corrected = false;
      this.failed(error);
    }
  }

  /** OpenSeadragon empties the canvases it drops. */
  private forget(): void {
    for (const [target, pieces] of this.kept) {
      if (target.canvas.width > 0) continue;
      this.kept.delete(target);
      for (const piece of pieces) if (piece instanceof ImageBitmap) piece.close();
    }
  }

  private failed(error: unknown): void {
    if (error instanceof DOMException && error.name === "AbortError") return;
    if (!(error instanceof ApiError)) console.error(error);
    this.hooks.trouble(++this.failures);
  }
}

function itemOf(event: Event): OpenSeadragon.TiledImage {
  return (event as unknown as { item: OpenSeadragon.TiledImage }).item;
}
