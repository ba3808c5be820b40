/** The times of a series under the image: a slider, a step back and on, and cine. */

import { h, icon } from "@common/dom";
import type { Language } from "@common/host";
import { number, type Translate } from "@common/i18n";
import type { Standing } from "./course";
import { ICONS } from "./icons";
import type { MessageKey } from "./messages";

export interface TimeBarHooks {
  t: Translate<MessageKey>;
  language(): Language;
  /** Go to that time of the place. */
  turn(time: number): void;
  play(): void;
  isPlaying(): boolean;
}

export class TimeBar {
  readonly root: HTMLElement;
  private readonly slider = h("input", { type: "range", min: 0, step: 1 });
  private readonly play: HTMLButtonElement;
  private readonly words = h("output", {});
  private wasPlaying: boolean | undefined;

  constructor(private readonly hooks: TimeBarHooks) {
    this.play = h("button", { type: "button", class: "hv-tool", onclick: () => hooks.play() });
    this.slider.addEventListener("input", () => hooks.turn(Number(this.slider.value)));
    this.root = h("div", { class: "hv-times", hidden: true }, this.play, this.slider, this.words);
    // The bar is no part of the picture: a double click on it does not magnify the viewport.
    this.root.addEventListener("dblclick", (event) => event.stopPropagation());
  }

  show(standing: Standing | undefined): void {
    this.root.hidden = standing === undefined;
    if (!standing) return;
    const { t } = this.hooks;
    this.slider.max = String(standing.times - 1);
    this.slider.value = String(standing.time);
    const words = timeWords(standing, t, this.hooks.language());
    this.words.textContent = words;
    this.slider.setAttribute("aria-label", t("times"));
    this.slider.setAttribute("aria-valuetext", words);
    this.slider.title = t("times");
    const isPlaying = this.hooks.isPlaying();
    if (isPlaying === this.wasPlaying) return;
    this.wasPlaying = isPlaying;
    this.play.replaceChildren(icon(isPlaying ? ICONS.pause : ICONS.play, 16));
    this.play.title = t("cine_times");
    this.play.setAttribute("aria-label", t("cine_times"));
    this.play.setAttribute("aria-pressed", String(isPlaying));
  }
}

/** "t = 23,5 s (12/60)". */
export function timeWords(
  { seconds, time, times }: Standing,
  t: Translate<MessageKey>,
  language: Language,
): string {
  return t("time_of", { s: number(seconds, 1, language), n: time + 1, total: times });
}
