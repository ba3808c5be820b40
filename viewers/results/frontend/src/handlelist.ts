/** The points and lines a reader may drag: where they are, set anew, or given back. */

import { h } from "@common/dom";
import { css } from "@common/palettes";
import type { Overview } from "./overview";
import type { Handle } from "./types";
import type { Speech } from "./words";

const MOST_ROWS = 6;

export function handleList(overview: Overview, handles: readonly Handle[], speech: Speech): HTMLElement[] {
  const { t, language } = speech;
  if (handles.length === 0) return [];
  const isPicking = handles.find((handle) => handle.key === overview.pick);
  const seen = h("input", {
    type: "checkbox",
    checked: overview.showsHandles,
    "data-focus": "handles",
    onchange: () => overview.showHandles(seen.checked),
  });
  const rows = handles.map((handle) => handleRow(overview, handle, speech));
  return [
    h("header", {}, h("h3", {}, t("handles")), h("label", {}, seen, t("show_handles"))),
    h(
      "p",
      { class: isPicking ? "rs-hint" : "hc-muted", role: "status" },
      isPicking ? t("pick_hint", { name: isPicking.label[language] }) : t("handle_hint"),
    ),
    ...(handles.length <= MOST_ROWS
      ? rows
      : [h("details", {}, h("summary", {}, t("list_handles", { n: handles.length })), ...rows)]),
  ];
}

function handleRow(overview: Overview, handle: Handle, { t, language }: Speech): HTMLElement {
  const { model } = overview;
  const isMoved = model.edits.handles?.[handle.key] !== undefined;
  const mayMove = handle.is_editable && model.mayEdit;
  const isPicked = overview.pick === handle.key;
  const button = (focus: string, words: string, onclick: () => void, pressed?: boolean): HTMLElement =>
    h(
      "button",
      {
        type: "button",
        class: "hc-button hc-quiet",
        "data-focus": `${focus}-${handle.key}`,
        "aria-pressed": pressed === undefined ? null : String(pressed),
        onclick,
      },
      words,
    );
  return h(
    "div",
    { class: "rs-handle", "data-handle": handle.key },
    h("i", { style: `background:${css(handle.colour)}`, class: `rs-dot rs-${handle.kind}` }),
    h("span", {}, handle.label[language], isMoved && h("em", {}, ` (${t("moved")})`)),
    button("goto", t("show_it"), () => overview.showHandle(handle.key)),
    mayMove && handle.kind === "point"
      ? button("pick", t("pick"), () => overview.setPick(isPicked ? undefined : handle.key), isPicked)
      : null,
    mayMove && isMoved ? button("free", t("free"), () => model.freeHandle(handle.key)) : null,
  );
}
