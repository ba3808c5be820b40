/** One slide in one window: OpenSeadragon, what lies over it, and the words at its corners. */

import OpenSeadragon from "openseadragon";
import { type Api, ApiError } from "@common/api";
import { h } from "@common/dom";
import type { Language } from "@common/host";
import type { Translate } from "@common/i18n";
import { finestHere, type Place, sharpAt } from "./arrival";
import { Coverage } from "./coverage";
import { Early } from "./early";
import { apply, type Affine, invert, type Point, SlidePlane } from "./geometry";
import { FIRST_CHANNELS, firstLook, isMixed, type Look } from "./look";
import type { MessageKey } from "./messages";
import { Navigator } from "./navigator";
import { PaneWords } from "./panewords";
import { overviewAddress } from "./prepare";
import { leastPixelRatio, MOST_ZOOM, mppOf, nativeOf } from "./scale";
import { Tapestry } from "./tapestry";
import type { Slide } from "./types";

export interface PaneHooks {
  t: Translate<MessageKey>;
  language(): Language;
  /** The view moved, turned or grew; the pane is drawn anew. */
  moved(pane: Pane): void;
  /** The reader touched it. */
  chosen(pane: Pane): void;
}

/** Where a pane looks: middle in level-0 pixels, screen pixels per level-0 pixel, turn, mirror. */
export interface View {
  middle: Point;
  scale: number;
  degrees: number;
  flipped: boolean;
}

const BYTES_OF_TILES = 320e6;
const PAN_SHARE = 0.8; // of a field, so that neighbours overlap

export class Pane {
  readonly root = h("div", { class: "hs-pane", tabindex: -1 });
  readonly plane: SlidePlane;
  readonly coverage: Coverage;
  readonly look: Look;
  /** Scanners go from below the section to above it: the middle one is sharp, if any is. */
  focus: number;
  private readonly stage = h("div", { class: "hs-stage" });
  private readonly osd: OpenSeadragon.Viewer;
  private readonly tapestry: Tapestry;
  private readonly early: Early;
  private readonly navigator: Navigator;
  private readonly words: PaneWords;
  private readonly resizing: ResizeObserver;
  private overview: ImageBitmap | undefined;
  /** The view as it was told last. */
  private told = "";

  constructor(
    private readonly api: Api,
    readonly slide: Slide,
    caseId: string,
    /** Where to look first; the whole slide when absent. */
    first: View | undefined,
    private readonly hooks: PaneHooks,
  ) {
    this.root.dataset["slide"] = slide.slide;
    this.plane = new SlidePlane(slide);
    this.look = firstLook(slide);
    this.focus = Math.max(0, Math.floor((slide.focal_planes.length - 1) / 2));
    this.coverage = new Coverage(
      api,
      caseId,
      slide,
      () => this.tapestry.isSharp,
      () => this.navigator.draw(),
    );
    this.navigator = new Navigator(slide, this.coverage, (pixel) => this.goTo(pixel));
    this.words = new PaneWords(slide, hooks.t, hooks.language, () => this.retry());
    this.root.append(this.stage, this.words.root, this.navigator.root);
    const { tile_width: w, tile_height: t } = slide.levels[0]!;
    const tileBytes = w * t * 4 * (1 + Math.min(slide.optical_paths.length, FIRST_CHANNELS));
    this.osd = new OpenSeadragon.Viewer({
      element: this.stage,
      drawer: "canvas",
      showNavigationControl: false,
      showNavigator: false,
      immediateRender: false,
      blendTime: 0,
      animationTime: 0.25,
      springStiffness: 9,
      visibilityRatio: 0.2,
      minZoomImageRatio: 0.05,
      preserveImageSizeOnResize: true,
      maxZoomPixelRatio: MOST_ZOOM,
      minPixelRatio: leastPixelRatio(slide),
      smoothTileEdgesMinZoom: Infinity,
      imageLoaderLimit: 48,
      maxTilesPerFrame: 24,
      loadDestinationTilesOnAnimation: true,
      maxImageCacheCount: Math.round(Math.min(1200, Math.max(80, BYTES_OF_TILES / tileBytes))),
      tileRetryMax: 2,
      tileRetryDelay: 1500,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false, flickEnabled: false },
      gestureSettingsTouch: { dblClickToZoom: false, pinchRotate: true },
      zoomPerScroll: 1.25,
    } as OpenSeadragon.Options);
    this.early = new Early(api, slide, {
      isArriving: () => typeof this.words.share === "number",
      heard: (isMore) => {
        // What is painted already is hung anew without being fetched.
        if (isMore) this.tapestry.hang(this.focus);
        this.follow();
      },
    });
    this.tapestry = new Tapestry(api, slide, this.osd, this.early, {
      look: () => this.look,
      trouble: (count) => this.words.trouble(count),
      recoloured: () => this.repaintNavigator(),
      sharpened: () => (this.root.dataset["sharp"] = String(this.tapestry.isSharp)),
    });
    // OpenSeadragon fits the first image by itself, without a margin.
    this.osd.world.addOnceHandler("add-item", () =>
      queueMicrotask(() => (first ? this.setView(first, true) : this.fit(true))),
    );
    this.osd.addHandler("canvas-key", (event) => (event.preventDefaultAction = true));
    this.osd.addHandler("update-viewport", () => this.follow());
    this.osd.addHandler("animation-finish", () => this.follow());
    this.root.addEventListener("pointerdown", () => hooks.chosen(this), { capture: true });
    this.resizing = new ResizeObserver(() => this.resized());
    this.resizing.observe(this.root);
    void this.open();
  }

  /** The small picture first, then tiles over it. */
  private async open(): Promise<void> {
    this.tapestry.hang(this.focus);
    void this.coverage.load();
    try {
      const response = await this.api.request(overviewAddress(this.slide));
      this.overview = await createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
      await this.tapestry.under(this.overview);
      this.repaintNavigator();
    } catch (error) {
      // The tiles tell by themselves whether the server can be reached.
      if (!(error instanceof ApiError)) console.error(error);
    }
  }

  destroy(): void {
    this.resizing.disconnect();
    this.early.destroy();
    this.coverage.destroy();
    this.tapestry.destroy();
    this.osd.destroy();
    this.root.remove();
  }

  // ---- the view

  get size(): Point {
    return [this.stage.clientWidth, this.stage.clientHeight];
  }

  /** As wide as OpenSeadragon takes the pane to be: a frame behind the page that is being resized. */
  private get across(): number {
    const { x } = this.osd.viewport.getContainerSize();
    return x > 1 ? x : this.size[0];
  }

  /** Where the pane looks now (`going` false) or is on its way to. */
  view(going = false): View {
    const { viewport } = this.osd;
    const middle = viewport.getCenter(!going);
    return {
      middle: [middle.x * this.slide.width, middle.y * this.slide.width],
      scale: (viewport.getZoom(!going) * this.across) / this.slide.width,
      degrees: viewport.getRotation(!going),
      flipped: viewport.getFlip(),
    };
  }

  setView(view: View, immediately = false): void {
    const { viewport } = this.osd;
    if (viewport.getFlip() !== view.flipped) viewport.setFlip(view.flipped);
    viewport.setRotation(view.degrees, immediately);
    viewport.zoomTo((view.scale * this.slide.width) / this.across, undefined, immediately);
    const { width } = this.slide;
    viewport.panTo(new OpenSeadragon.Point(view.middle[0] / width, view.middle[1] / width), immediately);
    viewport.applyConstraints(immediately);
    this.tellStill();
  }

  /** For who watches the page: false from when the view is sent elsewhere until it is there, drawn. */
  private tellStill(): void {
    this.root.dataset["still"] = String(this.told === keyOf(this.view(true)));
  }

  /** Level-0 pixels to pixels of the pane. */
  get toScreen(): Affine {
    return screenOf(this.view(), this.size);
  }

  get toPixel(): Affine {
    return invert(this.toScreen);
  }

  /** Undefined when the slide does not tell its pixel size. */
  magnification(going = false): number | undefined {
    const native = nativeOf(this.slide);
    return native === undefined ? undefined : native * this.view(going).scale;
  }

  magnify(magnification: number): void {
    const native = nativeOf(this.slide);
    if (native === undefined) return;
    const scale = Math.min(magnification / native, MOST_ZOOM);
    this.setView({ ...this.view(true), scale });
  }

  zoomBy(factor: number): void {
    const view = this.view(true);
    this.setView({ ...view, scale: Math.min(MOST_ZOOM, view.scale * factor) });
  }

  fit(immediately = false): void {
    const view = this.view(true);
    const turn = (view.degrees * Math.PI) / 180;
    const [c, s] = [Math.abs(Math.cos(turn)), Math.abs(Math.sin(turn))];
    const { width, height } = this.slide;
    const [w, t] = this.size;
    const scale = 0.97 * Math.min(w / (c * width + s * height), t / (s * width + c * height));
    this.setView({ ...view, middle: [width / 2, height / 2], scale }, immediately);
  }

  /** By a share of the field, as the screen goes. */
  pan(right: number, down: number): void {
    const view = this.view(true);
    const [w, t] = this.size;
    const [a, b, , d, e] = invert(screenOf(view, this.size));
    const [x, y] = [right * PAN_SHARE * w, down * PAN_SHARE * t];
    const [mx, my] = view.middle;
    this.setView({ ...view, middle: [mx + a * x + b * y, my + d * x + e * y] });
  }

  goTo(middle: Point, scale?: number): void {
    const view = this.view(true);
    this.setView({ ...view, middle, scale: scale ?? view.scale });
  }

  turnTo(degrees: number): void {
    this.setView({ ...this.view(true), degrees: ((degrees % 360) + 360) % 360 });
  }

  flip(): void {
    const view = this.view(true);
    this.setView({ ...view, flipped: !view.flipped }, true);
  }

  /** The part of the slide in sight, level-0 pixels, whole and within the slide. */
  get region(): { x: number; y: number; width: number; height: number } {
    const [w, t] = this.size;
    const corners = ([[0, 0], [w, 0], [w, t], [0, t]] as const).map((p) => apply(this.toPixel, p));
    const clip = (value: number, most: number): number => Math.round(Math.min(most, Math.max(0, value)));
    const x = clip(Math.min(...corners.map((p) => p[0])), this.slide.width - 1);
    const y = clip(Math.min(...corners.map((p) => p[1])), this.slide.height - 1);
    const right = clip(Math.max(...corners.map((p) => p[0])), this.slide.width);
    const bottom = clip(Math.max(...corners.map((p) => p[1])), this.slide.height);
    return { x, y, width: Math.max(1, right - x), height: Math.max(1, bottom - y) };
  }

  // ---- colours and planes

  /** The look changed: everything on the screen is painted again from what came. */
  repaint(): void {
    this.tapestry.repaint();
    this.rewrite();
  }

  setFocus(plane: number): void {
    const last = this.slide.focal_planes.length - 1;
    const wanted = Math.min(last, Math.max(0, plane));
    if (wanted === this.focus) return;
    this.focus = wanted;
    this.tapestry.hang(wanted);
    this.rewrite();
  }

  get isMixed(): boolean {
    return isMixed(this.slide);
  }

  /** RGBA of the overview, for what is told from it: tissue, stains. */
  get overviewPixels(): ImageData | undefined {
    return this.tapestry.overviewPixels;
  }

  retry(): void {
    this.words.trouble(0);
    this.tapestry.again();
    if (!this.overview) void this.open();
  }

  /** More of the slide has come, and none of it to be shown yet. */
  arrived(share: number | null | undefined): void {
    this.words.share = share;
    this.rewrite();
  }

  choose(isChosen: boolean): void {
    this.root.classList.toggle("hs-active", isChosen);
  }

  /** Words again: the language, the look or the layout changed. */
  rewrite(): void {
    const um = mppOf(this.slide);
    const { scale, degrees, flipped } = this.view();
    this.words.write({
      magnification: this.magnification(),
      umPerPixel: um === undefined ? undefined : um / scale,
      degrees,
      flipped,
      look: this.look,
      plane: this.slide.focal_planes[this.focus],
      place: this.place,
      paintsAble: this.tapestry.isAble,
    });
  }

  private get place(): Place {
    return { finest: this.early.finest ?? finestHere(this.slide), isFirst: this.early.isFirst };
  }

  private repaintNavigator(): void {
    const picture = this.tapestry.overviewCanvas;
    if (picture) this.navigator.show(picture);
  }

  private resized(): void {
    this.osd.forceResize();
    this.follow();
  }

  private follow(): void {
    if (this.size[0] === 0) return;
    const toPixel = this.toPixel;
    const view = this.view();
    const { middle, scale, degrees, flipped } = view;
    this.root.dataset["view"] = [...middle, scale, degrees, Number(flipped)].join(" ");
    this.told = keyOf(view);
    this.tellStill();
    this.root.dataset["sharp"] = String(this.tapestry.isSharp);
    this.navigator.follow(toPixel, this.size);
    this.early.look(this.region, scale);
    this.coverage.look(toPixel, this.size, sharpAt(this.slide, this.magnification() ?? 0, this.place));
    this.rewrite();
    this.hooks.moved(this);
  }
}

/** Equal for views that nobody can tell apart. */
export function keyOf({ middle, scale, degrees, flipped }: View): string {
  return [...middle.map((value) => value.toFixed(3)), scale.toPrecision(9), degrees.toFixed(6), flipped].join(" ");
}

/** Turn about the middle, then mirror left and right, as OpenSeadragon draws. */
export function screenOf({ middle, scale, degrees, flipped }: View, [w, t]: Point): Affine {
  const turn = (degrees * Math.PI) / 180;
  const [c, s] = [scale * Math.cos(turn), scale * Math.sin(turn)];
  const side = flipped ? -1 : 1;
  const [a, b, d, e] = [side * c, side * -s, s, c];
  const [x, y] = middle;
  return [a, b, w / 2 - a * x - b * y, d, e, t / 2 - d * x - e * y];
}

/** The view that `toScreen` (a turn, a mirror and a scale) makes. */
export function viewOf(toScreen: Affine, [w, t]: Point): View {
  const [a, b, , d, e] = toScreen;
  const flipped = a * e - b * d < 0;
  const side = flipped ? -1 : 1;
  const scale = Math.sqrt(Math.abs(a * e - b * d));
  const degrees = (Math.atan2(d - side * b, e + side * a) * 180) / Math.PI;
  return { middle: apply(invert(toScreen), [w / 2, t / 2]), scale, degrees, flipped };
}
