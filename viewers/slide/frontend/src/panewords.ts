/** The words and the scale bar over a slide. */

import { h } from "@common/dom";
import type { Language } from "@common/host";
import { inLanguage, number, type Translate } from "@common/i18n";
import { arrivalWords, type Place } from "./arrival";
import { isMixed, type Look } from "./look";
import type { MessageKey } from "./messages";
import { isDigital, magnificationWords, scaleBar, scaleBarWords } from "./scale";
import type { Slide } from "./types";

export interface PaneState {
  magnification: number | undefined;
  umPerPixel: number | undefined;
  degrees: number;
  flipped: boolean;
  look: Look;
  plane: { index: number; z_um: number } | undefined;
  place: Place;
  paintsAble: boolean;
}

const LONGEST_BAR = 170;

export class PaneWords {
  readonly root = h("div", { class: "hs-words" });
  private readonly title = h("div", { class: "hs-title" });
  private readonly badges = h("div", { class: "hs-badges" });
  private readonly power = h("div", { class: "hs-power" });
  private readonly bar = h("div", { class: "hs-bar" });
  private readonly watermark = h("div", { class: "hs-watermark", hidden: true });
  private readonly notice = h("div", { class: "hs-notice", role: "status", hidden: true });
  private written = "";
  /** How much has come of a slide that somebody sends. */
  share: number | null | undefined;

  constructor(
    private readonly slide: Slide,
    private readonly t: Translate<MessageKey>,
    private readonly language: () => Language,
    private readonly retry: () => void,
  ) {
    this.share = slide.arriving;
    this.root.append(this.title, this.badges, this.watermark, this.power, this.bar, this.notice);
  }

  write(state: PaneState): void {
    const { slide, t } = this;
    const language = this.language();
    const rounded = {
      ...state,
      look: [state.look.corrected, state.look.stain],
      magnification: state.magnification?.toPrecision(4),
      umPerPixel: state.umPerPixel?.toPrecision(4),
      language,
      share: this.share,
    };
    const saying = JSON.stringify(rounded);
    if (saying === this.written) return;
    this.written = saying;
    this.title.textContent = titleOf(slide);
    this.badges.replaceChildren(...this.honesty(state).map(([tone, words]) =>
      h("span", { class: `hs-badge hs-${tone}` }, words),
    ));
    const { stain } = state.look;
    this.watermark.hidden = stain === "none" || isMixed(slide);
    this.watermark.textContent = stain === "none" ? "" : t("watermark", { view: t(`stain_${stain}`) });
    if (state.magnification === undefined || state.umPerPixel === undefined) {
      this.power.textContent = t("no_pixel_size");
      this.bar.hidden = true;
      return;
    }
    const digital = isDigital(slide, state.magnification);
    this.power.replaceChildren(
      h("b", {}, magnificationWords(state.magnification, language)),
      digital ? h("em", {}, t("digital")) : "",
      h("small", {}, `${number(state.umPerPixel, state.umPerPixel < 0.9995 ? 3 : 2, language)} µm/px`),
      state.degrees ? h("small", {}, `↻ ${number(state.degrees, 0, language)}°`) : "",
      state.flipped ? h("small", {}, t("flipped")) : "",
    );
    const { um, pixels } = scaleBar(state.umPerPixel, LONGEST_BAR);
    this.bar.hidden = false;
    this.bar.replaceChildren(
      h("span", {}, scaleBarWords(um, language)),
      h("i", { style: `width:${pixels.toFixed(1)}px` }),
    );
  }

  /** What a reader must know about what they see. */
  private honesty(state: PaneState): [string, string][] {
    const { slide, t } = this;
    const made: [string, string][] = [];
    const arrival = arrivalWords(slide, this.share, state.magnification, state.place, this.language());
    if (arrival) made.push(["warn hs-arrival", arrival]);
    if (slide.icc && !isMixed(slide)) {
      if (!state.paintsAble) made.push(["warn", t("no_graphics")]);
      else if (!state.look.corrected) made.push(["warn", t("uncorrected")]);
    }
    if (slide.focal_planes.length > 1 && state.plane) {
      const z = `${number(state.plane.z_um, 1, this.language())} µm`;
      made.push(["info", t("plane_of", { n: state.plane.index + 1, total: slide.focal_planes.length, z })]);
    }
    for (const problem of slide.problems) made.push(["info", inLanguage(problem, this.language())]);
    return made;
  }

  /** `count` tiles did not come. */
  trouble(count: number): void {
    this.notice.hidden = count === 0;
    if (count === 0) return;
    this.notice.replaceChildren(
      h("span", {}, this.t("tiles_failed", { n: count })),
      h("button", { type: "button", class: "hc-button", onclick: this.retry }, this.t("retry")),
    );
  }
}

/** "A · A1 · H&E": part, block, stain; or what stands on the slide. */
export function titleOf(slide: Slide): string {
  const specimen = slide.specimens[0];
  const parts = [specimen?.part, specimen?.block, slide.stain].filter(Boolean);
  if (!specimen?.block) parts.unshift(slide.container_id);
  return parts.filter(Boolean).join(" · ");
}
