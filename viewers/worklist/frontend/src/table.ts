/** The list on the screen: rows are kept by case and only what changed is touched. */

import { h } from "@common/dom";
import { span } from "@common/format";
import type { Language } from "@common/host";
import type { Translate } from "@common/i18n";

import { age, awaitsReader, isEmergency, task, timeLeft, type Row, type SortKey, type View } from "./rows";
import type { Key } from "./texts";

export interface PluginColumn {
  id: string;
  title: string;
}

export interface Labels {
  states: Record<string, string>;
  priorities: Record<string, string>;
}

export interface TableOptions {
  language: Language;
  labels: Labels;
  pluginColumns: readonly PluginColumn[];
  /** The asking side sees what it has to do; the reading side sees who sent the case. */
  asking: boolean;
  t: Translate<Key>;
  open(id: string): void;
  sort(key: SortKey): void;
}

const STATE_TONES: Record<string, string> = {
  incomplete: "warn",
  submitted: "info",
  queued: "info",
  assigned: "info",
  reading: "info",
  preliminary: "info",
  final: "good",
  delivered: "good",
  acknowledged: "good",
  "outcome due": "warn",
  closed: "quiet",
};
const PRIORITY_SIGNS: Record<string, string> = { P0: "⚡", P1: "▲", PF: "▲", P2: "●", PC: "◷" };

interface Column {
  name: string;
  title: Key | PluginColumn;
  width: string;
  sort?: SortKey;
}

function columns(options: TableOptions): Column[] {
  return [
    { name: "priority", title: "priority", width: "154px", sort: "urgency" },
    { name: "time", title: "timeLeft", width: "100px", sort: "urgency" },
    { name: "number", title: "number", width: "118px", sort: "number" },
    { name: "patient", title: "patient", width: "19%", sort: "patient" },
    { name: "site", title: options.asking ? "consulted" : "site", width: "11%", sort: "site" },
    ...options.pluginColumns.map((column) => ({
      name: `plugin:${column.id}`,
      title: column,
      width: "80px",
    })),
    { name: "question", title: "question", width: "auto" },
    { name: "state", title: "state", width: "128px", sort: "state" },
    { name: "reader", title: "reader", width: "9%" },
    ...(options.asking ? [{ name: "task", title: "task" as const, width: "138px" }] : []),
  ];
}

interface Line {
  element: HTMLTableRowElement;
  cells: Map<string, HTMLTableCellElement>;
  row: Row;
}

/** Change text only where it differs: a poll without news repaints nothing. */
function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function mark(element: HTMLElement, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export class Table {
  readonly element: HTMLTableElement;
  private readonly body = h("tbody");
  private readonly headers = new Map<SortKey, HTMLTableCellElement[]>();
  private readonly lines = new Map<string, Line>();
  private readonly columns: Column[];
  private current: string | null = null;

  constructor(
    private readonly options: TableOptions,
    private readonly scroller: HTMLElement,
  ) {
    this.columns = columns(options);
    this.element = h(
      "table",
      { role: "grid" },
      h("colgroup", {}, ...this.columns.map((c) => h("col", { style: `width:${c.width}` }))),
      h("thead", {}, h("tr", {}, ...this.columns.map((column) => this.header(column)))),
      this.body,
    );
    this.body.addEventListener("click", (event) => {
      const id = this.idOf(event);
      if (id && !getSelection()?.toString()) options.open(id);
    });
    this.body.addEventListener("focusin", (event) => {
      this.current = this.idOf(event) ?? this.current;
      this.rove();
    });
    this.body.addEventListener("keydown", (event) => this.pressed(event));
  }

  private header(column: Column): HTMLTableCellElement {
    const title =
      typeof column.title === "string" ? this.options.t(column.title) : column.title.title;
    const { sort } = column;
    const cell = h(
      "th",
      { scope: "col", class: `wl-${column.name.split(":")[0]}`, title },
      sort ? h("button", { type: "button", onclick: () => this.options.sort(sort) }, title) : title,
    );
    if (sort) this.headers.set(sort, [...(this.headers.get(sort) ?? []), cell]);
    return cell;
  }

  /** Show exactly `rows`, in their order; the row in focus stays where the eye has it. */
  show(rows: readonly Row[], sort: SortKey, view: View): void {
    for (const [key, cells] of this.headers) {
      for (const cell of cells) mark(cell, "aria-sort", key === sort ? "ascending" : null);
    }
    const root = this.element.getRootNode() as ShadowRoot | Document;
    const focused = root.activeElement?.closest("tr") ?? null;
    const before = focused?.getBoundingClientRect().top ?? 0;

    const wanted = new Set(rows.map((row) => row.id));
    for (const [id, line] of this.lines) {
      if (wanted.has(id)) continue;
      line.element.remove();
      this.lines.delete(id);
    }
    let place = this.body.firstElementChild;
    for (const row of rows) {
      const line = this.lines.get(row.id) ?? this.line(row);
      line.row = row;
      this.write(line, view);
      if (line.element === place) place = place.nextElementSibling;
      else this.body.insertBefore(line.element, place);
    }
    if (!this.current || !wanted.has(this.current)) this.current = rows[0]?.id ?? null;
    this.rove();
    if (focused?.isConnected && root.activeElement !== focused) focused.focus({ preventScroll: true });
    if (focused?.isConnected) this.scroller.scrollTop += focused.getBoundingClientRect().top - before;
  }

  /** Only the clocks: once a second. */
  tick(view: View): void {
    for (const line of this.lines.values()) this.clock(line, view);
  }

  focusFirst(): void {
    const line = this.current ? this.lines.get(this.current) : undefined;
    line?.element.focus();
  }

  opening(id: string): void {
    this.lines.get(id)?.element.setAttribute("data-opening", "");
  }

  private line(row: Row): Line {
    const cells = new Map(
      this.columns.map((c) => [c.name, h("td", { class: `wl-${c.name.split(":")[0]}` })]),
    );
    const element = h("tr", { "data-id": row.id, tabindex: "-1" }, ...cells.values());
    const line = { element, cells, row };
    this.lines.set(row.id, line);
    return line;
  }

  private write(line: Line, view: View): void {
    const { row, element } = line;
    const { t, labels } = this.options;
    const cell = (name: string): HTMLTableCellElement => line.cells.get(name) as HTMLTableCellElement;
    mark(element, "data-urgent", awaitsReader(row) ? "" : null);
    mark(element, "data-state", row.state);
    this.badge(cell("priority"), {
      tone: isEmergency(row) ? "bad" : row.priority === "P2" ? "warn" : "quiet",
      text: `${PRIORITY_SIGNS[row.priority] ?? "○"} ${labels.priorities[row.priority] ?? row.priority}`,
    });
    this.clock(line, view);
    say(cell("number"), row.number);
    this.patient(cell("patient"), row);
    const site = this.options.asking ? row.consulted_site_name : row.requesting_site_name;
    say(cell("site"), site);
    const question = row.questions[0]?.text ?? "";
    const more = row.questions.length > 1 ? ` (+${row.questions.length - 1})` : "";
    say(cell("question"), question + more);
    mark(cell("question"), "title", row.questions.map((q) => q.text).join("\n"));
    this.badge(cell("state"), {
      tone: STATE_TONES[row.state] ?? "quiet",
      text: labels.states[row.state] ?? row.state,
    });
    say(cell("reader"), row.assignee?.name ?? "—");
    for (const column of this.options.pluginColumns) {
      say(cell(`plugin:${column.id}`), row.columns[column.id] ?? "");
    }
    if (this.options.asking) {
      const due = task(row);
      say(cell("task"), due ? t(due) : "");
    }
  }

  private badge(cell: HTMLElement, { tone, text }: { tone: string; text: string }): void {
    const badge = cell.firstElementChild ?? cell.appendChild(h("span", { class: "hc-badge" }));
    mark(badge as HTMLElement, "data-tone", tone);
    say(badge, text);
  }

  private patient(cell: HTMLElement, row: Row): void {
    const { t } = this.options;
    if (!cell.firstElementChild) cell.append(h("span"), h("small"));
    const [name, about] = [cell.children[0] as Element, cell.children[1] as Element];
    const unnamed = row.instance_count ? "—" : t("unknownPatient");
    say(name, row.patient_name.replaceAll("^", " ").trim() || unnamed);
    const found = age(row.patient_birth_date, new Date());
    const years = !found ? "" : "years" in found ? t("years", { age: found.years }) : t("months", { age: found.months });
    const sexes: Record<string, Key> = { M: "male", F: "female", O: "other" };
    const sex = sexes[row.patient_sex];
    say(about, [sex ? t(sex) : "", years].filter(Boolean).join(" · "));
    mark(cell, "title", `${name.textContent} ${about.textContent}`.trim());
  }

  private clock(line: Line, view: View): void {
    const cell = line.cells.get("time") as HTMLTableCellElement;
    const left = timeLeft(line.row, view);
    if (left === null) {
      say(cell, "");
      mark(cell, "data-tone", null);
      return;
    }
    const text = span(left, this.options.language);
    say(cell, left < 0 ? `⚠ ${this.options.t("over", { span: text })}` : `⏱ ${text}`);
    mark(cell, "data-tone", left < 0 ? "bad" : left < 600 ? "warn" : null);
  }

  private idOf(event: Event): string | null {
    return event.target instanceof Element ? (event.target.closest("tr")?.dataset.id ?? null) : null;
  }

  private rove(): void {
    for (const [id, line] of this.lines) mark(line.element, "tabindex", id === this.current ? "0" : "-1");
  }

  private pressed(event: KeyboardEvent): void {
    const rows = [...this.body.children] as HTMLElement[];
    const at = rows.findIndex((row) => row.dataset.id === this.current);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + 10,
      PageUp: at - 10,
      Home: 0,
      End: rows.length - 1,
    };
    const target = steps[event.key];
    if (target !== undefined) {
      const next = rows[Math.max(0, Math.min(rows.length - 1, target))];
      next?.focus({ preventScroll: true });
      next?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && this.current) {
      this.options.open(this.current);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
