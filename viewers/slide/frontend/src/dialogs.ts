/** What lies over the whole viewer: help, the text of a mark, a label, a short word. */

import { h } from "@common/dom";
import type { Language } from "@common/host";
import type { Translate } from "@common/i18n";
import { COMMANDS, type Group } from "./commands";
import type { MessageKey } from "./messages";
import { MAGNIFICATIONS, magnificationWords } from "./scale";

const GROUPS: readonly Group[] = ["power", "move", "view", "tools", "marks"];

function veil(label: string, close: () => void, ...children: (Node | string)[]): HTMLElement {
  return h(
    "div",
    {
      class: "hs-veil",
      role: "dialog",
      "aria-modal": "true",
      "aria-label": label,
      onclick: (event: MouseEvent) => {
        if (event.target === event.currentTarget) close();
      },
    },
    ...children,
  );
}

export function helpDialog(t: Translate<MessageKey>, language: Language, close: () => void): HTMLElement {
  const group = (name: Group): HTMLElement => {
    const rows = new Map<string, string[]>();
    for (const command of COMMANDS.filter((candidate) => candidate.group === name)) {
      const power = MAGNIFICATIONS.find((value) => command.id === `power-${value}`);
      const label = t(command.name, { power: power ? magnificationWords(power, language) : "" });
      rows.set(label, [...(rows.get(label) ?? []), ...command.keys]);
    }
    return h(
      "section",
      {},
      h("h3", {}, t(`keys_${name}`)),
      h(
        "dl",
        {},
        ...[...rows].flatMap(([label, keys]) => [
          // Short ones first: "[ ] PageUp PageDown".
          h("dt", {}, ...keys.toSorted((a, b) => Math.min(2, a.length) - Math.min(2, b.length)).map((key) => h("kbd", {}, key))),
          h("dd", {}, label),
        ]),
      ),
    );
  };
  const mouse = (["mouse_drag", "mouse_wheel", "mouse_click", "mouse_alt", "mouse_navigator"] as const).map((key) =>
    h("li", {}, t(key)),
  );
  return veil(
    t("help"),
    close,
    h(
      "div",
      { class: "hs-dialog hs-help" },
      h(
        "header",
        {},
        h("h2", {}, t("help")),
        h("button", { type: "button", class: "hc-button", onclick: close }, t("close")),
      ),
      h(
        "div",
        { class: "hs-columns" },
        ...GROUPS.slice(0, 2).map(group),
        h("section", {}, h("h3", {}, t("keys_mouse")), h("ul", {}, ...mouse)),
        ...GROUPS.slice(2).map(group),
      ),
    ),
  );
}

/** Ask for the text of a mark; undefined when the reader changes their mind. */
export function textDialog(
  t: Translate<MessageKey>,
  current: string,
  done: (text: string | undefined) => void,
): HTMLElement {
  const input = h("input", { type: "text", value: current, maxlength: 500, "aria-label": t("text_of_mark") });
  const finish = (text: string | undefined): void => {
    made.remove();
    done(text);
  };
  const made = veil(
    t("text_of_mark"),
    () => finish(undefined),
    h(
      "form",
      {
        class: "hs-dialog hs-ask",
        onsubmit: (event: Event) => {
          event.preventDefault();
          finish(input.value.trim().normalize("NFC"));
        },
        onkeydown: (event: KeyboardEvent) => {
          event.stopPropagation();
          if (event.key === "Escape") finish(undefined);
        },
      },
      h("label", {}, t("text_of_mark"), input),
      h(
        "div",
        { class: "hs-buttons" },
        h("button", { type: "button", class: "hc-button", onclick: () => finish(undefined) }, t("cancel")),
        h("button", { type: "submit", class: "hc-button hc-primary" }, t("ok")),
      ),
    ),
  );
  queueMicrotask(() => input.focus());
  return made;
}

/** The pasted label, and the whole glass where there is a picture of it. */
export function labelDialog(t: Translate<MessageKey>, pictures: readonly string[], close: () => void): HTMLElement {
  const failed = h("p", { class: "hs-quiet", hidden: true }, t("label_failed"));
  let left = pictures.length;
  const images = pictures.map((address) => {
    const image = h("img", {
      src: address,
      alt: t("label_title"),
      onerror: () => {
        image.remove();
        failed.hidden = --left > 0;
      },
    });
    return image;
  });
  return veil(
    t("label_title"),
    close,
    h(
      "div",
      { class: "hs-dialog hs-glass" },
      h(
        "header",
        {},
        h("h2", {}, t("label_title")),
        h("button", { type: "button", class: "hc-button", onclick: close }, t("close")),
      ),
      ...images,
      failed,
    ),
  );
}

const TOAST_MS = 4000;

/** A short word at the foot of the viewer. */
export class Toast {
  readonly root = h("div", { class: "hs-toast", role: "status", hidden: true });
  private timer: ReturnType<typeof setTimeout> | undefined;

  say(sentence: string): void {
    this.root.textContent = sentence;
    this.root.hidden = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.root.hidden = true), TOAST_MS);
  }
}
