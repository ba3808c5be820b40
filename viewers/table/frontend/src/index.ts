/**
 * A list to look through and choose from.
 *
 * Trigger `choose`: the id of the row. With `several`, state `chosen` holds the ids of all rows
 * that are ticked.
 */

import controls from "@common/controls.css?inline";
import { adoptStyles, h } from "@common/dom";
import { fold } from "@common/format";
import { entry, type HostData, type MountArguments, type Mounted } from "@common/host";
import theme from "@common/theme.css?inline";
import { containTyping } from "@common/typing";

import styles from "./table.css?inline";

interface Cell {
  text: string;
  tone?: "good" | "warn" | "bad" | "info" | "quiet";
}

export interface TableData extends HostData {
  label: string;
  columns: { key: string; title: string; width?: string }[];
  rows: { id: string; cells: Record<string, Cell | string> }[];
  empty: string;
  /** Placeholder of the search box; without one there is no box. */
  search?: string;
  /** Rows can be chosen: one (a click), or several (ticks). */
  choice: "none" | "one" | "several";
  selected: string[];
}

class List implements Mounted<TableData> {
  private readonly root = h("div", { class: "hc tb" });
  private readonly body = h("tbody");
  private args: MountArguments<TableData>;
  private chosen: Set<string>;
  private search = "";

  constructor(args: MountArguments<TableData>) {
    this.args = args;
    this.chosen = new Set(args.data.selected);
    adoptStyles(args.parentElement, theme, controls, styles);
    args.parentElement.append(this.root);
    containTyping(this.root);
    this.body.addEventListener("click", (event) => this.choose(rowOf(event)));
    this.body.addEventListener("keydown", (event) => this.pressed(event));
    this.build();
  }

  update(args: MountArguments<TableData>): void {
    const before = this.args.data;
    this.args = args;
    if (JSON.stringify(before) === JSON.stringify(args.data)) return;
    // what the page knows as selected may be one click behind
    if (JSON.stringify(before.selected) !== JSON.stringify(args.data.selected)) {
      this.chosen = new Set(args.data.selected);
    }
    this.build();
  }

  destroy(): void {
    this.root.remove();
  }

  private build(): void {
    const { data } = this.args;
    const search = h("input", {
      type: "search",
      class: "tb-search",
      placeholder: data.search ?? "",
      "aria-label": data.search ?? "",
      value: this.search,
      oninput: () => {
        this.search = search.value;
        this.filter();
      },
    });
    const several = data.choice === "several";
    this.root.style.maxHeight = data.height ?? "";
    this.root.replaceChildren(
      ...(data.search ? [search] : []),
      h(
        "div",
        { class: "tb-scroll" },
        h(
          "table",
          { role: data.choice === "none" ? "table" : "grid", "aria-label": data.label, "aria-multiselectable": several },
          h("colgroup", {}, several && h("col", { style: "width:34px" }), ...data.columns.map((c) => h("col", { style: `width:${c.width ?? "auto"}` }))),
          h("thead", {}, h("tr", {}, several && h("th"), ...data.columns.map((c) => h("th", { scope: "col" }, c.title)))),
          this.body,
        ),
      ),
    );
    this.body.replaceChildren(...data.rows.map((row, at) => this.row(row, at)));
    if (!data.rows.length) {
      const span = data.columns.length + (several ? 1 : 0);
      this.body.append(h("tr", { class: "tb-empty" }, h("td", { colspan: span }, data.empty)));
    }
    this.filter();
  }

  private row(row: TableData["rows"][number], at: number): HTMLTableRowElement {
    const { data } = this.args;
    const chosen = this.chosen.has(row.id);
    return h(
      "tr",
      {
        "data-id": row.id,
        "aria-selected": data.choice === "none" ? null : String(chosen),
        tabindex: data.choice === "none" ? null : at === 0 ? "0" : "-1",
      },
      data.choice === "several" && h("td", { class: "tb-tick", "aria-hidden": "true" }, chosen ? "☑" : "☐"),
      ...data.columns.map(({ key }) => {
        const cell = row.cells[key] ?? "";
        const { text, tone } = typeof cell === "string" ? { text: cell, tone: undefined } : cell;
        return h("td", { title: text.length > 24 ? text : null }, tone ? h("span", { class: "hc-badge", "data-tone": tone }, text) : text);
      }),
    );
  }

  private filter(): void {
    const words = fold(this.search).split(/\s+/);
    for (const row of this.body.querySelectorAll<HTMLElement>("tr[data-id]")) {
      const text = fold(row.textContent ?? "");
      row.hidden = !words.every((word) => text.includes(word));
    }
  }

  private choose(row: HTMLElement | null): void {
    const { data, setTriggerValue, setStateValue } = this.args;
    const id = row?.dataset.id;
    if (!row || id === undefined || data.choice === "none") return;
    if (data.choice === "one") {
      this.chosen = new Set([id]);
      setTriggerValue("choose", id);
    } else {
      if (!this.chosen.delete(id)) this.chosen.add(id);
      setStateValue("chosen", [...this.chosen]);
    }
    for (const line of this.body.querySelectorAll<HTMLElement>("tr[data-id]")) {
      const on = this.chosen.has(line.dataset.id ?? "");
      line.setAttribute("aria-selected", String(on));
      const tick = line.querySelector(".tb-tick");
      if (tick) tick.textContent = on ? "☑" : "☐";
    }
  }

  private pressed(event: KeyboardEvent): void {
    const row = rowOf(event);
    if (!row) return;
    if (event.key === "Enter" || event.key === " ") this.choose(row);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const rows = [...this.body.querySelectorAll<HTMLElement>("tr[data-id]:not([hidden])")];
      const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
      row.tabIndex = next ? -1 : 0;
      if (next) next.tabIndex = 0;
      next?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function rowOf(event: Event): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>("tr[data-id]") : null;
}

export default entry<TableData>((args) => new List(args));
