/** What lies over the whole viewer: help, the text of an arrow, a short word. */

import { h } from "@common/dom";
import type { Translate } from "@common/i18n";
import { COMMANDS, type Group } from "./commands";
import type { MessageKey } from "./messages";
import { WINDOWS } from "./windows";

const TITLES: Record<Group, MessageKey> = {
  windows: "keys_windows",
  tools: "keys_tools",
  view: "keys_view",
  move: "keys_move",
};

export function helpDialog(t: Translate<MessageKey>, close: () => void): HTMLElement {
  const group = (name: Group): HTMLElement => {
    const rows = new Map<string, string[]>();
    for (const command of COMMANDS.filter((candidate) => candidate.group === name)) {
      const preset = WINDOWS.find((window) => window.name === command.name);
      const label = preset
        ? `${t(command.name)} · W ${preset.width} L ${preset.centre}`
        : t(command.name);
      rows.set(label, [...(rows.get(label) ?? []), ...command.keys]);
    }
    return h(
      "section",
      {},
      h("h3", {}, t(TITLES[name])),
      h(
        "dl",
        {},
        ...[...rows].flatMap(([label, keys]) => [
          h("dt", {}, ...keys.slice(0, 4).map((key) => h("kbd", {}, key))),
          h("dd", {}, label),
        ]),
      ),
    );
  };
  const mouse = (["mouse_left", "mouse_middle", "mouse_right", "mouse_wheel", "mouse_double"] as const).map(
    (key) => h("li", {}, t(key)),
  );
  const button = h("button", { type: "button", class: "hc-button", onclick: close }, t("close"));
  return h(
    "div",
    { class: "hv-veil", role: "dialog", "aria-modal": "true", "aria-label": t("help"), onclick: (event: MouseEvent) => {
      if (event.target === event.currentTarget) close();
    } },
    h(
      "div",
      { class: "hv-dialog hv-help" },
      h("header", {}, h("h2", {}, t("help")), button),
      h(
        "div",
        { class: "hv-columns" },
        group("windows"),
        h("section", {}, h("h3", {}, t("keys_mouse")), h("ul", {}, ...mouse)),
        group("tools"),
        group("view"),
        group("move"),
      ),
    ),
  );
}

/** Ask for the text of an arrow; "" when the reader changes their mind. */
export function textDialog(
  t: Translate<MessageKey>,
  current: string,
  done: (text: string) => void,
): HTMLElement {
  const input = h("input", { type: "text", value: current, maxlength: 200, "aria-label": t("arrow_text") });
  const finish = (text: string): void => {
    veil.remove();
    done(text);
  };
  const veil = h(
    "div",
    { class: "hv-veil", role: "dialog", "aria-modal": "true", "aria-label": t("arrow_text") },
    h(
      "form",
      {
        class: "hv-dialog hv-ask",
        onsubmit: (event: Event) => {
          event.preventDefault();
          finish(input.value.trim());
        },
        onkeydown: (event: KeyboardEvent) => {
          event.stopPropagation();
          if (event.key === "Escape") finish(current);
        },
      },
      h("label", {}, t("arrow_text"), input),
      h(
        "div",
        { class: "hv-buttons" },
        h("button", { type: "button", class: "hc-button", onclick: () => finish(current) }, t("cancel")),
        h("button", { type: "submit", class: "hc-button hc-primary" }, t("ok")),
      ),
    ),
  );
  queueMicrotask(() => input.focus());
  return veil;
}

/** The graphics memory is gone: only a new page has pictures. */
export function lostDialog(t: Translate<MessageKey>): HTMLElement {
  const reload = (): void => location.reload();
  return h(
    "div",
    { class: "hv-veil", role: "alertdialog" },
    h(
      "div",
      { class: "hv-dialog hv-ask" },
      h("p", {}, t("context_lost")),
      h("button", { type: "button", class: "hc-button hc-primary", onclick: reload }, t("reload")),
    ),
  );
}

const TOAST_MS = 4000;

/** A short word at the foot of the viewer. */
export class Toast {
  readonly root = h("div", { class: "hv-toast", role: "status", hidden: true });
  private timer: ReturnType<typeof setTimeout> | undefined;

  say(sentence: string): void {
    this.root.textContent = sentence;
    this.root.hidden = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.root.hidden = true), TOAST_MS);
  }
}
