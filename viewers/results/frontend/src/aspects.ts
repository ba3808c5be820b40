/**
 * The ASPECTS form: the reader scores, then sees the aid and scores again, then concludes.
 *
 * `detail` and `edits.reads` are described in `docs/reference/results-forms.md`. The server sends
 * the aid only after the independent read is stored; nothing here could show it before.
 */

import { h } from "@common/dom";
import { tell } from "@common/events";
import { span } from "@common/format";
import { translator } from "@common/i18n";
import type { AidRegions } from "./aid";
import { FORM_TEXTS } from "./formtexts";
import { type Board, levels, type Places, totalLine } from "./levels";
import type { Model } from "./model";
import { fresh, SCALES, type ScaleKey, STATES } from "./scales";
import { Section } from "./section";
import { type ReadName, READS, stepper, totalsLine } from "./stepper";
import type { Content, Reads, RegionState, ScaleRegions, Side } from "./types";
import type { Speech } from "./words";

export interface AspectsDetail {
  levels?: Places;
  aid?: { side: "right" | "left" | null; regions: AidRegions } | null;
}

const ARMED_MS = 5000;

export class AspectsForm {
  private readonly part = new Section("rs-part rs-aspects");
  private readonly clock = h("time", {});
  private readonly opened = Date.now();
  private readonly ticking = setInterval(() => this.tick(), 1000);
  private draft: Partial<Record<ScaleKey, ScaleRegions>> = { aspects: fresh("aspects") };
  private draftOf: ReadName | undefined;
  private scale: ScaleKey = "aspects";
  private isConcludingAgain = false;
  private isScoringAfterAll = false;
  private armedUntil = 0;
  private speech: Speech | undefined;
  private content: Content | undefined;
  private readonly t = translator(FORM_TEXTS, () => this.speech?.language ?? "vi");

  constructor(
    private readonly caseId: string,
    private readonly model: Model,
    private readonly username: string,
  ) {
    this.part.root.addEventListener("keydown", (event) => this.onKey(event));
  }

  get root(): HTMLElement {
    return this.part.root;
  }

  destroy(): void {
    clearInterval(this.ticking);
  }

  hide(): void {
    this.part.hide();
  }

  show(content: Content, speech: Speech): void {
    this.content = content;
    this.speech = speech;
    const stage = this.stage;
    if (stage !== this.draftOf) this.begin(stage);
    const isArmed = Date.now() < this.armedUntil;
    const facts = [
      stage, this.isDeclined, this.draft, this.scale, this.reads, content.detail, isArmed, this.model.mayEdit,
      this.model.isBusy && stage === "aided", speech.language,
    ];
    this.part.show(facts, () => this.build(stage, isArmed));
    this.tick();
  }

  private get reads(): Reads {
    return this.model.edits.reads ?? {};
  }

  /** Which read is under the reader's hands; none when all are locked. */
  private get stage(): ReadName | undefined {
    const { reads } = this;
    if (reads.declined && !reads.aided && !this.isScoringAfterAll) return undefined;
    const open = READS.find((name) => !reads[name] && !(name === "independent" && reads.declined));
    return open ?? (this.isConcludingAgain ? "final" : undefined);
  }

  /** Nobody scores, and nobody has to. */
  private get isDeclined(): boolean {
    return this.reads.declined !== undefined && this.stage === undefined && !this.reads.final;
  }

  /** Each read begins where the one before it ended. */
  private begin(stage: ReadName | undefined): void {
    this.draftOf = stage;
    this.armedUntil = 0;
    const { independent, aided, final } = this.reads;
    const before = final ?? aided ?? independent;
    if (before) this.draft = structuredClone(before.regions) as typeof this.draft;
  }

  private refresh(): void {
    if (this.content && this.speech) this.show(this.content, this.speech);
  }

  private tick(): void {
    this.clock.textContent = `⏱ ${span((Date.now() - this.opened) / 1000, this.speech?.language ?? "vi")}`;
    this.clock.title = this.t("timer");
    if (this.armedUntil && Date.now() >= this.armedUntil) {
      this.armedUntil = 0;
      this.refresh();
    }
  }

  // ---- building

  private build(stage: ReadName | undefined, isArmed: boolean): (HTMLElement | null)[] {
    const { t } = this;
    const aid = this.aid;
    const isWaiting = stage === "aided" && !aid && this.model.isBusy;
    const ask = stage ? t(`ask_${stage}`) : t(this.isDeclined ? "ask_declined" : "done");
    if (this.isDeclined) {
      return [
        h("header", {}, h("h3", {}, t("form"))),
        stepper(this.reads, stage, this.speech!.language, t),
        h("p", { class: "hc-muted", role: "status" }, ask),
        this.model.mayEdit ? this.button("after-all", t("score_after_all"), () => this.scoreAfterAll()) : null,
      ];
    }
    return [
      h("header", {}, h("h3", {}, t("form")), stage ? this.clock : null),
      stepper(this.reads, stage, this.speech!.language, t),
      h(
        "p",
        { class: stage === "independent" ? "rs-hint" : "hc-muted", role: "status" },
        isWaiting ? t("aid_coming") : stage === "aided" && !aid ? t("aid_none") : ask,
      ),
      this.tabs(),
      h("div", { class: "rs-levels" }, ...this.levels(stage)),
      h("p", { class: "hc-muted rs-key" }, aid ? `${t("key")} ${t("aid_key")}` : t("key")),
      stage && this.model.mayEdit && !isWaiting ? this.lockButton(stage, isArmed) : null,
      stage === "independent" && this.model.mayEdit
        ? h(
            "p",
            { class: "rs-decline" },
            this.button("decline", t("decline"), () => this.decline()),
            h("small", { class: "hc-muted" }, t("decline_why")),
          )
        : null,
      !stage && this.model.mayEdit ? this.button("again", t("again"), () => this.concludeAgain()) : null,
    ];
  }

  private button(focus: string, words: string, onclick: () => void): HTMLElement {
    return h("button", { type: "button", class: "hc-button", "data-focus": focus, onclick }, words);
  }

  private get aid(): NonNullable<AspectsDetail["aid"]> | undefined {
    if (!this.reads.independent && !this.reads.declined) return undefined;
    return (this.content?.detail as AspectsDetail | undefined)?.aid ?? undefined;
  }

  private tabs(): HTMLElement {
    const { t } = this;
    const tab = (key: ScaleKey): HTMLElement =>
      h(
        "button",
        {
          type: "button",
          class: "hc-button",
          "aria-pressed": String(this.scale === key),
          "data-focus": `scale-${key}`,
          onclick: () => {
            this.scale = key;
            this.refresh();
          },
        },
        SCALES[key].title,
      );
    const places = this.places;
    const both = [places.ganglionic, places.supraganglionic].filter((one) => one !== undefined);
    return h(
      "div",
      { class: "rs-tabs" },
      tab("aspects"),
      tab("pc_aspects"),
      both.length === 2 && this.scale === "aspects"
        ? h(
            "button",
            {
              type: "button",
              class: "hc-button hc-quiet",
              "data-focus": "compare",
              onclick: () => tell("hoichan:compare", { case_id: this.caseId, places: both }),
            },
            t("compare"),
          )
        : null,
    );
  }

  private get places(): Places {
    return (this.content?.detail as AspectsDetail | undefined)?.levels ?? {};
  }

  private levels(stage: ReadName | undefined): HTMLElement[] {
    const regions = this.draft[this.scale];
    const mayScore = stage !== undefined && this.model.mayEdit;
    const made: HTMLElement[] = [];
    if (this.scale === "pc_aspects") {
      const scored = h("input", {
        type: "checkbox",
        checked: regions !== undefined,
        disabled: !mayScore,
        "data-focus": "posterior",
        onchange: () => {
          const { pc_aspects: _dropped, ...rest } = this.draft;
          this.draft = scored.checked ? { ...rest, pc_aspects: fresh("pc_aspects") } : rest;
          this.refresh();
        },
      });
      made.push(h("label", { class: "rs-wide" }, scored, this.t("score_posterior")));
    }
    if (!regions) return made;
    const board: Board = {
      scale: this.scale,
      regions,
      mayScore,
      aid: this.aid?.regions,
      places: this.places,
      t: this.t,
      language: this.speech!.language,
      turn: (side, region, state, by) => this.turn(side, region, state, by),
      show: (place) =>
        tell("hoichan:show", {
          case_id: this.caseId,
          study_instance_uid: this.model.json.study_instance_uid,
          ...place,
        }),
    };
    return [...made, ...levels(board), totalLine(board)];
  }

  // ---- scoring

  private turn(side: Side, region: string, state: RegionState, by: number): void {
    const next = STATES[(STATES.indexOf(state) + by + STATES.length) % STATES.length]!;
    const regions = this.draft[this.scale] ?? fresh(this.scale);
    this.armedUntil = 0;
    this.draft = {
      ...this.draft,
      [this.scale]: { ...regions, [side]: { ...regions[side], [region]: next } },
    };
    this.refresh();
  }

  private lockButton(stage: ReadName, isArmed: boolean): HTMLElement {
    const { t } = this;
    return h(
      "button",
      {
        type: "button",
        class: isArmed ? "hc-button hc-primary rs-lock rs-armed" : "hc-button hc-primary rs-lock",
        "data-focus": "lock",
        "aria-live": "polite",
        onclick: () => this.lock(stage),
      },
      isArmed ? t("lock_again") : `${t("lock", { read: t(stage) })} (${totalsLine({ regions: this.draft }, t)})`,
    );
  }

  /** Once arms, twice within five seconds locks. */
  private lock(stage: ReadName): void {
    if (Date.now() >= this.armedUntil) {
      this.armedUntil = Date.now() + ARMED_MS;
      this.refresh();
      return;
    }
    this.isConcludingAgain = false;
    this.model.storeRead(stage, {
      by: this.username,
      at: new Date().toISOString(),
      seconds: Math.round((Date.now() - this.opened) / 100) / 10,
      regions: this.draft,
    });
    this.refresh();
  }

  private decline(): void {
    this.model.decline(this.username);
    this.refresh();
  }

  private scoreAfterAll(): void {
    this.isScoringAfterAll = true;
    this.refresh();
  }

  private concludeAgain(): void {
    this.isConcludingAgain = true;
    this.refresh();
  }

  /** Arrow keys go from region to region and from side to side. */
  private onKey(event: KeyboardEvent): void {
    const from = event.composedPath()[0];
    if (!(from instanceof HTMLElement) || !from.classList.contains("rs-toggle")) return;
    const toggles = [...this.root.querySelectorAll<HTMLElement>(".rs-toggle")];
    const column = toggles.filter((one) => one.dataset["side"] === from.dataset["side"]);
    const to =
      event.key === "ArrowDown" ? column[column.indexOf(from) + 1]
      : event.key === "ArrowUp" ? column[column.indexOf(from) - 1]
      : event.key === "ArrowRight" ? toggles[toggles.indexOf(from) + 1]
      : event.key === "ArrowLeft" ? toggles[toggles.indexOf(from) - 1]
      : undefined;
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    to.focus();
  }
}
