/** The strip of series: a picture, a title and how much of it has come. */

import { h, icon } from "@common/dom";
import type { Translate } from "@common/i18n";
import { thumbnailUrl } from "./dicomweb";
import { giveSeries } from "./dragging";
import { ICONS } from "./icons";
import type { MessageKey } from "./messages";
import type { Series } from "./series";

interface Item {
  root: HTMLButtonElement;
  bar: HTMLElement;
  count: HTMLElement;
}

export class Strip {
  readonly root = h("div", { class: "hv-strip", role: "listbox" });
  private readonly items = new Map<string, Item>();

  constructor(
    private readonly base: string,
    private readonly t: Translate<MessageKey>,
    private readonly choose: (series: Series) => void,
  ) {}

  fill(all: readonly Series[]): void {
    this.items.clear();
    this.root.setAttribute("aria-label", this.t("series_strip"));
    this.root.replaceChildren(
      ...all.flatMap((series, i) => {
        const isNewStudy =
          i > 0 && series.set.study_instance_uid !== all[i - 1]!.set.study_instance_uid;
        const item = this.item(series);
        return isNewStudy ? [h("hr"), item.root] : [item.root];
      }),
    );
    for (const series of all) this.update(series);
  }

  private item(series: Series): Item {
    const { set } = series;
    const bar = h("i");
    const count = h("small");
    const picture =
      set.kind === "stack"
        ? h("img", {
            src: thumbnailUrl(this.base, set),
            alt: "",
            loading: "lazy",
            draggable: "false",
            onerror: (event: Event) => (event.target as HTMLElement).classList.add("hv-absent"),
          })
        : icon(ICONS.document, 36);
    const root = h(
      "button",
      {
        type: "button",
        class: "hv-thumb",
        role: "option",
        draggable: "true",
        "data-series": set.id,
        title: set.title || set.modality,
        onclick: () => this.choose(series),
        ondragstart: (event: DragEvent) => giveSeries(event, set.id),
      },
      h("span", { class: "hv-picture" }, picture, h("b", {}, set.modality), h("span", { class: "hv-load" }, bar)),
      h("span", { class: "hv-title" }, set.title || set.modality),
      count,
    );
    const made = { root, bar, count };
    this.items.set(set.id, made);
    return made;
  }

  update(series: Series): void {
    const item = this.items.get(series.set.id);
    if (!item) return;
    const total = series.imageIds.length;
    const loaded = series.queue.loaded;
    item.bar.style.width = total ? `${(100 * loaded) / total}%` : "0";
    item.root.classList.toggle("hv-complete", total > 0 && loaded === total);
    item.count.textContent = loaded > 0 && loaded < total ? `${loaded}/${total}` : String(total);
  }

  /** Mark the series shown in a viewport, and the one in the active viewport. */
  select(shown: ReadonlySet<string>, active: string | undefined): void {
    for (const [id, item] of this.items) {
      item.root.classList.toggle("hv-shown", shown.has(id));
      item.root.setAttribute("aria-selected", String(id === active));
    }
  }
}
