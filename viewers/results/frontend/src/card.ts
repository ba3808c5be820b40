/** One result as a reader meets it: what it is worth, what it says, what may be changed. */

import type { Api } from "@common/api";
import { h } from "@common/dom";
import { listen } from "@common/events";
import { dateTime } from "@common/format";
import { AspectsForm } from "./aspects";
import { chart } from "./charts";
import { confirmDialog } from "./confirm";
import { Controls } from "./controls";
import { steps, tables } from "./facts";
import { handleList } from "./handlelist";
import { layerList } from "./layerlist";
import { Maps } from "./maps";
import type { Model } from "./model";
import { Overview } from "./overview";
import { hiddenNumbers, qualityBanner, seriesChoice } from "./quality";
import { pictures } from "./pictures";
import { Section } from "./section";
import { STATE_SIGNS, STATE_TONES } from "./states";
import { type Content, isBusy } from "./types";
import { mainValues, valueGroups } from "./values";
import { withheldPart } from "./withheld";
import type { Speech } from "./words";

export interface CardHooks {
  reader: { username: string; name: string };
  /** Turn to the result of that analysis, of the same study. */
  turnTo(analysis: string): void;
  /** The reader will not score in that analysis. */
  decline(analysis: string): void;
  /** Lay a dialog over the panel. */
  veil(dialog: HTMLElement | null): void;
}

export class Card {
  readonly root: HTMLElement;
  private readonly head = new Section("rs-head");
  private readonly work = new Section("rs-work");
  private readonly quality = new Section("rs-part");
  private readonly hidden = new Section("rs-part");
  private readonly withheld = new Section("rs-part");
  private readonly main = new Section("rs-part");
  private readonly groups = new Section("rs-part");
  private readonly controls = new Controls();
  private readonly layers = new Section("rs-part");
  private readonly handles = new Section("rs-part");
  private readonly figures = new Section("rs-part");
  private readonly foot = new Section("rs-foot");
  private readonly maps: Maps;
  private readonly form: AspectsForm;
  private readonly overview: Overview;
  private readonly stops: (() => void)[];
  private told = "";
  private speech: Speech | undefined;

  constructor(
    api: Api,
    caseId: string,
    readonly model: Model,
    private readonly hooks: CardHooks,
  ) {
    this.overview = new Overview(caseId, model, () => this.again());
    this.maps = new Maps(api);
    this.form = new AspectsForm(caseId, model, hooks.reader.username);
    const parts = [this.quality, this.hidden, this.withheld, this.main, this.form, this.maps, this.groups, this.controls, this.layers, this.handles, this.figures];
    this.root = h(
      "article",
      { class: "rs-card", "data-analysis": model.json.analysis },
      this.head.root,
      h("div", { class: "rs-scroll" }, this.work.root, ...parts.map((part) => part.root)),
      this.foot.root,
    );
    this.stops = [
      this.overview.listen(),
      listen("hoichan:at", (place) => place.case_id === caseId && this.maps.turnTo(place)),
      listen("hoichan:ask-layers", (asked) => asked.case_id === caseId && this.overview.tell()),
    ];
  }

  destroy(): void {
    for (const stop of this.stops) stop();
    this.form.destroy();
    this.root.remove();
  }

  private again(): void {
    if (this.speech) this.show(this.speech);
  }

  show(speech: Speech): void {
    this.speech = speech;
    const { model, overview } = this;
    const { json, content } = model;
    const { language } = speech;
    const isHidden = overview.isHidden;
    this.root.dataset["state"] = json.state;
    this.root.classList.toggle("rs-stale", isBusy(json));
    this.head.show([json.state, json.title, json.confirmed_by, language], () => this.heading(speech));
    this.work.show(
      [json.state, json.progress, json.message, json.error, model.trouble, content === null, model.isBusy, language],
      () => this.progress(speech),
    );
    this.foot.show(
      [json.state, model.isBusy, model.canUndo, model.isCorrected, this.obstacle(content), json.permissions, language],
      () => this.buttons(content, speech),
    );
    this.tellViewer();
    if (!content) return;
    const may = model.mayEdit;
    this.quality.show([content.grade, content.reasons, content.reason, content.alternatives, content.summary, isHidden, may, language], () => [
      qualityBanner(content, speech),
      content.summary && !isHidden ? h("p", { class: "rs-summary" }, content.summary[language]) : null,
      seriesChoice(model, content, speech),
    ]);
    this.hidden.show([isHidden, language], () =>
      isHidden ? [hiddenNumbers(() => this.reveal(), speech)] : [],
    );
    this.withheld.show([json.withheld, may, language], () =>
      json.withheld.map((one) => withheldPart(one, may, this.hooks, speech)),
    );
    this.showNumbers(content, isHidden, speech);
    this.figures.show([isHidden, content.detail["pictures"], content.charts, content.tables, content.steps, content.version, language], () => [
      ...(isHidden ? [] : [...pictures(content, speech), ...content.charts.map((one) => chart(one, speech)), ...tables(content, speech)]),
      steps(content, speech),
    ]);
  }

  /** Everything that would let numbers be seen or guessed. */
  private showNumbers(content: Content, isHidden: boolean, speech: Speech): void {
    const { model, overview } = this;
    const { language } = speech;
    if (isHidden) {
      for (const part of [this.main, this.groups, this.layers, this.handles, this.controls, this.maps]) part.hide();
      this.form.hide();
      return;
    }
    const may = model.mayEdit;
    this.main.show([content.values, language], () => [mainValues(content, speech)]);
    if (content.form === "aspects") this.form.show(content, speech);
    this.maps.show(overview, content.layers, speech);
    // The form shows each read's score itself.
    const values = content.form === "aspects" ? [] : content.values;
    this.groups.show([values, model.edits.rejected, may, language], () =>
      valueGroups(model, values, overview, speech),
    );
    this.controls.show(model, content, speech);
    const seen = content.layers.map((layer) => [layer.key, overview.isVisible(layer), layer.title, layer.segments]);
    this.layers.show([seen, overview.brush?.layer, overview.brush?.erase, may, language], () =>
      layerList(overview, content.layers, speech),
    );
    this.handles.show([content.handles.map(({ points_mm: _points, ...rest }) => rest), Object.keys(model.edits.handles ?? {}), overview.pick, overview.showsHandles, may, language], () =>
      handleList(overview, content.handles, speech),
    );
  }

  private reveal(): void {
    this.model.isRevealed = true;
    this.again();
  }

  /** Tell the viewer when what it is to draw has changed. */
  private tellViewer(): void {
    const { content, edits, mayEdit } = this.model;
    const facts = JSON.stringify([content?.layers, content?.handles, edits.handles, edits.rejected, mayEdit, this.overview.isHidden]);
    if (facts === this.told) return;
    this.told = facts;
    this.overview.tell();
  }

  private heading({ t, language }: Speech): HTMLElement[] {
    const { json } = this.model;
    const { state } = json;
    const by = json.confirmed_by;
    const name = typeof by === "string" ? by : (by?.name ?? "");
    const when = json.confirmed_at ? dateTime(json.confirmed_at) : "";
    return [
      h(
        "div",
        {},
        h("h2", {}, json.title[language]),
        h("span", { class: "hc-badge", "data-tone": STATE_TONES[state], role: "status" }, `${STATE_SIGNS[state]} ${t(state)}`),
      ),
      h("p", { class: "rs-support" }, t("support")),
      ...(state === "confirmed" ? [h("p", { class: "hc-muted" }, t("confirmed_by", { name, when }))] : []),
    ];
  }

  private progress({ t, language }: Speech): (HTMLElement | null)[] {
    const { json, content, trouble, isBusy: busy } = this.model;
    const percent = Math.round(100 * json.progress);
    return [
      busy
        ? h(
            "div",
            { class: "rs-progress", role: "status" },
            h("progress", { max: 100, value: json.state === "running" ? percent : null, "aria-label": t("running") }),
            h("span", {}, json.message?.[language] ?? t(json.state === "running" ? "running" : "due")),
            isBusy(json) && h("button", { type: "button", class: "hc-button", "data-focus": "cancel", onclick: () => void this.model.cancel() }, t("cancel")),
            content && h("p", { class: "hc-muted" }, t("old_numbers")),
          )
        : null,
      json.error && !busy ? h("p", { class: "hc-notice hc-bad", role: "alert" }, json.error[language]) : null,
      trouble ? h("p", { class: "hc-notice", role: "alert" }, trouble[language]) : null,
    ];
  }

  /** Why this cannot be confirmed yet. */
  private obstacle(content: Content | null): "needs_nothing" | "needs_final" | "needs_read" | "needs_reveal" | "" {
    const { reads } = this.model.edits;
    if (content?.form === "aspects" && !reads?.final) {
      return reads?.declined && !reads.aided ? "needs_nothing" : "needs_final";
    }
    if (this.model.json.withheld.length > 0) return "needs_read";
    return this.overview.isHidden ? "needs_reveal" : "";
  }

  private buttons(content: Content | null, { t }: Speech): (HTMLElement | null)[] {
    const { model } = this;
    const { state } = model.json;
    const button = (focus: string, words: string, onclick: () => void, more = "", disabled = false): HTMLElement =>
      h("button", { type: "button", class: `hc-button ${more}`, "data-focus": focus, disabled, onclick }, words);
    const obstacle = this.obstacle(content);
    const isReady = content !== null && !model.isBusy && (state === "computed" || state === "edited");
    const isStuck = (state === "failed" || state === "cancelled") && model.mayEdit && !model.isBusy;
    return [
      model.canUndo ? button("undo", t("undo"), () => model.undo()) : null,
      model.mayEdit && model.isCorrected ? button("discard", t("discard"), () => model.discard()) : null,
      isStuck ? button("again", t("retry"), () => void model.again()) : null,
      h("span", { class: "rs-grow hc-muted" }, isReady && obstacle && model.mayConfirm ? t(obstacle) : ""),
      state === "confirmed" && model.mayConfirm ? button("reopen", t("reopen"), () => void model.reopen()) : null,
      content && model.mayConfirm && state !== "confirmed"
        ? button("confirm", t("confirm"), () => this.askConfirmation(content), "hc-primary", !isReady || obstacle !== "")
        : null,
    ];
  }

  private askConfirmation(content: Content): void {
    const close = (): void => this.hooks.veil(null);
    this.hooks.veil(confirmDialog(this.model, content, this.hooks.reader.name, close, this.speech!));
  }
}
