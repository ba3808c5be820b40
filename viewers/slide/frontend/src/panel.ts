/** The list beside the slides: marks by class, bulk points, each to be found, hidden, removed. */

import { h, icon } from "@common/dom";
import { dateTime } from "@common/format";
import type { Language } from "@common/host";
import { inLanguage, number, type Translate } from "@common/i18n";
import { classKey, className, FIRST_COLOUR } from "./classes";
import type { Exchange } from "./exchange";
import { ICONS } from "./icons";
import type { MessageKey } from "./messages";
import { isFixedBox, wordsOf } from "./shapes";
import type { Classification, Mark, PointSet } from "./types";

export interface PanelHooks {
  t: Translate<MessageKey>;
  language(): Language;
  isMine(mark: Mark): boolean;
  mayChange(id: string): boolean;
  jump(mark: Mark): void;
  rename(mark: Mark): void;
  remove(mark: Mark): void;
  hide(className: string): void;
  showPoints(set: PointSet, isOn: boolean): void;
  close(): void;
}

export interface PanelState {
  marks: readonly Mark[];
  selected: string | undefined;
  hidden: ReadonlySet<string>;
  canDraw: boolean;
  points: readonly PointSet[];
  pointsOn: ReadonlySet<string>;
}

/** A longer list helps nobody. */
const MOST_LINES = 150;

export class Panel {
  readonly root = h("aside", { class: "hs-panel", hidden: true });
  private readonly list = h("div", { class: "hs-list" });

  constructor(
    private readonly hooks: PanelHooks,
    private readonly exchange: Exchange,
  ) {
    this.root.append(this.list, exchange.root);
  }

  update(state: PanelState): void {
    const { t } = this.hooks;
    this.root.setAttribute("aria-label", t("marks"));
    const lines = state.marks.slice(0, MOST_LINES);
    const chosen = state.marks.find((mark) => mark.id === state.selected);
    // The chosen one is always in the list.
    if (chosen && !lines.includes(chosen)) lines.unshift(chosen);
    const rest = state.marks.length - lines.length;
    this.exchange.update(state.canDraw);
    this.list.replaceChildren(
      h(
        "header",
        {},
        h("strong", {}, t("marks")),
        h("small", {}, state.marks.length ? String(state.marks.length) : ""),
        this.button("cross", t("close"), () => this.hooks.close()),
      ),
      state.canDraw ? "" : h("p", { class: "hs-quiet" }, t("read_only")),
      this.classes(state),
      state.points.length ? this.points(state) : "",
      state.marks.length === 0 ? h("p", { class: "hs-quiet" }, t("no_marks")) : "",
      h("ul", {}, ...lines.map((mark) => this.line(mark, mark.id === state.selected))),
      rest > 0 ? h("p", { class: "hs-quiet" }, t("more_marks", { n: rest })) : "",
    );
  }

  private button(name: keyof typeof ICONS, title: string, run: () => void): HTMLButtonElement {
    return h(
      "button",
      { type: "button", class: "hs-tool", title, "aria-label": title, onclick: run },
      icon(ICONS[name], 15),
    );
  }

  /** Each class with its count and an eye. */
  private classes({ marks, hidden }: PanelState): HTMLElement {
    const counts = new Map<string, { of: Classification; count: number }>();
    for (const { content } of marks) {
      const of = content.classification ?? {};
      const key = classKey(of);
      const known = counts.get(key) ?? { of, count: 0 };
      known.count += content.kind === "counter" ? content.points_mm.length : 1;
      counts.set(key, known);
    }
    const { t } = this.hooks;
    return h(
      "div",
      { class: "hs-classes" },
      ...[...counts].map(([key, { of, count }]) =>
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(!hidden.has(key)),
            title: t(hidden.has(key) ? "show_class" : "hide_class"),
            onclick: () => this.hooks.hide(key),
          },
          h("i", { style: `background:${of.colour ?? FIRST_COLOUR}` }),
          `${className(of, this.hooks.language()) || t("no_class")} ${count}`,
          icon(hidden.has(key) ? ICONS.eye_off : ICONS.eye, 14),
        ),
      ),
    );
  }

  private points({ points, pointsOn }: PanelState): HTMLElement {
    const { t } = this.hooks;
    return h(
      "div",
      { class: "hs-sets" },
      h("h3", {}, t("point_sets")),
      ...points.map((set) => {
        const box = h("input", {
          type: "checkbox",
          checked: pointsOn.has(set.id),
          onchange: () => this.hooks.showPoints(set, box.checked),
        });
        return h(
          "label",
          {},
          box,
          h("i", { style: `background:${set.classification?.colour ?? FIRST_COLOUR}` }),
          h("span", {}, set.name || className(set.classification ?? {}, this.hooks.language())),
          h("small", {}, set.count.toLocaleString(this.hooks.language() === "vi" ? "vi-VN" : "en-GB")),
        );
      }),
    );
  }

  private line(mark: Mark, isSelected: boolean): HTMLLIElement {
    const { t } = this.hooks;
    const language = this.hooks.language();
    const { content, server } = mark;
    const who = this.hooks.isMine(mark) ? t("me") : (server?.author.name ?? "");
    const when = server ? dateTime(server.updated_at) : "";
    const kind = isFixedBox(content)
      ? t("kind_box", { area: number(Number(content.origin["fixed_area_mm2"]), 0, language) })
      : t(`kind_${content.kind}`);
    const words = isFixedBox(content) ? content.text : wordsOf(content, language);
    const state =
      mark.state === "refused"
        ? `${t("not_saved")}: ${inLanguage(mark.reason, language) || t("refused")}`
        : mark.state === "waiting"
          ? t("not_saved")
          : "";
    const name = className(content.classification ?? {}, language);
    return h(
      "li",
      { class: `hs-mark${isSelected ? " hs-selected" : ""}`, "data-mark": mark.id, "data-state": mark.state },
      h(
        "button",
        { type: "button", class: "hs-jump", title: t("jump"), onclick: () => this.hooks.jump(mark) },
        h("i", { style: `background:${content.classification?.colour ?? FIRST_COLOUR}` }),
        h(
          "span",
          {},
          h("b", {}, words || kind),
          h("small", {}, [words ? kind : "", name].filter(Boolean).join(" · ")),
          h("small", {}, [who, when].filter(Boolean).join(" · ")),
          state ? h("em", {}, state) : null,
        ),
      ),
      this.hooks.mayChange(mark.id)
        ? h(
            "span",
            { class: "hs-acts" },
            this.button("text", t("edit_text"), () => this.hooks.rename(mark)),
            this.button("delete", t("remove"), () => this.hooks.remove(mark)),
          )
        : null,
    );
  }
}
