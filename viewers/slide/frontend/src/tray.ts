/** The tray: the slides of the case by part and block; which were opened, which are shown. */

import { h, icon } from "@common/dom";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";
import { ICONS } from "./icons";
import type { MessageKey } from "./messages";
import type { CaseSlide } from "./prepare";

export interface TrayHooks {
  base: string;
  t: Translate<MessageKey>;
  language(): Language;
  open(item: CaseSlide): void;
  /** Look at the label itself. */
  showLabel(item: CaseSlide): void;
}

/** Remembers on this computer which slides a reader has opened. */
export class Opened {
  private readonly slides: Set<string>;

  constructor(private readonly key: string) {
    try {
      this.slides = new Set(JSON.parse(localStorage.getItem(key) ?? "[]") as string[]);
    } catch {
      this.slides = new Set();
    }
  }

  has(slide: string): boolean {
    return this.slides.has(slide);
  }

  add(slide: string): void {
    this.slides.add(slide);
    try {
      localStorage.setItem(this.key, JSON.stringify([...this.slides]));
    } catch {
      // Storage may be full or forbidden: only the dot comes back.
    }
  }
}

export class Tray {
  readonly root = h("nav", { class: "hs-tray" });
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor(
    private readonly items: readonly CaseSlide[],
    private readonly opened: Opened,
    private readonly hooks: TrayHooks,
  ) {
    this.rewrite();
  }

  rewrite(): void {
    const { t } = this.hooks;
    this.root.setAttribute("aria-label", t("tray"));
    this.root.replaceChildren();
    let before = "";
    for (const item of this.items) {
      const group = groupOf(item, t);
      if (group && group !== before) this.root.append(h("h3", {}, group));
      before = group;
      this.root.append(this.line(item));
    }
  }

  private line(item: CaseSlide): HTMLElement {
    const { t, base } = this.hooks;
    const problems = item.problems.map((problem) => inLanguage(problem, this.hooks.language()));
    const picture = h("span", { class: "hs-picture" });
    const image = h("img", {
      src: `${base}/slides/v1/${item.slide}/${item.version}/thumbnail?size=256`,
      alt: "",
      loading: "lazy",
      draggable: "false",
      onerror: () => image.remove(),
    });
    picture.append(image, h("i", { class: "hs-unread", title: t("unread") }));
    const name = nameOf(item) || t("slide");
    const button = h(
      "button",
      {
        type: "button",
        class: "hs-slide",
        "data-slide": item.slide,
        title: [name, ...problems].join("\n"),
        onclick: () => this.hooks.open(item),
      },
      picture,
      h("span", { class: "hs-name" }, name),
      h("small", {}, item.stain || "\u00a0"),
    );
    button.classList.toggle("hs-fresh", !this.opened.has(item.slide));
    this.buttons.set(item.slide, button);
    const words = labelWords(item);
    const label = h(
      "button",
      {
        type: "button",
        class: `hs-tool hs-label${words === "label" ? "" : " hs-none"}`,
        title: t(words),
        "aria-label": t(words),
        onclick: () => this.hooks.showLabel(item),
      },
      icon(ICONS.label, 14),
    );
    return h("div", { class: "hs-item" }, button, label);
  }

  select(shown: ReadonlySet<string>, active: string | undefined): void {
    for (const [slide, button] of this.buttons) {
      button.classList.toggle("hs-shown", shown.has(slide));
      button.setAttribute("aria-current", String(slide === active));
      button.classList.toggle("hs-fresh", !this.opened.has(slide));
    }
  }
}

/** "label" when there is one to see; or why there is none. */
export function labelWords({ label, overview, sees_labels }: CaseSlide): "label" | "label_none" | "label_forbidden" {
  if (label || overview) return "label";
  return sees_labels ? "label_none" : "label_forbidden";
}

function groupOf(item: CaseSlide, t: Translate<MessageKey>): string {
  const [specimen] = item.specimens;
  return [
    specimen?.part ? t("part", { name: specimen.part }) : "",
    specimen?.block ? t("block", { name: specimen.block }) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

export function nameOf(item: CaseSlide): string {
  return item.title || item.container_id || item.specimens[0]?.id || "";
}
