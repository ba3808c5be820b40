/** Tables of words, and the steps of the arithmetic. */

import { h } from "@common/dom";
import { number } from "@common/i18n";
import type { Content, Table } from "./types";
import type { Speech } from "./words";

export function tables(content: Content, speech: Speech): HTMLElement[] {
  return content.tables.map((table) => tableOf(table, speech));
}

function tableOf(table: Table, { language }: Speech): HTMLElement {
  return h(
    "div",
    { class: "rs-table", "data-table": table.key },
    h("h3", {}, table.title[language]),
    h(
      "div",
      { class: "rs-wide" },
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ...table.columns.map((one) => h("th", { scope: "col" }, one[language])))),
        h(
          "tbody",
          {},
          ...table.rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell[language])))),
        ),
      ),
    ),
    table.note && h("p", { class: "hc-muted" }, table.note[language]),
  );
}

export function steps(content: Content, { t, language }: Speech): HTMLElement | null {
  if (content.steps.length === 0) return null;
  const total = content.steps.reduce((sum, step) => sum + step.seconds, 0);
  const seconds = (value: number): string => t("seconds", { s: number(value, value < 10 ? 1 : 0, language) });
  return h(
    "details",
    { class: "rs-steps" },
    h("summary", {}, `${t("steps")} (${content.steps.length}, ${seconds(total)})`),
    h(
      "ol",
      {},
      ...content.steps.map((step) =>
        h(
          "li",
          {},
          h("b", {}, step.title[language]),
          h("time", { class: "hc-muted" }, seconds(step.seconds)),
          step.outcome && h("p", {}, step.outcome[language]),
        ),
      ),
    ),
    h("p", { class: "hc-muted" }, t("version", { version: content.version })),
  );
}
