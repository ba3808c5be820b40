/** The confirmed results that are signed with the opinion, and the text they lead to. */

import { h } from "@common/dom";
import { dateTime } from "@common/format";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";

import type { Draft, DraftResult } from "./draft";
import type { Key } from "./texts";

export interface MeasuredOptions {
  language: Language;
  t: Translate<Key>;
  sections(): Record<string, string>;
  fill(sections: Record<string, string>): void;
}

type Said = Pick<Draft, "results" | "suggestions">;

export class Measured {
  readonly element = h("div", { class: "rp-measured", hidden: true });
  private said: Said = { results: [], suggestions: {} };
  /** What the button wrote: as long as nobody touched it, newer numbers take its place. */
  private readonly inserted = new Map<string, string>();

  constructor(private readonly options: MeasuredOptions) {}

  /** What the author sees here is what is signed. */
  get seen(): Record<string, string> {
    return Object.fromEntries(this.said.results.map((one) => [one.id, one.content_hash]));
  }

  show({ results, suggestions }: Said): void {
    this.said = { results, suggestions };
    const { t } = this.options;
    this.element.hidden = results.length === 0;
    this.element.replaceChildren(
      h(
        "div",
        { class: "rp-heading" },
        h("h3", {}, t("measured")),
        Object.keys(suggestions).length > 0 &&
          h(
            "button",
            { type: "button", class: "hc-button hc-quiet", onclick: () => this.insert() },
            t("insertMeasured"),
          ),
      ),
      h("ul", {}, ...results.map((one) => this.line(one))),
    );
  }

  private line(one: DraftResult): HTMLElement {
    const { language, t } = this.options;
    const by = t("confirmedBy", { name: one.confirmed_by.name, time: dateTime(one.confirmed_at) });
    return h("li", {}, inLanguage(one.title, language), " ", h("small", {}, by));
  }

  private insert(): void {
    const sections = { ...this.options.sections() };
    for (const [key, text] of Object.entries(this.said.suggestions)) {
      if (!(key in sections)) continue;
      const current = sections[key] ?? "";
      const ours = this.inserted.get(key);
      if (current.trim() === "" || current === ours) sections[key] = text;
      else if (ours && current.includes(ours)) sections[key] = current.replace(ours, () => text);
      else if (!current.includes(text)) sections[key] = `${current.trimEnd()}\n${text}`;
      this.inserted.set(key, text);
    }
    this.options.fill(sections);
  }
}
