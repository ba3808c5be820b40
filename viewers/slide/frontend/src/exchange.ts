/** Files of other programs in, ours out: two buttons with their menus, and what became of a file. */

import { type Api, ApiError } from "@common/api";
import { h } from "@common/dom";
import type { Language } from "@common/host";
import { inLanguage, type Text, type Translate } from "@common/i18n";
import { reasonOf } from "@common/keyimages";
import type { MessageKey } from "./messages";
import { upload } from "./upload";

export interface ExchangeHooks {
  t: Translate<MessageKey>;
  language(): Language;
  /** The slide in hand. */
  series(): string | undefined;
  /** Marks have come to the server. */
  imported(): void;
}

/** `POST …/annotations/import`. */
interface Imported {
  series_instance_uid: string;
  marks: number;
  point_sets: number;
  points: number;
  already: number;
  new_classes: readonly string[];
  ignored: readonly { reason: Text; count: number }[];
}

/** As the server has it: larger files are refused before they travel. */
const MOST_BYTES = 64_000_000;
const INS = [
  ["", ""],
  ["geojson", ".geojson,.json"],
  ["asap", ".xml"],
  ["imagescope", ".xml"],
  ["dicom", ".dcm,application/dicom"],
] as const;
const OUTS = ["ann", "sr", "geojson", "seg"] as const;

export class Exchange {
  readonly root = h("footer", { class: "hs-exchange" });
  private readonly words = h("div", { class: "hs-outcome", role: "status", hidden: true });
  private readonly bar = h("progress", { max: 1, hidden: true });
  private readonly menu = h("div", { class: "hs-menu", role: "menu", hidden: true });
  private readonly buttons = h("div", { class: "hs-buttons" });
  private readonly file = h("input", { type: "file", hidden: true });
  private format = "";
  private isBusy = false;
  private canDraw = false;
  private written = "";

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    private readonly hooks: ExchangeHooks,
  ) {
    this.file.addEventListener("change", () => {
      const [file] = this.file.files ?? [];
      this.file.value = "";
      if (file) void this.take(file);
    });
    // A click anywhere else closes the menu, as menus do.
    this.root.addEventListener("focusout", (event) => {
      if (!this.root.contains(event.relatedTarget as Node | null)) this.close();
    });
    this.root.append(this.words, this.bar, this.menu, this.buttons, this.file);
  }

  update(canDraw: boolean): void {
    const { t } = this.hooks;
    this.root.hidden = !this.caseId;
    const saying = `${this.hooks.language()} ${canDraw} ${this.isBusy}`;
    if (saying === this.written) return;
    this.written = saying;
    this.canDraw = canDraw;
    this.close();
    this.buttons.replaceChildren(
      this.opener("import", canDraw ? t("import_title") : t("read_only"), !canDraw),
      this.opener("export", t("export_title"), false),
    );
  }

  private opener(which: "import" | "export", title: string, isOff: boolean): HTMLButtonElement {
    return h(
      "button",
      {
        type: "button",
        class: "hc-button",
        title,
        disabled: isOff || this.isBusy,
        "aria-haspopup": "menu",
        "data-exchange": which,
        onclick: () => {
          const wasOpen = this.menu.dataset["of"] === which && !this.menu.hidden;
          this.close();
          if (!wasOpen) this.open(which);
        },
      },
      this.hooks.t(which),
    );
  }

  private open(which: "import" | "export"): void {
    const { t } = this.hooks;
    const item = (label: string, run: () => void): HTMLButtonElement =>
      h("button", { type: "button", role: "menuitem", onclick: () => (this.close(), run()) }, label);
    this.menu.dataset["of"] = which;
    this.menu.replaceChildren(
      ...(which === "import"
        ? INS.map(([format, accept]) => item(t(`import_${format || "any"}`), () => this.choose(format, accept)))
        : OUTS.map((format) => item(t(`export_${format}`), () => void this.give(format)))),
    );
    this.menu.hidden = false;
    this.menu.querySelector("button")?.focus();
  }

  /** False when no menu was open. */
  close(): boolean {
    const wasOpen = !this.menu.hidden;
    this.menu.hidden = true;
    return wasOpen;
  }

  private choose(format: string, accept: string): void {
    this.format = format;
    this.file.accept = accept;
    this.file.click();
  }

  private async take(file: File): Promise<void> {
    const { t } = this.hooks;
    if (file.size > MOST_BYTES) {
      this.say("bad", `${file.name}: ${t("import_too_large")}`);
      return;
    }
    const query = new URLSearchParams({ series: this.hooks.series() ?? "", format: this.format });
    await this.busy(async () => {
      this.say("info", t("import_sending", { name: file.name }));
      this.bar.hidden = false;
      const answer = await upload<Imported>(
        this.api,
        `/api/v1/cases/${this.caseId}/annotations/import?${query}`,
        file,
        (share) => {
          // What the server does with it then takes as long as it takes.
          if (share < 1) this.bar.value = share;
          else this.bar.removeAttribute("value");
          this.say("info", t(share < 1 ? "import_sending" : "import_reading", { name: file.name }));
        },
      );
      this.hooks.imported();
      this.say(answer.marks + answer.point_sets ? "good" : "warn", ...this.outcome(file.name, answer));
    }, file.name);
  }

  private async give(format: (typeof OUTS)[number]): Promise<void> {
    const { t } = this.hooks;
    const query = new URLSearchParams({ format, series: this.hooks.series() ?? "" });
    await this.busy(async () => {
      this.say("info", t("export_making"));
      this.bar.removeAttribute("value");
      this.bar.hidden = false;
      const answer = await this.api.request(`/api/v1/cases/${this.caseId}/annotations/export?${query}`);
      const said = answer.headers.get("Content-Disposition") ?? "";
      const name = /filename="([^"]+)"/.exec(said)?.[1] ?? `annotations.${format}`;
      const address = URL.createObjectURL(await answer.blob());
      h("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
      this.say("good", t("export_done", { name }));
    }, t(`export_${format}`));
  }

  private async busy(work: () => Promise<void>, of: string): Promise<void> {
    this.isBusy = true;
    this.update(this.canDraw);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
      const reason = reasonOf(error, { vi: "Lỗi không rõ.", en: "Unknown error." });
      const isLarge = error instanceof ApiError && error.status === 413;
      this.say("bad", `${of}: ${isLarge ? this.hooks.t("import_too_large") : inLanguage(reason, this.hooks.language())}`);
    } finally {
      this.bar.hidden = true;
      this.isBusy = false;
      this.update(this.canDraw);
    }
  }

  /** "12 marks, 2 new classes (…)", then what was left out and why. */
  private outcome(name: string, answer: Imported): string[] {
    const { t } = this.hooks;
    const language = this.hooks.language();
    const n = (value: number): string => value.toLocaleString(language === "vi" ? "vi-VN" : "en-GB");
    const { new_classes: fresh, ignored } = answer;
    const parts = [
      answer.marks || !answer.point_sets ? t("import_marks", { n: n(answer.marks) }) : "",
      answer.point_sets ? t("import_sets", { n: n(answer.point_sets), points: n(answer.points) }) : "",
      fresh.length ? t("import_classes", { n: n(fresh.length), names: fresh.join(", ") }) : "",
      answer.already ? t("import_already", { n: n(answer.already) }) : "",
    ];
    const left = ignored.reduce((sum, { count }) => sum + count, 0);
    const why = ignored.map(({ reason, count }) => `${inLanguage(reason, language)} (${n(count)})`).join("; ");
    return [
      `${name}: ${parts.filter(Boolean).join(", ")}.`,
      left ? t("import_ignored", { n: n(left), why }) : "",
    ].filter(Boolean);
  }

  private say(tone: "info" | "good" | "warn" | "bad", ...sentences: string[]): void {
    const { t } = this.hooks;
    this.words.className = `hs-outcome hs-${tone}`;
    this.words.hidden = false;
    this.words.replaceChildren(
      ...sentences.map((sentence) => h("p", {}, sentence)),
      this.isBusy && tone === "info"
        ? ""
        : h("button", { type: "button", class: "hs-plain", onclick: () => (this.words.hidden = true) }, t("close")),
    );
  }
}
