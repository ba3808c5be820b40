/** What the server keeps to itself until the reader has scored alone, and both ways on. */

import { h } from "@common/dom";
import type { Withheld } from "./types";
import type { Speech } from "./words";

export interface WithheldHooks {
  turnTo(analysis: string): void;
  decline(analysis: string): void;
}

export function withheldPart(
  { until, title, layers }: Withheld,
  mayEdit: boolean,
  hooks: WithheldHooks,
  { t, language }: Speech,
): HTMLElement {
  const name = title[language];
  const button = (focus: string, words: string, onclick: () => void, more = ""): HTMLElement =>
    h("button", { type: "button", class: `hc-button ${more}`, "data-focus": focus, onclick }, words);
  return h(
    "div",
    { class: "hc-notice rs-withheld", role: "note", "data-until": until },
    h("p", {}, t("withheld", { what: layers.map((one) => `“${one[language]}”`).join(", "), name })),
    mayEdit &&
      h(
        "div",
        { class: "hc-actions" },
        button(`score-${until}`, t("score_now", { name }), () => hooks.turnTo(until), "hc-primary"),
        button(`decline-${until}`, t("score_not", { name }), () => hooks.decline(until)),
      ),
  );
}
