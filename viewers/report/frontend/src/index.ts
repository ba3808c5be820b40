/**
 * The opinion: editor while it is being written, versions and deliveries once it is signed.
 *
 * Typing saves to the API by itself and never reaches Streamlit. Trigger `news`: an opinion
 * was signed or came home, so that the page may show the case's new state.
 */

import { Api, ApiError } from "@common/api";
import controls from "@common/controls.css?inline";
import { adoptStyles, h } from "@common/dom";
import { listen, tell } from "@common/events";
import { clockTime } from "@common/format";
import { guardSession } from "@common/guard";
import { entry, type HostData, type MountArguments, type Mounted } from "@common/host";
import { inLanguage, type Text, translator } from "@common/i18n";
import theme from "@common/theme.css?inline";
import { containTyping } from "@common/typing";

import type { Content, Draft } from "./draft";
import { Editor, type Choice } from "./editor";
import { Marks } from "./marks";
import { Measured } from "./measured";
import styles from "./report.css?inline";
import { Saver, type SaveState } from "./saver";
import { Signed, type Opinion } from "./signed";
import { openSigning, type Kind } from "./signing";
import { TEXTS } from "./texts";

export interface ReportData extends HostData {
  case_id: string;
  username: string;
  /** False shows what was signed and where it landed, and nothing to type in. */
  writing: boolean;
  questions: { id: string; text: string }[];
  concordance: Choice[];
  transfer: Choice[];
  /** Titles of the exporters by id. */
  exporters: Record<string, string>;
}

const READERS_POLL_MS = 15000;

class Report implements Mounted<ReportData> {
  private readonly root: HTMLElement;
  private readonly api: Api;
  private readonly t = translator(TEXTS, () => this.data.language);
  private readonly save = h("span", { class: "rp-save", role: "status" });
  private readonly bars = h("div", { class: "rp-bars" });
  private readonly scroll = h("div", { class: "rp-scroll" });
  private readonly foot = h("div", { class: "rp-foot" });
  private readonly stop: (() => void)[] = [];
  private readonly signed: Signed;
  private args: MountArguments<ReportData>;
  private data: ReportData;
  private draft: Draft | null = null;
  private saver: Saver | null = null;
  private editor: Editor | null = null;
  private marks: Marks | null = null;
  private measured: Measured | null = null;
  private mode: Kind | null = null;
  private gone = false;

  constructor(args: MountArguments<ReportData>) {
    this.args = args;
    this.data = args.data;
    this.api = new Api(args.data.base);
    adoptStyles(args.parentElement, theme, controls, styles);
    this.root = h(
      "section",
      { class: "hc rp", "aria-label": this.t("title") },
      h("div", { class: "rp-top" }, h("b", {}, this.t("title")), this.save),
      this.bars,
      this.scroll,
      this.foot,
    );
    args.parentElement.append(this.root);
    this.fit();
    containTyping(this.root);
    this.stop.push(guardSession(this.api));
    this.signed = new Signed({
      api: this.api,
      caseId: this.data.case_id,
      language: this.data.language,
      t: this.t,
      questions: this.data.questions,
      concordance: this.data.concordance,
      transfer: this.data.transfer,
      exporters: this.data.exporters,
      changed: () => this.newsOfSigned(),
    });
    this.stop.push(() => this.signed.close());
    const leave = (): void => this.saver?.leave();
    window.addEventListener("pagehide", leave);
    this.stop.push(() => window.removeEventListener("pagehide", leave));
    void this.load();
  }

  update(args: MountArguments<ReportData>): void {
    this.args = args;
    const moved =
      args.data.case_id !== this.data.case_id ||
      args.data.language !== this.data.language ||
      args.data.writing !== this.data.writing;
    this.data = args.data;
    this.fit();
    if (!moved) return;
    this.closeEditor();
    this.root.setAttribute("aria-label", this.t("title"));
    void this.load();
  }

  destroy(): void {
    this.gone = true;
    this.closeEditor();
    for (const stop of this.stop) stop();
    this.root.remove();
  }

  /** To write in, the panel fills its place; to read, it is as high as what it says. */
  private fit(): void {
    const { writing, height = "100%" } = this.data;
    this.root.style.height = writing ? height : "auto";
    this.root.style.maxHeight = height;
  }

  private get path(): string {
    return `/cases/${encodeURIComponent(this.data.case_id)}`;
  }

  private async load(): Promise<void> {
    this.scroll.replaceChildren(h("div", { class: "rp-center" }, this.t("loading")));
    this.foot.hidden = true;
    try {
      await this.signed.refresh();
      if (this.data.writing && !this.final) await this.write(null);
      else this.read();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.scroll.replaceChildren(
        h(
          "div",
          { class: "rp-center" },
          h("p", {}, inLanguage(error.text, this.data.language)),
          h("button", { type: "button", class: "hc-button", onclick: () => void this.load() }, this.t("retryLoad")),
        ),
      );
    }
  }

  private get final(): Opinion | undefined {
    return this.signed.opinions.find((opinion) => opinion.kind !== "preliminary");
  }

  /** Open the editor: the first opinion (`kind` null), an addendum or an amendment. */
  private async write(kind: Kind | null): Promise<void> {
    const query = kind ? `?kind=${kind}` : "";
    const draft = await this.api.get<Draft>(`${this.path}/draft${query}`);
    if (this.gone) return;
    this.closeEditor();
    this.mode = kind;
    this.draft = draft;
    const { language } = this.data;
    const saver = new Saver(this.api, this.data.case_id, this.data.username, language, draft, {
      state: (state) => this.showSave(state),
      replaced: (content, why) => {
        this.editor?.show(content);
        this.marks?.show();
        if (why !== "taken") this.bar(why, this.t(why), "hc-info");
      },
    });
    this.saver = saver;
    this.editor = new Editor({
      draft,
      content: saver.content,
      base: this.data.base,
      language,
      concordance: this.data.concordance,
      transfer: this.data.transfer,
      t: this.t,
      changed: (content) => saver.change(content),
      showImage: (image) => tell("hoichan:show", { case_id: this.data.case_id, ...image }),
      askKeyImage: () => tell("hoichan:ask-key-image", { case_id: this.data.case_id }),
      keyImages: (images) => tell("hoichan:key-images", { case_id: this.data.case_id, key_images: images }),
    });
    const editor = this.editor;
    this.marks = new Marks({
      api: this.api,
      caseId: this.data.case_id,
      username: this.data.username,
      language,
      t: this.t,
      place: editor.marksPlace,
      included: () => editor.annotationIds,
      choose: (ids) => editor.setAnnotations(ids),
      insert: (text) => editor.insert(text),
      fresh: draft.revision === 0,
    });
    const deaf = listen("hoichan:key-image", (detail) => {
      if (detail.case_id === this.data.case_id) editor.addKeyImage(detail.key_image);
    });
    const measured = new Measured({
      language,
      t: this.t,
      sections: () => editor.sections,
      fill: (sections) => editor.fill(sections),
    });
    this.measured = measured;
    measured.show(draft);
    const unaware = listen("hoichan:results", (detail) => {
      if (detail.case_id === this.data.case_id) void this.askAgain();
    });
    const readers = window.setInterval(() => void this.askAgain(), READERS_POLL_MS);
    this.closers.push(deaf, unaware, () => clearInterval(readers));
    this.bars.replaceChildren();
    const base = this.signed.opinions[0]?.version ?? 0;
    if (kind === "addendum") this.bar("mode", this.t("addendumMode", { n: base }), "hc-info");
    if (kind === "amended") this.bar("mode", this.t("amendMode", { n: base }), "");
    this.scroll.replaceChildren(measured.element, editor.element, ...(this.signed.opinions.length ? [this.signed.element] : []));
    editor.fit();
    this.showReaders(draft);
    this.showSave({ kind: "unchanged" });
    saver.restore();
    this.showFoot();
  }

  private readonly closers: (() => void)[] = [];

  private closeEditor(): void {
    this.saver?.leave();
    this.marks?.close();
    for (const close of this.closers.splice(0)) close();
    this.saver = this.editor = this.marks = this.measured = this.draft = this.mode = null;
  }

  /** Show what was signed; nothing to type. */
  private read(): void {
    this.closeEditor();
    this.save.textContent = "";
    this.bars.replaceChildren();
    this.scroll.replaceChildren(this.signed.element);
    this.scroll.scrollTop = 0;
    this.showFoot();
  }

  private showFoot(): void {
    const button = (text: string, click: () => void, primary = false): HTMLElement =>
      h("button", { type: "button", class: `hc-button ${primary ? "hc-primary" : ""}`, onclick: click }, text);
    const { t } = this;
    this.foot.replaceChildren();
    this.foot.hidden = !this.data.writing;
    if (!this.data.writing) return;
    if (this.mode === "addendum" || this.mode === "amended") {
      const kind = this.mode;
      this.foot.append(
        button(t("cancel"), () => this.read()),
        button(t(kind === "addendum" ? "dialogAddendum" : "dialogAmended"), () => void this.ask(kind), true),
      );
    } else if (this.editor) {
      this.foot.append(
        button(t("signPreliminary"), () => void this.ask("preliminary")),
        button(t("signFinal"), () => void this.ask("final"), true),
      );
    } else if (this.final) {
      this.foot.append(
        button(t("addendum"), () => void this.reopen("addendum")),
        button(t("amend"), () => void this.reopen("amended")),
      );
    }
  }

  private async reopen(kind: Kind): Promise<void> {
    try {
      await this.write(kind);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.bar("refused", inLanguage(error.text, this.data.language), "hc-bad");
    }
  }

  private missing(kind: Kind, content: Content): string[] {
    const { t } = this;
    const empty = (text: string | undefined): boolean => !text?.trim();
    const sections = (this.draft?.template.sections ?? [])
      .filter((section) => section.required && empty(content.sections[section.key]))
      .map((section) => t("missingSection", { title: inLanguage(section.title, this.data.language) }));
    if (kind === "preliminary" || kind === "addendum") return kind === "preliminary" ? sections : [];
    const answers = (this.draft?.questions ?? []).flatMap(({ id }, at) =>
      empty(content.answers[id]) ? [t("missingAnswer", { n: at + 1 })] : [],
    );
    return [
      ...sections,
      ...answers,
      ...(content.concordance ? [] : [t("concordance")]),
      ...(content.transfer ? [] : [t("transfer")]),
    ];
  }

  /** Tissue of slides that the author has not looked at; nothing where nobody can say. */
  private async unseen(): Promise<string> {
    try {
      const said = await this.api.get<{ sentence: Text | null }>(`${this.path}/coverage`);
      return said.sentence ? inLanguage(said.sentence, this.data.language) : "";
    } catch {
      return "";
    }
  }

  private async ask(kind: Kind): Promise<void> {
    const { saver } = this;
    if (!saver) return;
    openSigning(this.root, {
      kind,
      language: this.data.language,
      t: this.t,
      missing: this.missing(kind, saver.content),
      remark: this.unseen(),
      sign: async (password, reason) => {
        if (!(await saver.flush())) {
          throw new ApiError(0, "unsaved", TEXTS.unsavedSign);
        }
        try {
          await this.api.post<Opinion>(`${this.path}/opinions`, {
            kind,
            password,
            draft_revision: saver.revision,
            reason,
            results: this.measured?.seen ?? {},
          });
        } catch (error) {
          // the author is told, and sees here what it is now
          if (error instanceof ApiError && error.code === "results_changed") await this.askAgain();
          throw error;
        }
        if (kind === "preliminary") await saver.restart();
        else saver.finish();
        await this.signed.refresh();
        if (kind !== "preliminary") this.read();
      },
    });
  }

  /** The page shows the case's new state; what is being written here stays. */
  private newsOfSigned(): void {
    if (this.editor && !this.signed.element.isConnected) this.scroll.append(this.signed.element);
    this.args.setTriggerValue("news", this.signed.opinions.at(0)?.id ?? "");
  }

  /** Who else has the case open, and what is confirmed by now. */
  private async askAgain(): Promise<void> {
    if (document.hidden) return;
    try {
      const draft = await this.api.poll<Draft>(`${this.path}/draft`);
      this.showReaders(draft);
      this.measured?.show(draft);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // asked again in a few seconds
    }
  }

  private showReaders({ readers }: Draft): void {
    const names = readers.map((reader) => reader.name).join(", ");
    if (names) this.bar("readers", `⚠ ${this.t("alsoOpen", { names })}`, "");
    else this.bars.querySelector('[data-bar="readers"]')?.remove();
  }

  private bar(name: string, text: string, tone: string, ...more: HTMLElement[]): void {
    const bar = h("div", { class: `hc-notice ${tone}`, "data-bar": name, role: "status" }, h("span", {}, text), ...more);
    const found = this.bars.querySelector(`[data-bar="${name}"]`);
    if (found) found.replaceWith(bar);
    else this.bars.append(bar);
    if (name === "merged" || name === "restored") setTimeout(() => bar.remove(), 12000);
  }

  private showSave(state: SaveState): void {
    const { t } = this;
    const set = (text: string, tone = ""): void => {
      this.save.textContent = text;
      this.save.dataset.tone = tone;
    };
    if (state.kind !== "conflict") this.bars.querySelector('[data-bar="conflict"]')?.remove();
    switch (state.kind) {
      case "unchanged":
        return set(t("unchanged"));
      case "typing":
        return set(`● ${t("typing")}`);
      case "merged":
      case "saving":
        return set(`● ${t("saving")}`);
      case "saved":
        return set(`✔ ${t("saved", { time: clockTime(state.at) })}`, "good");
      case "retrying":
        set(`⚠ ${t("retrying")}`, "bad");
        this.save.title = t("keptHere");
        return;
      case "refused":
        return set(`⚠ ${t("refused", { reason: inLanguage(state.reason, this.data.language) })}`, "bad");
      case "conflict":
        set(`⚠ ${t("conflict")}`, "bad");
        this.showConflict(state.clashes, state.theirs);
    }
  }

  private showConflict(clashes: string[], theirs: Content): void {
    const { t } = this;
    const settle = (keepMine: boolean) => (): void => this.saver?.settle(keepMine);
    const fields = clashes.map((place) => this.editor?.title(place) ?? place).join(", ");
    const other = clashes.map((place) => {
      const [group, key = ""] = place.split(".");
      const text = group === "sections" || group === "answers" ? theirs[group][key] : "";
      return text ?? "";
    });
    this.bar(
      "conflict",
      t("conflictBar", { fields }),
      "hc-bad",
      h("button", { type: "button", class: "hc-button", onclick: settle(true) }, t("keepMine")),
      h("button", { type: "button", class: "hc-button", onclick: settle(false) }, t("takeTheirs")),
      h("pre", {}, `${t("theirText")}: ${other.filter(Boolean).join("\n")}`),
    );
  }
}

export default entry<ReportData>((args) => new Report(args));
