/** The list of marks: number, author, time, state; a way to each and a way to be rid of it. */

import { h, icon } from "@common/dom";
import { dateTime } from "@common/format";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";
import { ICONS } from "./icons";
import type { MessageKey } from "./messages";
import type { Mark } from "./types";
import { shortValue } from "./wording";

export interface PanelHooks {
  t: Translate<MessageKey>;
  language(): Language;
  /** "3 · 12/28": series and image of a mark. */
  place(mark: Mark): string;
  mayChange(mark: Mark): boolean;
  isMine(mark: Mark): boolean;
  jump(mark: Mark): void;
  remove(mark: Mark): void;
  close(): void;
}

export class Panel {
  readonly root = h("aside", { class: "hv-panel" });

  constructor(private readonly hooks: PanelHooks) {}

  update(marks: readonly Mark[], selected: string | undefined, canDraw: boolean): void {
    const { t } = this.hooks;
    this.root.setAttribute("aria-label", t("marks"));
    this.root.replaceChildren(
      h(
        "header",
        {},
        h("strong", {}, t("marks")),
        h(
          "button",
          { type: "button", class: "hv-tool", title: t("close"), "aria-label": t("close"), onclick: () => this.hooks.close() },
          icon(ICONS.cross, 16),
        ),
      ),
      canDraw ? "" : h("p", { class: "hv-quiet" }, t("read_only")),
      marks.length === 0 ? h("p", { class: "hv-quiet" }, t("no_marks")) : "",
      h("ul", {}, ...marks.map((mark) => this.item(mark, mark.id === selected))),
    );
  }

  private item(mark: Mark, isSelected: boolean): HTMLLIElement {
    const { t } = this.hooks;
    const language = this.hooks.language();
    const { content, server } = mark;
    const who = this.hooks.isMine(mark) ? t("me") : (server?.author.name ?? "");
    const when = server ? dateTime(server.updated_at) : "";
    const state =
      mark.state === "saved"
        ? ""
        : mark.state === "saving"
          ? t("saving")
          : mark.state === "refused"
            ? `${t("not_saved")}: ${inLanguage(mark.reason, language) || t("refused")}`
            : t("not_saved");
    return h(
      "li",
      { class: `hv-mark${isSelected ? " hv-selected" : ""}`, "data-mark": mark.id, "data-state": mark.state },
      h(
        "button",
        { type: "button", class: "hv-jump", title: t("jump"), onclick: () => this.hooks.jump(mark) },
        icon(ICONS[content.kind], 16),
        h(
          "span",
          {},
          h("b", {}, shortValue(content, t, language)),
          h("small", {}, [this.hooks.place(mark), who, when].filter(Boolean).join(" · ")),
          state ? h("em", {}, state) : null,
        ),
      ),
      this.hooks.mayChange(mark)
        ? h(
            "button",
            {
              type: "button",
              class: "hv-tool hv-remove",
              title: t("remove"),
              "aria-label": t("remove"),
              onclick: () => this.hooks.remove(mark),
            },
            icon(ICONS.delete, 15),
          )
        : null,
    );
  }
}
