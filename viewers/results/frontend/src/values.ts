/** Values: the main ones large, the rest in tables by what they describe. */

import { h } from "@common/dom";
import type { Text } from "@common/i18n";
import type { Model } from "./model";
import type { Content, Value } from "./types";
import { figure, interval, type Speech, unitWord } from "./words";

export interface ValueHooks {
  showLayer(key: string, segment: number): void;
}

export function mainValues(content: Content, speech: Speech): HTMLElement | null {
  const main = content.values.filter((value) => value.is_main);
  if (main.length === 0) return null;
  const labels = new Map(
    content.values.flatMap((value) => (value.group_label ? [[value.group, value.group_label] as const] : [])),
  );
  return h("div", { class: "rs-main" }, ...main.map((value) => tile(value, labels.get(value.group), speech)));
}

/** `of` is what the value's group describes: a volume alone would not say of what. */
function tile(value: Value, of: Text | undefined, speech: Speech): HTMLElement {
  const isNumber = value.value !== null;
  const unit = isNumber ? unitWord(value.unit) : "";
  return h(
    "figure",
    { class: "rs-tile", "data-value": value.key, title: value.method?.[speech.language] ?? null },
    h("figcaption", {}, of && h("small", {}, of[speech.language]), value.label[speech.language]),
    h("b", { class: isNumber ? "" : "rs-words" }, figure(value, speech), unit && h("small", {}, ` ${unit}`)),
    h("small", { class: "hc-muted" }, interval(value, speech)),
    isNumber && value.note ? h("small", { class: "hc-muted" }, value.note[speech.language]) : null,
    method(value, speech),
  );
}

export function valueGroups(
  model: Model,
  values: readonly Value[],
  hooks: ValueHooks,
  speech: Speech,
): HTMLElement[] {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    if (value.is_main && !value.group) continue;
    groups.set(value.group, [...(groups.get(value.group) ?? []), value]);
  }
  return [...groups].map(([group, its]) => groupTable(model, group, its, hooks, speech));
}

function groupTable(
  model: Model,
  group: string,
  values: readonly Value[],
  hooks: ValueHooks,
  speech: Speech,
): HTMLElement {
  const { t, language } = speech;
  const isRejected = model.edits.rejected?.includes(group) ?? false;
  const label = values.find((value) => value.group_label)?.group_label?.[language] ?? t("values");
  const drawn = values.find((value) => value.layer);
  return h(
    "div",
    { class: isRejected ? "rs-group rs-rejected" : "rs-group", "data-group": group },
    h(
      "div",
      { class: "rs-group-head" },
      h("h4", {}, label, isRejected && h("em", {}, ` (${t("rejected")})`)),
      drawn &&
        h(
          "button",
          { type: "button", class: "hc-button hc-quiet", "data-focus": `show-${group}`, onclick: () => hooks.showLayer(drawn.layer, drawn.segment) },
          t("show_it"),
        ),
      group !== "" &&
        values.some((value) => value.layer || value.name) &&
        h(
          "button",
          {
            type: "button",
            class: "hc-button hc-quiet",
            "data-focus": `reject-${group}`,
            disabled: !model.mayEdit,
            "aria-pressed": String(isRejected),
            onclick: () => model.reject(group, !isRejected),
          },
          isRejected ? t("restore") : t("reject"),
        ),
    ),
    h("dl", { class: values.some((value) => interval(value, speech)) ? "rs-values rs-bounded" : "rs-values" }, ...values.map((value) => row(value, speech))),
  );
}

function row(value: Value, speech: Speech): HTMLElement {
  const unit = value.value === null ? "" : ` ${unitWord(value.unit)}`;
  return h(
    "div",
    { "data-value": value.key },
    h("dt", {}, value.label[speech.language]),
    h(
      "dd",
      {},
      h("b", { class: value.value === null ? "rs-words" : "" }, figure(value, speech) + unit),
      h("small", { class: "hc-muted" }, interval(value, speech)),
    ),
    method(value, speech),
    value.value !== null && value.note
      ? h("small", { class: "hc-muted rs-note" }, value.note[speech.language])
      : null,
  );
}

function method(value: Value, { t, language }: Speech): HTMLElement | null {
  if (!value.method) return null;
  return h("details", { class: "rs-how" }, h("summary", {}, t("how")), h("p", {}, value.method[language]));
}
