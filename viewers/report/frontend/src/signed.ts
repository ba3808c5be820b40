/** What has been signed, and whether it came home: versions, hash, and each delivery, live. */

import { ApiError, type Api } from "@common/api";
import { h } from "@common/dom";
import { clockTime, dateTime } from "@common/format";
import { tell, type KeyImage } from "@common/events";
import type { Language } from "@common/host";
import { inLanguage, type Text, type Translate } from "@common/i18n";

import type { Person } from "./draft";
import { picture, type Choice } from "./editor";
import type { Kind } from "./signing";
import type { Key } from "./texts";

/** The part of an opinion's JSON that is shown. */
export interface Opinion {
  id: string;
  version: number;
  kind: Kind;
  sections: Record<string, string>;
  section_titles: Record<string, Text>;
  answers: { question_id: string; text: string }[];
  key_images: KeyImage[];
  concordance: string;
  transfer: string;
  author: Person;
  signed_at: string;
  content_hash: string;
}

export interface Delivery {
  id: string;
  opinion_id: string;
  destination: string;
  exporter: string;
  exporter_title?: Text | string;
  state: string;
  attempts: number;
  proof: string;
  last_error: Partial<Text>;
  sent_at: string | null;
  landed_at: string | null;
}

export interface SignedOptions {
  api: Api;
  caseId: string;
  language: Language;
  t: Translate<Key>;
  questions: { id: string; text: string }[];
  concordance: Choice[];
  transfer: Choice[];
  exporters: Record<string, string>;
  /** A new version was signed, or the newest one has come home (not told of the first answer). */
  changed(): void;
}

const POLL_MS = 3000;
const CALM_POLL_MS = 20000;
const KINDS: Record<Kind, Key> = {
  preliminary: "preliminary",
  final: "final",
  addendum: "kindAddendum",
  amended: "amended",
};
// A refused form of the opinion was replaced by one that the other side takes.
const REFUSED = "refused";

export class Signed {
  readonly element = h("div", { class: "rp-signed" });
  opinions: Opinion[] = [];
  private deliveries: Delivery[] = [];
  private readonly versions = h("div");
  private readonly home = h("section", { class: "rp-home", "aria-live": "polite" });
  private timer: number | undefined;
  private closed = false;
  private shown = "";
  private news = "";

  constructor(private readonly options: SignedOptions) {
    this.element.append(this.home, this.versions);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** Ask for opinions and deliveries, show them, and keep asking. */
  async refresh(): Promise<void> {
    clearTimeout(this.timer);
    const path = `/cases/${encodeURIComponent(this.options.caseId)}`;
    try {
      const [opinions, deliveries] = await Promise.all([
        this.options.api.poll<{ items: Opinion[] }>(`${path}/opinions`),
        this.options.api.poll<{ items: Delivery[] }>(`${path}/deliveries`),
      ]);
      if (this.closed) return;
      const before = this.news;
      this.opinions = opinions.items.sort((a, b) => b.version - a.version);
      this.deliveries = deliveries.items;
      this.show();
      this.news = `${this.opinions.length} ${this.home.querySelector("[data-landed=true]") !== null}`;
      if (before !== "" && before !== this.news) this.options.changed();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    } finally {
      if (!this.closed) {
        const calm = document.hidden || this.deliveries.every((d) => d.landed_at || d.state === REFUSED);
        this.timer = window.setTimeout(() => void this.refresh(), calm ? CALM_POLL_MS : POLL_MS);
      }
    }
  }

  private show(): void {
    const state = JSON.stringify([this.opinions, this.deliveries]);
    if (state === this.shown) return;
    this.shown = state;
    this.showHome();
    const { t } = this.options;
    const [current, older] = this.split();
    this.versions.replaceChildren(...current.map((opinion) => this.opinion(opinion)));
    if (!current.length) this.versions.append(h("p", { class: "hc-muted" }, t("notYet")));
    if (older.length) {
      this.versions.append(
        h("details", {}, h("summary", {}, `${t("older")} (${older.length})`), ...older.map((o) => this.opinion(o))),
      );
    }
  }

  /** What holds now (the newest whole opinion and what was added to it), and what it replaced. */
  private split(): [Opinion[], Opinion[]] {
    const whole = this.opinions.findIndex(({ kind }) => kind === "final" || kind === "amended");
    const end = whole < 0 ? 1 : whole + 1;
    return [this.opinions.slice(0, end), this.opinions.slice(end)];
  }

  private showHome(): void {
    const { t } = this.options;
    this.home.replaceChildren();
    this.home.hidden = this.opinions.length === 0;
    const newest = this.opinions[0];
    const current = this.deliveries.filter((d) => d.opinion_id === newest?.id);
    const wanted = current.filter((d) => d.state !== REFUSED);
    const landed = current.filter((d) => d.landed_at);
    const all = landed.length > 0 && landed.length === wanted.length;
    const places = [...new Set(current.map((d) => d.destination).filter(Boolean))].join(", ");
    const headline = !places
      ? t("noDestination")
      : all
        ? t("landedAll", { places })
        : landed.length
          ? t("landedSome", { n: landed.length, all: wanted.length })
          : t("notLanded", { places });
    this.home.append(
      h("div", { class: `hc-notice ${all ? "hc-good" : ""} rp-headline`, "data-landed": String(all) }, h("b", {}, headline)),
      ...current.map((delivery) => this.delivery(delivery)),
    );
  }

  private delivery(delivery: Delivery): HTMLElement {
    const { t, exporters, language } = this.options;
    const title = exporters[delivery.exporter] ?? inLanguage(delivery.exporter_title, language) ?? delivery.exporter;
    const problem = delivery.last_error[language] ?? "";
    let tone = "info";
    let text: string;
    if (delivery.landed_at) {
      tone = "good";
      const proof = delivery.proof === "query" ? t("proofQuery") : t("proofCommitment");
      text = `✔ ${clockTime(delivery.landed_at)} · ${proof}`;
    } else if (delivery.state === REFUSED) {
      tone = "quiet";
      text = t("refusedForm");
    } else if (problem) {
      tone = "bad";
      text = `⚠ ${t("failing", { n: delivery.attempts })}`;
    } else {
      text = `… ${t(delivery.sent_at ? "sentWaiting" : "due")}`;
    }
    return h(
      "div",
      { class: "rp-delivery" },
      h("span", { title: delivery.destination }, title || delivery.exporter),
      h("span", { class: "hc-badge", "data-tone": tone }, text),
      problem !== "" && !delivery.landed_at && h("small", { class: "hc-muted" }, problem),
    );
  }

  private opinion(opinion: Opinion): HTMLElement {
    const { t, language, questions, concordance, transfer } = this.options;
    const choice = (choices: Choice[], value: string): string =>
      choices.find((c) => c.value === value)?.title ?? value;
    const block = (title: string, text: string): HTMLElement | false =>
      text.trim() !== "" && h("div", { class: "rp-block" }, h("h4", {}, title), h("p", {}, text));
    const copy = h(
      "button",
      {
        type: "button",
        class: "hc-button hc-quiet",
        onclick: () => void navigator.clipboard?.writeText(opinion.content_hash).then(() => (copy.textContent = t("copied"))),
      },
      t("copy"),
    );
    return h(
      "article",
      { class: "rp-opinion" },
      h(
        "header",
        {},
        h("span", { class: "hc-badge", "data-tone": "good" }, `✔ ${t("signed")}`),
        h("b", {}, `${t(KINDS[opinion.kind])} · ${t("version", { n: opinion.version })}`),
        h("span", { class: "hc-muted" }, t("signedBy", { name: opinion.author.name, time: dateTime(opinion.signed_at) })),
        h("span", { class: "hc-badge", "data-tone": "quiet" }, t("advisory")),
      ),
      ...Object.entries(opinion.sections).map(([key, text]) =>
        block(inLanguage(opinion.section_titles[key] ?? key, language), text),
      ),
      ...opinion.answers.map((answer, at) =>
        block(`${at + 1}. ${questions.find((q) => q.id === answer.question_id)?.text ?? t("answerTo", { n: at + 1 })}`, answer.text),
      ),
      block(t("concordance"), choice(concordance, opinion.concordance)),
      block(t("transfer"), choice(transfer, opinion.transfer)),
      opinion.key_images.length > 0 &&
        h(
          "div",
          { class: "rp-block" },
          h("h4", {}, t("keyImages")),
          h("div", { class: "rp-strip" }, ...opinion.key_images.map((image) => this.image(image))),
        ),
      h("footer", { class: "hc-muted" }, `${t("hash")} `, h("code", { title: opinion.content_hash }, `${opinion.content_hash.slice(0, 16)}…`), copy),
    );
  }

  private image(image: KeyImage): HTMLElement {
    const { api, caseId, t } = this.options;
    return h(
      "button",
      {
        type: "button",
        class: "rp-thumb",
        title: image.caption || t("show"),
        onclick: () => tell("hoichan:show", { case_id: caseId, ...image }),
      },
      picture(api.base, image, image.caption),
    );
  }
}
