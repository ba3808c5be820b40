/** What the densitometry says of one region, beside the reader's own score. */

import { h } from "@common/dom";
import type { Language } from "@common/host";
import { number, type Translate } from "@common/i18n";
import type { FormKey } from "./formtexts";
import type { RegionState, Side } from "./types";

export interface Aid {
  /** This side minus the other, HU, and its 95 % interval. */
  delta_hu: number | null;
  low: number | null;
  high: number | null;
  relative_percent: number | null;
  n: number;
  suggestion: RegionState;
}

export type AidRegions = Partial<Record<Side, Readonly<Record<string, Aid>>>>;

// The bar spans differences of -8 to 8 HU.
const MOST_HU = 8;
const WIDTH = 64;
const SVG = "http://www.w3.org/2000/svg";

export function suggestion(regions: AidRegions, side: Side, region: string): RegionState | undefined {
  return regions[side]?.[region]?.suggestion;
}

/** Difference, interval and pixels of the darker side, in words and as a bar. */
export function aidLine(
  regions: AidRegions,
  region: string,
  t: Translate<FormKey>,
  language: Language,
): HTMLElement | null {
  const sides = (["right", "left", "midline"] as const).flatMap((side) => {
    const aid = regions[side]?.[region];
    return aid ? [{ side, aid }] : [];
  });
  const darker = sides.sort((a, b) => (a.aid.delta_hu ?? 0) - (b.aid.delta_hu ?? 0))[0];
  if (!darker) return null;
  const { side, aid } = darker;
  const word = (value: number | null): string => (value === null ? "?" : number(value, 1, language));
  const hint = aid.suggestion === "normal" ? "" : ` · ${t("suggested", { state: t(aid.suggestion) })}`;
  return h(
    "div",
    { class: "rs-aid", "data-suggestion": aid.suggestion },
    bar(aid),
    h(
      "span",
      {},
      t("aid_line", {
        side: t(side),
        delta: word(aid.delta_hu),
        low: word(aid.low),
        high: word(aid.high),
        relative: word(aid.relative_percent),
        n: aid.n,
      }) + hint,
    ),
  );
}

function bar({ delta_hu, low, high }: Aid): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} 10`);
  svg.setAttribute("width", String(WIDTH));
  svg.setAttribute("height", "10");
  svg.setAttribute("aria-hidden", "true");
  const at = (hu: number): number =>
    (Math.max(-MOST_HU, Math.min(MOST_HU, hu)) / MOST_HU / 2 + 0.5) * WIDTH;
  const path = (d: string, className: string): void => {
    const element = document.createElementNS(SVG, "path");
    element.setAttribute("d", d);
    element.setAttribute("class", className);
    svg.append(element);
  };
  path(`M${WIDTH / 2} 0V10`, "rs-zero");
  if (low !== null && high !== null) path(`M${at(low)} 5H${at(high)}`, "rs-interval");
  if (delta_hu !== null) path(`M${at(delta_hu)} 1V9`, "rs-delta");
  return svg;
}
