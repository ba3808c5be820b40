/**
 * Everything programs computed for the case: to check, correct and confirm.
 *
 * One result is open at a time, and only its layers and handles lie over the images. Trigger
 * `news`: a result has come, or was confirmed, so that the page may say so.
 */

import { Api } from "@common/api";
import controls from "@common/controls.css?inline";
import { adoptStyles, h, isTyping } from "@common/dom";
import { listen } from "@common/events";
import { guardSession } from "@common/guard";
import { entry, type MountArguments, type Mounted } from "@common/host";
import { translator } from "@common/i18n";
import { Room } from "@common/screens";
import theme from "@common/theme.css?inline";
import { containTyping } from "@common/typing";
import aspects from "./aspects.css?inline";
import { Card } from "./card";
import { Feed } from "./feed";
import type { Model } from "./model";
import styles from "./results.css?inline";
import { STATE_SIGNS } from "./states";
import { Section } from "./section";
import { TEXTS } from "./texts";
import type { ResultsData, Startable } from "./types";
import type { Speech } from "./words";

class Results implements Mounted<ResultsData> {
  private readonly root = h("section", { class: "hc rs" });
  private readonly tabs = new Section("rs-nav");
  private readonly words = new Section("rs-part");
  private readonly place = h("div", { class: "rs-place" });
  private readonly over = h("div", {});
  private readonly api: Api;
  private readonly feed: Feed;
  private readonly stops: (() => void)[] = [];
  private readonly room: Room;
  private data: ResultsData;
  private card: Card | undefined;
  private chosen: string | undefined;
  private isSeen = false;
  private readonly t = translator(TEXTS, () => this.data.language);

  constructor(private args: MountArguments<ResultsData>) {
    this.data = args.data;
    this.api = new Api(args.data.base);
    adoptStyles(args.parentElement, theme, controls, styles, aspects);
    this.root.append(this.tabs.root, this.words.root, this.place, this.over);
    args.parentElement.append(this.root);
    containTyping(this.root);
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.stops.push(guardSession(this.api));
    this.room = new Room(this.data.case_id);
    this.stops.push(
      listen("hoichan:results", ({ case_id }) => {
        if (case_id === this.data.case_id) this.args.setTriggerValue("news", Date.now());
      }),
    );
    this.feed = new Feed(this.api, this.data.case_id, {
      changed: () => this.show(),
      arrived: (model) => this.args.setTriggerValue("news", model.key),
    });
    // Until the reader has opened the panel nothing lies over the images: they come first.
    const watcher = new IntersectionObserver((seen) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      watcher.disconnect();
      this.isSeen = true;
      this.show();
    });
    watcher.observe(this.root);
    this.stops.push(() => watcher.disconnect());
    this.show();
    this.feed.start();
  }

  update(args: MountArguments<ResultsData>): void {
    this.args = args;
    this.data = args.data;
    this.show();
  }

  destroy(): void {
    this.feed.stop();
    this.card?.destroy();
    this.room.destroy();
    for (const stop of this.stops) stop();
    this.root.remove();
  }

  private get speech(): Speech {
    return { t: this.t, language: this.data.language };
  }

  private show(): void {
    const { feed, data, t } = this;
    this.root.style.maxHeight = data.height ?? "100%";
    this.root.setAttribute("aria-label", t("title"));
    const open = feed.models.find((model) => model.key === this.chosen) ?? feed.models[0];
    this.tabs.show(
      [feed.models.map((model) => [model.key, model.json.state, model.json.title]), open?.key, data.language],
      () => (feed.models.length > 1 ? feed.models.map((model) => this.tab(model, model === open)) : []),
    );
    const { startable } = feed;
    this.words.show([feed.isLoaded, feed.trouble, feed.models.length, startable, data.language], () => [
      ...startable.map((one) => this.starter(one)),
      feed.trouble && h("p", { class: "hc-notice", role: "alert" }, feed.trouble[data.language]),
      feed.models.length === 0 && startable.length === 0
        ? h("p", { class: "hc-muted" }, t(feed.isLoaded ? "none" : "loading"))
        : null,
    ]);
    if (this.isSeen) this.open(open);
  }

  private open(model: Model | undefined): void {
    if (model !== this.card?.model) {
      this.card?.destroy();
      this.card = model && new Card(this.api, this.data.case_id, model, {
        reader: { username: this.data.username, name: this.data.name },
        turnTo: (analysis) => this.choose(this.beside(model, analysis)),
        decline: (analysis) => this.beside(model, analysis)?.decline(this.data.username),
        veil: (dialog) => this.over.replaceChildren(...(dialog ? [dialog] : [])),
      });
      this.place.replaceChildren(...(this.card ? [this.card.root] : []));
    }
    this.card?.show(this.speech);
  }

  private choose(model: Model | undefined): void {
    if (model) this.chosen = model.key;
    this.show();
  }

  /** The result of another analysis of the same study. */
  private beside(model: Model, analysis: string): Model | undefined {
    const study = model.json.study_instance_uid;
    return this.feed.models.find(
      ({ json }) => json.analysis === analysis && json.study_instance_uid === study,
    );
  }

  private tab(model: Model, isOpen: boolean): HTMLElement {
    const { json } = model;
    return h(
      "button",
      {
        type: "button",
        class: "hc-button",
        "aria-pressed": String(isOpen),
        "data-focus": model.key,
        title: this.t(json.state),
        onclick: () => this.choose(model),
      },
      `${STATE_SIGNS[json.state]} ${json.title[this.data.language]}`,
    );
  }

  private starter(analysis: Startable): HTMLElement {
    const name = analysis.title[this.data.language];
    return h(
      "button",
      { type: "button", class: "hc-button", "data-focus": `start-${analysis.analysis}`, onclick: () => void this.feed.begin(analysis) },
      this.t("start", { name }),
    );
  }

  /** Window presets and Esc work from here as well: scoring must not cost the reader a click. */
  private onKey(event: KeyboardEvent): void {
    // Streamlit has keys of its own on the document.
    event.stopPropagation();
    const { key, code, ctrlKey, altKey, metaKey } = event;
    if (isTyping(event) || ctrlKey || altKey || metaKey || !/^(?:(?:Digit|Numpad)\d|Escape)$/.test(code)) return;
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true }));
  }
}

export default entry<ResultsData>((args) => new Results(args));
