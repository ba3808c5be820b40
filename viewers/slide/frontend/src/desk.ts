/** The slides on the desk: one or two, which of them is in hand, and whether they move as one. */

import type { Api } from "@common/api";
import { h } from "@common/dom";
import type { Region } from "@common/events";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";
import { reasonOf } from "@common/keyimages";
import { Lock } from "./lock";
import type { MessageKey } from "./messages";
import type { View } from "./pane";
import { type CaseSlide, Slides } from "./prepare";
import { Stage, type StageHooks } from "./stage";
import { nameOf } from "./tray";
import type { Slide } from "./types";

export interface DeskHooks extends Pick<StageHooks, "board" | "colour" | "finished"> {
  t: Translate<MessageKey>;
  language(): Language;
  /** A slide was laid down: tools and points are its viewer's business. */
  opened(stage: Stage, item: CaseSlide): void;
  /** Another one is in hand. */
  chosen(): void;
  moved(): void;
}

/** How often a slide that is still arriving is asked for more. */
const ARRIVALS_MS = 8000;

export class Desk {
  readonly root = h("div", { class: "hs-stages" });
  stages: Stage[] = [];
  panes: 1 | 2 = 1;
  private readonly slides: Slides;
  private active = 0;
  private lock: Lock | undefined;
  private attempt = 0;
  private readonly arrivals = setInterval(() => void this.lookForMore(), ARRIVALS_MS);

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    private readonly items: readonly CaseSlide[],
    private readonly hooks: DeskHooks,
  ) {
    this.slides = new Slides(api);
  }

  destroy(): void {
    this.attempt++;
    clearInterval(this.arrivals);
    for (const stage of this.stages) stage.destroy();
  }

  /** More of a slide has come: it is laid down anew as it was seen, not under a hand that draws. */
  private async lookForMore(): Promise<void> {
    for (const [at, before] of this.stages.entries()) {
      const { pane } = before;
      const { slide, version, received, resampled, width } = pane.slide;
      // The original of a resampled level may come unannounced.
      if (document.hidden || (received.frames >= received.expected && !resampled)) continue;
      const now = await this.slides.again(slide).catch(() => undefined);
      if (now?.version === version) pane.arrived(now.arriving);
      const item = now && this.itemOf(now.series_instance_uid);
      if (!item || now.version === version || this.stages[at] !== before || before.sketch.isBusy) continue;
      const { middle, scale, ...turn } = pane.view(true);
      // Nobody may have known how large the largest level would be.
      const grown = now.width / width;
      const view = { ...turn, middle: [middle[0] * grown, middle[1] * grown] as const, scale: scale / grown };
      const { isLocked } = this;
      const stage = this.lay(now, at, view);
      if (isLocked) this.toggleLock();
      stage.pane.look.corrected = pane.look.corrected;
      stage.pane.look.stain = pane.look.stain;
      if (grown === 1) stage.raster = before.raster;
      this.hooks.opened(stage, item);
      this.choose(this.active);
    }
  }

  /** The one in hand. */
  get stage(): Stage | undefined {
    return this.stages[this.active];
  }

  get item(): CaseSlide | undefined {
    const uid = this.stage?.pane.slide.series_instance_uid;
    return uid === undefined ? undefined : this.itemOf(uid);
  }

  get isLocked(): boolean {
    return this.lock !== undefined;
  }

  itemOf(seriesInstanceUid: string): CaseSlide | undefined {
    return this.items.find((item) => item.series_instance_uid === seriesInstanceUid);
  }

  /** Show a slide in pane `at`; the others stay as they are. */
  async open(item: CaseSlide, at = this.active): Promise<Stage | undefined> {
    const known = this.stages[at];
    if (known?.pane.slide.slide === item.slide) return known;
    const attempt = ++this.attempt;
    try {
      const slide = await this.slides.get(item.slide);
      if (attempt !== this.attempt) return undefined;
      const stage = this.lay(slide, at);
      this.hooks.opened(stage, item);
      this.choose(at);
      // The reader most often goes on to the next one.
      const next = this.items[this.items.indexOf(item) + 1];
      if (next) this.slides.ahead(next.slide).catch(() => undefined);
      return stage;
    } catch (error) {
      if (attempt === this.attempt) this.refused(item, at, error);
      return undefined;
    }
  }

  private lay(slide: Slide, at: number, view?: View): Stage {
    const { t, language, board, colour, finished } = this.hooks;
    this.lock = undefined;
    const stage = new Stage(this.api, slide, this.caseId, view, {
      t,
      language,
      board,
      colour,
      finished,
      moved: (moved) => {
        this.lock?.moved(moved.pane);
        this.hooks.moved();
      },
      chosen: (chosen) => this.choose(this.stages.indexOf(chosen)),
    });
    this.stages[at]?.destroy();
    this.stages[at] = stage;
    this.root.replaceChildren(...this.stages.map(({ pane }) => pane.root));
    return stage;
  }

  private refused(item: CaseSlide, at: number, error: unknown): void {
    console.error(error);
    const { t, language } = this.hooks;
    const reason = reasonOf(error, { vi: "", en: "" });
    const again = (): void => {
      this.root.querySelector(".hs-refusal")?.remove();
      void this.open(item, at);
    };
    this.root.append(
      h(
        "div",
        { class: "hs-refusal", role: "alert" },
        h("p", {}, `${nameOf(item)} ${t("slide_failed")} ${inLanguage(reason, language())}`.trim()),
        h("button", { type: "button", class: "hc-button", onclick: again }, t("retry")),
      ),
    );
  }

  choose(index: number): void {
    if (index < 0) return;
    this.active = index;
    for (const [at, { pane }] of this.stages.entries()) pane.choose(at === index && this.stages.length > 1);
    this.hooks.chosen();
  }

  next(): void {
    this.choose((this.active + 1) % Math.max(1, this.stages.length));
  }

  /** Bring a slide to a mark or a region of it. */
  async show(item: CaseSlide, markId?: string, region?: Region | null): Promise<void> {
    const at = this.stages.findIndex(({ pane }) => pane.slide.slide === item.slide);
    if (at >= 0) this.choose(at);
    const stage = at >= 0 ? this.stages[at] : await this.open(item);
    if (!stage || !(markId || region)) return;
    // A slide just opened fits itself first.
    requestAnimationFrame(() => {
      if (markId && stage.goTo(markId)) return;
      if (!region) return;
      const [w, t] = stage.pane.size;
      const scale = Math.min(w / region.width, t / region.height);
      stage.pane.goTo([region.x + region.width / 2, region.y + region.height / 2], scale);
    });
  }

  step(by: number): void {
    const next = this.items[(this.item ? this.items.indexOf(this.item) : 0) + by];
    if (next) void this.open(next);
  }

  setPanes(count: 1 | 2): void {
    if (count === this.panes) return;
    this.panes = count;
    this.lock = undefined;
    if (count === 1) {
      const kept = this.stage;
      for (const stage of this.stages) if (stage !== kept) stage.destroy();
      this.stages = kept ? [kept] : [];
      this.choose(0);
      return;
    }
    const here = this.item ? this.items.indexOf(this.item) : 0;
    const other = this.items[(here + 1) % this.items.length];
    if (other) void this.open(other, 1);
  }

  /** True when they move as one from now on. */
  toggleLock(): boolean {
    const [first, second] = this.stages;
    this.lock = this.lock || !first || !second ? undefined : new Lock(first.pane, second.pane);
    return this.isLocked;
  }
}
