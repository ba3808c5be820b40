/**
 * Slides and DICOM files from this computer to the hospital's archive, resumably.
 *
 * Trigger `request`: the Study Instance UID somebody wants a consult for.
 */

import { Api, ApiError } from "@common/api";
import controls from "@common/controls.css?inline";
import { adoptStyles, h } from "@common/dom";
import { guardSession } from "@common/guard";
import { entry, type HostData, type MountArguments, type Mounted } from "@common/host";
import { inLanguage, translator } from "@common/i18n";
import theme from "@common/theme.css?inline";
import { containTyping } from "@common/typing";

import { Basket } from "./basket";
import { BlockSending, createInBlocks, isForBlocks } from "./blocks";
import { Form } from "./form";
import { List, type Item } from "./list";
import type { Unit } from "./packing";
import { Spoken } from "./spoken";
import { TEXTS } from "./texts";
import { again, create, remove, Sending, type Facts } from "./tus";
import styles from "./upload.css?inline";

export interface UploadData extends HostData {
  /** Whether this user may ask for a consult. */
  may_request: boolean;
}

const BUSY_MS = 1500;
const IDLE_MS = 10000;
// More connections share the same line; two keep it full while one waits for the disk.
const AT_ONCE = 2;

class Upload implements Mounted<UploadData> {
  private data: UploadData;
  private args: MountArguments<UploadData>;
  private readonly api: Api;
  private readonly t = translator(TEXTS, () => this.data.language);
  private readonly spoken = new Spoken(this.t);
  private readonly root = h("div", { class: "hc up" });
  private readonly form: Form;
  private readonly basket: Basket;
  private readonly list: List;
  private readonly button: HTMLButtonElement;
  private readonly notice = h("div", { class: "hc-notice hc-bad", role: "alert", hidden: true });
  private readonly hint = h("span", { class: "hc-muted" });
  private readonly stop: (() => void)[] = [];
  private items: Item[] = [];
  private readonly sendings = new Map<string, Sending>();
  private line: { unit: Unit; id: string; inBlocks: boolean }[] = [];
  private active = 0;
  private timer: number | undefined;
  private gone = false;

  constructor(args: MountArguments<UploadData>) {
    this.args = args;
    this.data = args.data;
    this.api = new Api(args.data.base);
    adoptStyles(args.parentElement, theme, controls, styles);
    const { t } = this;
    this.form = new Form(this.api, this.spoken, () => this.allow());
    this.basket = new Basket(
      t,
      this.spoken,
      () => this.data.language,
      (unit) => this.goesOn(unit),
      () => this.allow(),
      (sentence) => this.complain(sentence),
    );
    this.list = new List(t, this.spoken, () => this.data.language, {
      pause: (item) => this.sendings.get(item.id)?.pause(),
      goOn: (item) => this.resume(item),
      cancel: (item) => void this.cancel(item),
      again: (item) => void this.again(item),
      request: (study) => this.args.setTriggerValue("request", study),
    });
    this.button = h("button", {
      type: "button",
      class: "hc-button hc-primary",
      onclick: () => void this.send(),
    });
    const row = h("div", { class: "up-send" }, this.button, this.hint);
    this.root.append(this.form.element, this.basket.element, row, this.notice, this.list.element);
    args.parentElement.append(this.root);
    containTyping(this.root);
    this.stop.push(guardSession(this.api));
    const leaving = (event: BeforeUnloadEvent): void => {
      if (this.active) event.preventDefault();
    };
    addEventListener("beforeunload", leaving);
    this.stop.push(() => removeEventListener("beforeunload", leaving));
    this.allow();
    this.form.load().catch((error: unknown) => this.fail(error));
    void this.look();
  }

  update(args: MountArguments<UploadData>): void {
    const before = this.data.language;
    this.args = args;
    this.data = args.data;
    if (before === args.data.language) return;
    this.spoken.rewrite();
    this.basket.show();
    this.show();
  }

  destroy(): void {
    this.gone = true;
    clearTimeout(this.timer);
    // Sending goes on as long as the page lives: another screen of ours may be open by now.
    for (const stop of this.stop) stop();
    this.root.remove();
  }

  // -- sending

  private async send(): Promise<void> {
    this.notice.hidden = true;
    const shared = this.form.facts;
    for (const { unit, facts } of this.basket.take()) {
      const all: Facts = unit.kind === "dicom" ? {} : { ...shared, ...facts };
      try {
        const make = isForBlocks(unit) ? createInBlocks : create;
        const id = await make(this.api, unit.name, unit.blob.size, all);
        this.line.push({ unit, id, inBlocks: isForBlocks(unit) });
        this.advance();
      } catch (error) {
        this.fail(error);
      }
    }
    await this.look();
  }

  private advance(): void {
    while (this.active < AT_ONCE) {
      const next = this.line.shift();
      if (!next) return;
      this.start(next.id, next.unit.blob, next.inBlocks);
    }
  }

  private start(id: string, blob: Blob, inBlocks: boolean): void {
    const sending = new (inBlocks ? BlockSending : Sending)(this.api, id, blob, () => this.show());
    this.sendings.set(id, sending);
    this.active += 1;
    sending
      .run()
      .then((whole) => {
        if (whole) this.sendings.delete(id);
      })
      .catch((error: unknown) => {
        this.sendings.delete(id);
        this.fail(error);
      })
      .finally(() => {
        this.active -= 1;
        this.advance();
        void this.look();
      });
    this.show();
  }

  private resume(item: Item): void {
    const paused = this.sendings.get(item.id);
    if (paused) this.start(item.id, paused.blob, item.in_blocks);
  }

  /** The same file chosen again after the page was closed: the upload goes on. */
  private goesOn(unit: Unit): boolean {
    const item = this.items.find(
      (one) =>
        one.state === "receiving" &&
        one.name === unit.name &&
        one.size === unit.blob.size &&
        !this.sendings.has(one.id) &&
        !this.line.some((waiting) => waiting.id === one.id),
    );
    if (!item) return false;
    this.line.push({ unit, id: item.id, inBlocks: item.in_blocks });
    this.advance();
    return true;
  }

  private async cancel(item: Item): Promise<void> {
    this.sendings.get(item.id)?.stop();
    this.sendings.delete(item.id);
    this.line = this.line.filter((one) => one.id !== item.id);
    await remove(this.api, item.id).catch((error: unknown) => this.fail(error));
    await this.look();
  }

  private async again(item: Item): Promise<void> {
    if (this.form.lack === "badBirthDate") return this.complain(this.t("badBirthDate"));
    await again(this.api, item.id, this.form.facts).catch((error: unknown) => this.fail(error));
    await this.look();
  }

  // -- showing

  private async look(): Promise<void> {
    clearTimeout(this.timer);
    if (this.gone) return;
    try {
      const response = await this.api.request("/uploads/", {
        headers: { "X-Hoichan-Background": "1" },
      });
      this.items = ((await response.json()) as { items: Item[] }).items;
      if (this.notice.dataset["offline"]) this.notice.hidden = true;
    } catch (error) {
      this.fail(error);
    }
    this.show();
    const busy = this.items.some((item) => item.state === "due" || item.state === "working");
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.look(), busy || this.active ? BUSY_MS : IDLE_MS);
  }

  private show(): void {
    this.list.show(this.items, this.sendings, this.data.may_request);
  }

  private allow(): void {
    const { count } = this.basket;
    const lack = this.basket.hasSlides ? this.form.lack : null;
    this.button.hidden = !count;
    this.button.disabled = lack !== null;
    this.button.textContent = count === 1 ? this.t("sendOne") : this.t("send", { count });
    this.hint.textContent = lack ? this.t(lack) : "";
  }

  private fail(error: unknown): void {
    if (error instanceof ApiError && error.isOffline) {
      this.complain(this.t("offline"));
      this.notice.dataset["offline"] = "1";
      return;
    }
    const reason = error instanceof ApiError ? inLanguage(error.text, this.data.language) : String(error);
    this.complain(this.t("failed", { reason }));
  }

  private complain(sentence: string): void {
    delete this.notice.dataset["offline"];
    this.notice.textContent = sentence;
    this.notice.hidden = false;
  }
}

export default entry<UploadData>((args) => new Upload(args));
