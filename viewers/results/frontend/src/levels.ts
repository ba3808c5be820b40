/** The regions of a scale, level by level: a button for each side, the aid beneath when it is there. */

import { h } from "@common/dom";
import type { ImagePlace } from "@common/events";
import type { Language } from "@common/host";
import type { Translate } from "@common/i18n";
import { type AidRegions, aidBar, aidLine, suggestion } from "./aid";
import type { FormKey } from "./formtexts";
import { type Level, type LevelKey, type Region, SCALES, type ScaleKey, total, totalWord } from "./scales";
import type { RegionState, ScaleRegions, Side } from "./types";

export type Places = Partial<Record<LevelKey, ImagePlace>>;

export interface Board {
  scale: ScaleKey;
  regions: ScaleRegions;
  mayScore: boolean;
  /** Undefined until the reader has read alone. */
  aid: AidRegions | undefined;
  places: Places;
  t: Translate<FormKey>;
  language: Language;
  /** The reader turns a region `by` states on. */
  turn(side: Side, region: string, state: RegionState, by: number): void;
  show(place: ImagePlace): void;
}

export function levels(board: Board): HTMLElement[] {
  return SCALES[board.scale].levels.map((level) => levelOf(board, level));
}

export function totalLine({ scale, regions, t }: Board): HTMLElement {
  const side = (key: "right" | "left"): string => `${t(key)} ${totalWord(total(scale, regions, [key]))}`;
  const words =
    scale === "aspects"
      ? [side("right"), side("left")]
      : [totalWord(total(scale, regions, ["right", "left", "midline"]))];
  return h(
    "p",
    { class: "rs-total rs-wide", "aria-live": "polite" },
    `${SCALES[scale].title} `,
    ...words.map((word) => h("b", {}, word)),
  );
}

function levelOf(board: Board, level: Level): HTMLElement {
  const { t, language } = board;
  const place = board.places[level.key];
  return h(
    "div",
    { class: "rs-level", "data-level": level.key },
    h(
      "header",
      {},
      h("h4", {}, level.label[language]),
      place &&
        h(
          "button",
          {
            type: "button",
            class: "hc-button hc-quiet",
            "data-focus": `level-${level.key}`,
            onclick: () => board.show(place),
          },
          t("show_level"),
        ),
    ),
    // As on the image: the patient's right is on the left.
    h("div", { class: "rs-sides hc-muted" }, h("span", {}, t("right")), h("span", {}), h("span", {}, t("left"))),
    ...level.regions.map((region) => regionOf(board, region)),
  );
}

function regionOf(board: Board, region: Region): HTMLElement {
  const { aid, t, language } = board;
  const [first, second] = region.sides;
  return h(
    "div",
    { class: first === "midline" ? "rs-region rs-midline" : "rs-region", "data-region": region.key },
    toggle(board, region, first!),
    h("span", {}, region.label[language], aid ? aidBar(aid, region.key) : null),
    second ? toggle(board, region, second) : null,
    aid ? aidLine(aid, region.key, t, language) : null,
  );
}

function toggle(board: Board, region: Region, side: Side): HTMLElement {
  const { t, language, regions, aid } = board;
  const state = regions[side]?.[region.key] ?? "normal";
  const hint = aid ? suggestion(aid, side, region.key) : undefined;
  const words = `${region.label[language]}, ${t(`side_${side}`)}: ${t(state)}`;
  const suggested = hint && hint !== "normal" ? t("suggested", { state: t(hint) }) : "";
  return h(
    "button",
    {
      type: "button",
      class: suggested ? "rs-toggle rs-suggested" : "rs-toggle",
      "data-state": state,
      "data-focus": `${side}-${region.key}`,
      "data-side": side,
      disabled: !board.mayScore,
      "aria-label": suggested ? `${words} (${suggested})` : words,
      title: suggested || t(state),
      onclick: (event: MouseEvent) => board.turn(side, region.key, state, event.shiftKey ? -1 : 1),
    },
    t(`${state}_short`),
  );
}
