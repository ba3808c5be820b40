/**
 * The worklist: asks the API itself every few seconds and updates rows in place, so that a page
 * rerun never takes the reader's scroll position or keyboard focus away.
 *
 * Trigger `open`: the id of the case to open.
 */

import { Api, ApiError } from "@common/api";
import controls from "@common/controls.css?inline";
import { adoptStyles, h, icon, isTyping } from "@common/dom";
import { clockTime } from "@common/format";
import { guardSession } from "@common/guard";
import { entry, type HostData, type MountArguments, type Mounted } from "@common/host";
import { translator } from "@common/i18n";
import theme from "@common/theme.css?inline";
import { containTyping } from "@common/typing";

import { Alerts } from "./alert";
import { awaitsReader, compare, haystack, matches, merged, shows, type Filter, type Row, type SortKey, type View } from "./rows";
import { Table, type Labels, type PluginColumn } from "./table";
import { TEXTS } from "./texts";
import styles from "./worklist.css?inline";

export interface WorklistData extends HostData {
  username: string;
  /** True for the side that asks: its tasks are shown, and the arrival of an opinion is news. */
  asking: boolean;
  filters: Filter[];
  columns: PluginColumn[];
  labels: Labels;
  /** Modules of the page that opens next, below `base`. */
  preload: string[];
}

const POLL_MS = 4000;
const HIDDEN_POLL_MS = 20000;
// Between whole lists only what changed is asked for; a case taken away is gone with the next one.
const WHOLE_MS = 60000;
const OVERLAP_MS = 10000;
const BELL = "M6 16v-5a6 6 0 0 1 12 0v5l2 2H4z|M10 21h4";
const SLASH = "M4 4l16 16";
const FILTER = "hoichan.worklist.filter";

class Worklist implements Mounted<WorklistData> {
  private readonly root: HTMLElement;
  private readonly api: Api;
  private readonly alerts: Alerts;
  private readonly stop: (() => void)[] = [];
  private readonly t = translator(TEXTS, () => this.data.language);
  private data: WorklistData;
  private args: MountArguments<WorklistData>;
  private rows: Row[] = [];
  private folded = new Map<string, string>();
  private at: string | null = null;
  private wholeAt = 0;
  private answered: number | null = null;
  private offline = false;
  private filter: Filter;
  private sort: SortKey = "urgency";
  private search = "";
  private table!: Table;
  private body!: HTMLElement;
  private poll: number | undefined;
  private gone = false;

  constructor(args: MountArguments<WorklistData>) {
    this.args = args;
    this.data = args.data;
    this.api = new Api(args.data.base);
    this.alerts = new Alerts(args.data.username);
    const kept = sessionStorage.getItem(FILTER) as Filter | null;
    this.filter = kept && args.data.filters.includes(kept) ? kept : (args.data.filters[0] ?? "all");
    adoptStyles(args.parentElement, theme, controls, styles);
    this.root = h("div", { class: "wl-frame" });
    args.parentElement.append(this.root);
    containTyping(this.root);
    this.stop.push(guardSession(this.api));
    this.build();

    const tick = setInterval(() => this.table.tick(this.view), 1000);
    const keys = (event: KeyboardEvent): void => this.pressed(event);
    const seen = (): void => void (document.hidden || this.ask());
    window.addEventListener("keydown", keys);
    document.addEventListener("visibilitychange", seen);
    this.stop.push(
      () => clearInterval(tick),
      () => window.removeEventListener("keydown", keys),
      () => document.removeEventListener("visibilitychange", seen),
      () => this.alerts.close(),
    );
    void this.ask().then(() => this.preload());
  }

  /** Fetch and compile the viewer while the list is being looked at. */
  private preload(): void {
    for (const path of this.data.preload) {
      const href = this.data.base + path;
      if (document.head.querySelector(`link[href="${href}"]`)) continue;
      document.head.append(h("link", { rel: "modulepreload", href }));
    }
  }

  update(args: MountArguments<WorklistData>): void {
    const changed = JSON.stringify(args.data) !== JSON.stringify(this.data);
    this.args = args;
    this.data = args.data;
    if (changed) {
      this.build();
      this.render();
    }
  }

  destroy(): void {
    this.gone = true;
    clearTimeout(this.poll);
    for (const stop of this.stop) stop();
    this.root.remove();
  }

  private get view(): View {
    const { username, asking } = this.data;
    return { username, asking, now: performance.now() / 1000 };
  }

  private build(): void {
    const { t } = this;
    const search = h("input", {
      class: "wl-search",
      type: "search",
      "aria-label": t("searchLabel"),
      placeholder: t("search"),
      autocomplete: "off",
      spellcheck: "false",
      value: this.search,
      oninput: () => {
        this.search = search.value;
        this.render();
      },
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === "Escape") {
          search.value = this.search = "";
          this.render();
        }
        if (["Escape", "ArrowDown", "Enter"].includes(event.key)) {
          event.preventDefault();
          this.table.focusFirst();
        }
      },
    });
    const sound = h("button", {
      type: "button",
      class: "hc-button hc-quiet wl-sound",
      onclick: () => {
        this.alerts.sound = !this.alerts.sound;
        showSound();
      },
    });
    const showSound = (): void => {
      const on = this.alerts.sound;
      sound.replaceChildren(icon(on ? BELL : `${BELL}|${SLASH}`), t(on ? "soundOn" : "soundOff"));
    };
    showSound();
    const scroller = h("div", { class: "wl-scroll" });
    this.table = new Table(
      {
        language: this.data.language,
        labels: this.data.labels,
        pluginColumns: this.data.columns,
        asking: this.data.asking,
        t,
        open: (id) => this.open(id),
        sort: (key) => {
          this.sort = key;
          this.render();
        },
      },
      scroller,
    );
    scroller.append(this.table.element, h("div", { class: "wl-empty" }, t("loading")));
    this.body = h(
      "div",
      { class: "hc wl", style: `height:${this.data.height ?? "100%"}` },
      h(
        "div",
        { class: "wl-bar" },
        h(
          "div",
          { class: "wl-tabs", role: "group", "aria-label": t("filters") },
          ...this.data.filters.map((filter) => this.tab(filter)),
        ),
        search,
        sound,
      ),
      h("div", { class: "wl-alerts", "aria-live": "assertive" }),
      scroller,
      h(
        "div",
        { class: "wl-status" },
        h("span", { class: "wl-fresh", role: "status" }),
        h("span", { class: "wl-keys" }, t("keys")),
      ),
    );
    this.root.replaceChildren(this.body);
  }

  private tab(filter: Filter): HTMLButtonElement {
    return h(
      "button",
      {
        type: "button",
        class: "hc-button",
        "data-filter": filter,
        onclick: () => {
          this.filter = filter;
          sessionStorage.setItem(FILTER, filter);
          this.render();
        },
      },
      this.t(filter),
      h("span", { class: "wl-count" }),
    );
  }

  private async ask(): Promise<void> {
    clearTimeout(this.poll);
    try {
      const whole = this.at === null || performance.now() - this.wholeAt > WHOLE_MS;
      const answer = await this.api.poll<{ items: Row[]; at: string }>(
        `/cases?limit=500${whole ? "" : `&since=${encodeURIComponent(this.since())}`}`,
      );
      if (this.gone) return;
      const received = performance.now() / 1000;
      const news = answer.items.map((row) => ({ ...row, received }));
      this.rows = whole ? news : merged(this.rows, news);
      this.at = answer.at;
      if (whole) this.wholeAt = performance.now();
      for (const row of news) this.folded.set(row.id, haystack(row));
      this.answered = Date.now();
      this.offline = false;
      this.announce();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.offline = true;
    } finally {
      if (!this.gone) {
        this.render();
        clearTimeout(this.poll);
        this.poll = window.setTimeout(() => void this.ask(), document.hidden ? HIDDEN_POLL_MS : POLL_MS);
      }
    }
  }

  /** A little before the last answer: what was being written just then is not missed. */
  private since(): string {
    return new Date(Date.parse(this.at ?? "") - OVERLAP_MS).toISOString();
  }

  private render(): void {
    const { view } = this;
    const visible = this.rows
      .filter((row) => shows(this.filter, row, view))
      .filter((row) => matches(this.folded.get(row.id) ?? "", this.search))
      .sort(compare(this.sort));
    this.table.show(visible, this.sort, view);
    for (const button of this.body.querySelectorAll<HTMLButtonElement>(".wl-tabs button")) {
      const filter = button.dataset.filter as Filter;
      const count = this.rows.filter((row) => shows(filter, row, view)).length;
      button.setAttribute("aria-pressed", String(filter === this.filter));
      button.dataset.tone = filter === "overdue" && count > 0 ? "bad" : "";
      (button.lastElementChild as HTMLElement).textContent = String(count);
    }
    const empty = this.body.querySelector<HTMLElement>(".wl-empty");
    if (empty) {
      empty.hidden = visible.length > 0;
      empty.textContent =
        this.answered === null
          ? this.t("loading")
          : this.search
            ? this.t("emptySearch", { text: this.search })
            : this.t("empty");
    }
    this.status();
  }

  private status(): void {
    const place = this.body.querySelector<HTMLElement>(".wl-fresh");
    if (!place) return;
    const time = this.answered === null ? "–" : clockTime(this.answered);
    place.textContent = this.t(this.offline ? "offline" : "updated", { time });
    place.dataset.tone = this.offline ? "bad" : "";
  }

  private announce(): void {
    const notable = this.rows.filter((row) =>
      this.data.asking ? row.state === "final" || row.state === "delivered" : awaitsReader(row),
    );
    const news = this.alerts.news(notable);
    if (news.length && this.alerts.sound) this.alerts.beep();
    const place = this.body.querySelector(".wl-alerts");
    for (const row of news) place?.append(this.alert(row));
  }

  private alert(row: Row): HTMLElement {
    const { t } = this;
    const name = row.patient_name.replaceAll("^", " ").trim();
    const alert = h(
      "div",
      { class: "wl-alert", "data-tone": this.data.asking ? "good" : "bad" },
      h("strong", {}, `${this.data.asking ? "✔" : "⚡"} ${t(this.data.asking ? "opinionCame" : "newEmergency")}`),
      h("span", { class: "wl-grow" }, [row.number, name, row.questions[0]?.text].filter(Boolean).join(" · ")),
      h("button", { type: "button", class: "hc-button hc-primary", onclick: () => this.open(row.id) }, t("open")),
      h("button", { type: "button", class: "hc-button", onclick: () => alert.remove() }, t("dismiss")),
    );
    return alert;
  }

  private open(id: string): void {
    this.table.opening(id);
    this.args.setTriggerValue("open", id);
  }

  private pressed(event: KeyboardEvent): void {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      this.body.querySelector<HTMLInputElement>(".wl-search")?.focus();
    } else if (event.key === "ArrowDown" && event.target === document.body) {
      event.preventDefault();
      this.table.focusFirst();
    }
  }
}

export default entry<WorklistData>((args) => new Worklist(args));
