/** How good a result is, in words; why this series; another one. */

import { h } from "@common/dom";
import type { Model } from "./model";
import type { Content, Grade } from "./types";
import type { Speech } from "./words";

// Shape and words say it too, not colour alone.
const SIGNS: Record<Grade, string> = { green: "✓", amber: "!", red: "✕" };
const TONES: Record<Grade, string> = { green: "hc-good", amber: "", red: "hc-bad" };

export function qualityBanner(content: Content, speech: Speech): HTMLElement {
  const { language, t } = speech;
  const { grade, reasons } = content;
  return h(
    "div",
    { class: `hc-notice rs-quality ${TONES[grade]}`, "data-grade": grade, role: "note" },
    h("b", {}, h("span", { class: "rs-sign", "aria-hidden": "true" }, SIGNS[grade]), t(grade)),
    reasons.length > 0 && h("ul", {}, ...reasons.map((reason) => h("li", {}, reason[language]))),
  );
}

/** Why these slices, and the others a reader may have computed instead. */
export function seriesChoice(model: Model, content: Content, speech: Speech): HTMLElement | null {
  const { language, t } = speech;
  const { reason } = content;
  const inUse = model.edits.series ?? content.series_instance_uids[0];
  const alternatives = content.alternatives.filter(([uid]) => uid !== inUse);
  if (!reason && alternatives.length === 0) return null;
  const choose = (event: Event): void => {
    const uid = (event.target as HTMLSelectElement).value;
    if (uid) model.setSeries(uid);
  };
  return h(
    "div",
    { class: "rs-series" },
    reason && h("p", {}, h("span", { class: "hc-muted" }, `${t("why_series")} `), reason[language]),
    alternatives.length > 0 &&
      h(
        "label",
        {},
        h("span", { class: "hc-muted" }, t("other_series")),
        h(
          "select",
          { "data-focus": "series", onchange: choose, disabled: !model.mayEdit },
          h("option", { value: "" }, t("series_keep")),
          ...alternatives.map(([uid, title]) => h("option", { value: uid }, title[language])),
        ),
      ),
  );
}

/** What stands where the numbers of a red result are, until the reader asks for them. */
export function hiddenNumbers(reveal: () => void, { t }: Speech): HTMLElement {
  return h(
    "div",
    { class: "rs-hidden" },
    h("p", {}, t("hidden")),
    h("button", { type: "button", class: "hc-button", "data-focus": "reveal", onclick: reveal }, t("reveal")),
  );
}
