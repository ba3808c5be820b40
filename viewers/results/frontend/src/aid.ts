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

// The bar spans differences of -6 to 6 HU.
const MOST_HU = 6;
const WIDTH = 64;
const SVG = "http://www.w3.org/2000/svg";

export function suggestion(regions: AidRegions, side: Side, region: string): RegionState | undefined {
  return regions[side]?.[region]?.suggestion;
}

/** The darker side of a region: the difference points there. */
function darker(regions: AidRegions, region: string): { side: Side; aid: Aid } | undefined {
  const sides = (["right", "left", "midline"] as const).flatMap((side) => {
    const aid = regions[side]?.[region];
    return aid ? [{ side, aid }] : [];
  });
  return sides.sort((a, b) => (a.aid.delta_hu ?? 0) - (b.aid.delta_hu ?? 0))[0];
}

/** Difference, interval, relative difference and pixels of the darker side. */
export function aidLine(
  regions: AidRegions,
  region: string,
  t: Translate<FormKey>,
  language: Language,
): HTMLElement | null {
  const found = darker(regions, region);
  if (!found) return null;
  const { side, aid } = found;
  if (aid.delta_hu === null) {
    const words = `? ${t(side)}: ${t("not_assessable")} · n${aid.n}`;
    return h("small", { class: "rs-aid", "data-suggestion": aid.suggestion }, words);
  }
  const word = (value: number | null): string => (value === null ? "?" : number(value, 1, language));
  const line = t("aid_line", {
    side: t(side),
    delta: word(aid.delta_hu),
    low: word(aid.low),
    high: word(aid.high),
    relative: word(aid.relative_percent),
    n: aid.n,
  });
  return h(
    "small",
    { class: "rs-aid", "data-suggestion": aid.suggestion },
    aid.suggestion === "normal" ? line : `⚑ ${line}`,
  );
}

/** The same difference and interval as a bar about zero. */
export function aidBar(regions: AidRegions, region: string): SVGSVGElement | null {
  const found = darker(regions, region);
  return found ? bar(found.aid) : null;
}

function bar({ delta_hu, low, high }: Aid): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "rs-aid-bar");
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
  path(`M0 5H${WIDTH}M${WIDTH / 2} 0V10`, "rs-zero");
  if (low !== null && high !== null) path(`M${at(low)} 5H${at(high)}`, "rs-interval");
  if (delta_hu !== null) path(`M${at(delta_hu)} 1V9`, "rs-delta");
  return svg;
}
