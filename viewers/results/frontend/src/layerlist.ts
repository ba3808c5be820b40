/** The layers of a result: seen or not, how dense, what the colours mean, and the brush. */

import { h } from "@common/dom";
import { css, gradient } from "@common/palettes";
import type { Overview } from "./overview";
import type { Layer } from "./types";
import { short, type Speech, unitWord } from "./words";

export function layerList(overview: Overview, layers: readonly Layer[], speech: Speech): HTMLElement[] {
  if (layers.length === 0) return [];
  return [
    h("h3", {}, speech.t("layers")),
    ...layers.map((layer) => layerRow(overview, layer, speech)),
  ];
}

function layerRow(overview: Overview, layer: Layer, speech: Speech): HTMLElement {
  const { t, language } = speech;
  const isVisible = overview.isVisible(layer);
  const title = layer.title[language];
  const density = h("input", {
    type: "range",
    min: 0,
    max: 100,
    value: Math.round(100 * overview.opacity(layer)),
    disabled: !isVisible,
    "aria-label": `${t("opacity")}: ${title}`,
    title: t("opacity"),
    "data-focus": `opacity-${layer.key}`,
    oninput: () => overview.setOpacity(layer, Number(density.value) / 100),
  });
  const seen = h("input", {
    type: "checkbox",
    checked: isVisible,
    "data-focus": `layer-${layer.key}`,
    onchange: () => overview.show(layer, seen.checked),
  });
  return h(
    "div",
    { class: "rs-layer", "data-layer": layer.key },
    h(
      "div",
      { class: "rs-layer-head" },
      h("label", {}, seen, title),
      density,
      h(
        "button",
        {
          type: "button",
          class: "hc-button hc-quiet",
          "data-focus": `goto-${layer.key}`,
          onclick: () => overview.showLayer(layer.key, 0),
        },
        t("show_it"),
      ),
    ),
    isVisible ? legend(layer, speech) : null,
    isVisible && layer.is_editable && overview.model.mayEdit ? brush(overview, layer, speech) : null,
  );
}

export function legend(layer: Layer, { language }: Speech): HTMLElement | null {
  if (layer.kind === "mask" || layer.kind === "points") {
    return h(
      "ul",
      { class: "rs-legend" },
      ...layer.segments.map((segment) =>
        h(
          "li",
          {},
          h("i", { style: `background:${css(segment.colour)}` }),
          segment.label[language],
        ),
      ),
    );
  }
  if (layer.kind === "picture") return null;
  const [low, high] = layer.range;
  return h(
    "div",
    { class: "rs-bar" },
    h("span", {}, short(low, language)),
    h("i", { style: `background:${gradient(layer.palette)}` }),
    h("span", {}, `${short(high, language)} ${unitWord(layer.unit)}`.trim()),
  );
}

function brush(overview: Overview, layer: Layer, { t, language }: Speech): HTMLElement {
  const held = overview.brush?.layer === layer.key ? overview.brush : undefined;
  const button = (erase: boolean): HTMLElement => {
    const isHeld = held !== undefined && held.erase === erase;
    return h(
      "button",
      {
        type: "button",
        class: "hc-button",
        "aria-pressed": String(isHeld),
        "data-focus": `brush-${layer.key}-${erase}`,
        onclick: () =>
          overview.setBrush(isHeld ? undefined : { layer: layer.key, radius_mm: overview.radiusMm, erase }),
      },
      t(erase ? "brush_erase" : "brush_add"),
    );
  };
  const size = h("output", {}, t("brush_size", { mm: short(overview.radiusMm, language) }));
  const radius = h("input", {
    type: "range",
    min: 1,
    max: 20,
    step: 0.5,
    value: overview.radiusMm,
    "aria-label": t("brush_size", { mm: "" }),
    "data-focus": `radius-${layer.key}`,
    oninput: () => {
      overview.setRadius(Number(radius.value));
      size.textContent = t("brush_size", { mm: short(Number(radius.value), language) });
    },
  });
  return h(
    "div",
    { class: "rs-brush", role: "group", "aria-label": t("brush") },
    h("span", { class: "hc-muted" }, t("brush")),
    button(false),
    button(true),
    radius,
    size,
    held ? h("p", { class: "rs-hint", role: "status" }, t("brush_hint")) : null,
  );
}
