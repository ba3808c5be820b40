/** Curves in one frame, as small SVG: axes with round numbers, upright marks, a legend in words. */

import { h } from "@common/dom";
import type { Language } from "@common/host";
import { number } from "@common/i18n";
import { css } from "@common/palettes";
import type { Chart } from "./types";
import type { Speech } from "./words";

const WIDTH = 440;
const HEIGHT = 190;
const FRAME = { left: 46, right: 10, top: 10, bottom: 34 };
// Curves differ in their strokes too.
const DASHES = ["", "7 4", "2 3", "9 3 2 3", "4 4"];
const SVG = "http://www.w3.org/2000/svg";

export function chart(of: Chart, { language }: Speech): HTMLElement {
  const xs = of.curves.flatMap((curve) => curve.x.filter(Number.isFinite));
  const ys = of.curves.flatMap((curve) => curve.y.filter(Number.isFinite));
  const x = scale(xs, FRAME.left, WIDTH - FRAME.right);
  const y = scale(ys, HEIGHT - FRAME.bottom, FRAME.top);
  const svg = part("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": of.title[language] });
  for (const tick of x.ticks) {
    svg.append(line(x.at(tick), FRAME.top, x.at(tick), HEIGHT - FRAME.bottom, "rs-rule"));
    svg.append(words(x.at(tick), HEIGHT - FRAME.bottom + 13, x.word(tick, language), "middle"));
  }
  for (const tick of y.ticks) {
    svg.append(line(FRAME.left, y.at(tick), WIDTH - FRAME.right, y.at(tick), "rs-rule"));
    svg.append(words(FRAME.left - 5, y.at(tick) + 4, y.word(tick, language), "end"));
  }
  svg.append(words((FRAME.left + WIDTH - FRAME.right) / 2, HEIGHT - 4, of.x_label[language], "middle"));
  const upright = words(0, 0, of.y_label[language], "middle");
  upright.setAttribute("transform", `translate(11 ${(HEIGHT - FRAME.bottom) / 2}) rotate(-90)`);
  svg.append(upright);
  of.curves.forEach((curve, i) => {
    const points = curve.x.map((value, k) => `${x.at(value).toFixed(1)},${y.at(curve.y[k]!).toFixed(1)}`);
    svg.append(
      part("polyline", {
        points: points.join(" "),
        class: "rs-curve",
        stroke: css(curve.colour),
        "stroke-dasharray": DASHES[i % DASHES.length]!,
      }),
    );
  });
  for (const [at, label] of of.marks) {
    svg.append(line(x.at(at), FRAME.top, x.at(at), HEIGHT - FRAME.bottom, "rs-mark"));
    svg.append(words(x.at(at) + 3, FRAME.top + 9, label[language], "start"));
  }
  return h(
    "figure",
    { class: "rs-chart", "data-chart": of.key },
    h("h3", {}, of.title[language]),
    svg,
    h("figcaption", {}, ...of.curves.map((curve, i) => key(curve.label[language], css(curve.colour), DASHES[i % DASHES.length]!))),
  );
}

function key(label: string, colour: string, dash: string): HTMLElement {
  const svg = part("svg", { viewBox: "0 0 28 8", width: "28", height: "8", "aria-hidden": "true" });
  svg.append(part("path", { d: "M0 4H28", stroke: colour, "stroke-width": "2", "stroke-dasharray": dash }));
  return h("span", {}, svg, label);
}

interface Scale {
  at(value: number): number;
  ticks: number[];
  word(tick: number, language: Language): string;
}

/** From the values' range, rounded outwards, to the frame. */
function scale(values: readonly number[], from: number, to: number): Scale {
  const low = values.length ? Math.min(...values) : 0;
  const high = values.length ? Math.max(...values) : 1;
  const step = roundStep((high - low || 1) / 5);
  const first = Math.floor(low / step) * step;
  const last = Math.max(first + step, Math.ceil(high / step) * step);
  const count = Math.round((last - first) / step);
  return {
    at: (value) => from + ((value - first) / (last - first)) * (to - from),
    ticks: Array.from({ length: count + 1 }, (_, i) => first + i * step),
    word: (tick, language) => number(tick, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), language),
  };
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((one) => one * power >= rough) ?? 10) * power;
}

function part<Name extends "svg" | "path" | "polyline" | "text">(
  name: Name,
  attributes: Readonly<Record<string, string>>,
): SVGElementTagNameMap[Name] {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function line(x0: number, y0: number, x1: number, y1: number, className: string): SVGPathElement {
  return part("path", { d: `M${x0} ${y0}L${x1} ${y1}`, class: className });
}

function words(x: number, y: number, text: string, anchor: string): SVGTextElement {
  const element = part("text", { x: String(x), y: String(y), "text-anchor": anchor });
  element.textContent = text;
  return element;
}
