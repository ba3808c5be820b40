/** The named reader's confirmation: explicit, and more so when the quality is not acceptable. */

import { h } from "@common/dom";
import type { Model } from "./model";
import type { Content } from "./types";
import type { Speech } from "./words";

export function confirmDialog(
  model: Model,
  content: Content,
  reader: string,
  close: () => void,
  { t, language }: Speech,
): HTMLElement {
  const isRed = content.grade === "red";
  const confirm = h(
    "button",
    {
      type: "button",
      class: "hc-button hc-primary",
      disabled: isRed,
      onclick: () => {
        close();
        void model.confirm(isRed && read.checked);
      },
    },
    t("confirm_now"),
  );
  const read = h("input", { type: "checkbox", onchange: () => (confirm.disabled = !read.checked) });
  const title = t("confirm_title", { name: content.title[language] });
  const veil = h(
    "div",
    {
      class: "hc-veil",
      role: "dialog",
      "aria-modal": "true",
      "aria-label": title,
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === "Escape") close();
        event.stopPropagation();
      },
    },
    h(
      "div",
      { class: "hc-dialog" },
      h("h2", {}, title),
      isRed && h("ul", { class: "rs-reasons" }, ...content.reasons.map((one) => h("li", {}, one[language]))),
      h("p", {}, t("confirm_words", { reader })),
      isRed && h("label", { class: "rs-accept" }, read, t("confirm_red")),
      h(
        "div",
        { class: "hc-actions" },
        h("button", { type: "button", class: "hc-button", onclick: close }, t("back")),
        confirm,
      ),
    ),
  );
  queueMicrotask(() => (isRed ? read : confirm).focus());
  return veil;
}
