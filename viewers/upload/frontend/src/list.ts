/** Everything on its way or sent: what the server says, and what this page is sending. */

import { h } from "@common/dom";
import { inLanguage, type Text, type Translate } from "@common/i18n";
import type { Language } from "@common/host";

import { bytes } from "./size";
import type { Spoken } from "./spoken";
import type { Key } from "./texts";
import type { Sending } from "./tus";

export interface Item {
  id: string;
  name: string;
  size: number;
  offset: number;
  state: "receiving" | "due" | "working" | "done" | "refused";
  progress: number;
  message: Text | null;
  error: (Text & { code: string }) | null;
  outcome: {
    studies?: string[];
    instances?: number;
    unreadable?: number;
    quarantined?: number;
    conflicts?: number;
    notes?: Text[];
  } | null;
  watched: boolean;
  in_blocks: boolean;
  /** Its levels up to 10× are in the archive, although not all of it has come. */
  is_shown: boolean;
  /** From which share on it can be read; only of what comes in blocks. */
  readable_at?: number | null;
}

export interface Actions {
  pause(item: Item): void;
  goOn(item: Item): void;
  cancel(item: Item): void;
  again(item: Item): void;
  request(study: string): void;
}

// What other facts may mend; of a damaged file nothing but another copy helps.
const MENDABLE = ["no_patient", "no_study", "scale", "storage", "limits"];

export class List {
  readonly element: HTMLElement;
  private readonly body = h("div", { class: "up-list" });
  private drawn = "";

  constructor(
    private readonly t: Translate<Key>,
    spoken: Spoken,
    private readonly language: () => Language,
    private readonly actions: Actions,
  ) {
    this.element = h("section", {}, h("h2", {}, spoken.words("sent")), this.body);
    spoken.attribute(this.element, "aria-label", "sent");
  }

  show(items: readonly Item[], sendings: ReadonlyMap<string, Sending>, mayRequest: boolean): void {
    const states = items.map((item) => {
      const sending = sendings.get(item.id);
      return [item, sending?.sent, sending?.paused, sending?.waiting];
    });
    const now = JSON.stringify([states, this.language(), mayRequest]);
    if (now === this.drawn) return; // a button must not vanish under the pointer
    this.drawn = now;
    if (!items.length) {
      this.body.replaceChildren(h("p", { class: "hc-muted" }, this.t("none")));
      return;
    }
    this.body.replaceChildren(...items.map((item) => this.line(item, sendings.get(item.id), mayRequest)));
  }

  private line(item: Item, sending: Sending | undefined, mayRequest: boolean): HTMLElement {
    const t = this.t;
    const language = this.language();
    const share = item.state === "receiving" ? (sending?.sent ?? item.offset) / item.size : item.progress;
    const running = item.state !== "done" && item.state !== "refused";
    const bar = running
      ? h("progress", { max: 1, value: share, "aria-label": item.name })
      : h("span", {});
    const watched = item.watched ? ` (${t("watched")})` : "";
    const line = h(
      "div",
      { class: "up-item", "data-state": item.state, "data-id": item.id },
      h("span", { class: "up-title", title: item.name }, item.name, h("span", { class: "hc-muted" }, ` ${bytes(item.size, language)}${watched}`)),
      h("div", {}, bar, h("div", { class: "hc-muted", role: "status" }, this.said(item, sending, share))),
      h("div", { class: "up-buttons" }, ...this.buttons(item, sending)),
    );
    if (item.error) {
      const hint = isMendable(item) ? ` ${t("againHint")}` : "";
      line.append(h("div", { class: "up-said hc-notice hc-bad", role: "alert" }, inLanguage(item.error, language), hint));
    }
    const next = this.next(item, mayRequest);
    if (next) line.append(next);
    for (const sentence of this.remarks(item)) {
      line.append(h("div", { class: "up-said hc-notice" }, sentence));
    }
    return line;
  }

  private said(item: Item, sending: Sending | undefined, share: number): string {
    const t = this.t;
    const percent = `${Math.floor(share * 100)} %`;
    switch (item.state) {
      case "receiving":
        return [percent, t(doing(sending)), this.left(sending), this.early(item)].filter(Boolean).join(" · ");
      case "due":
        return t("due");
      case "working":
        return `${percent} · ${inLanguage(item.message, this.language()) || t("working")}`;
      case "done":
        return t("done", { count: item.outcome?.instances ?? 0 });
      case "refused":
        return t("refused");
    }
  }

  /** How long it takes at the pace of the last minute; of what takes no minute, nothing. */
  private left(sending: Sending | undefined): string {
    const minutes = Math.round((sending?.secondsLeft ?? 0) / 60);
    if (minutes < 1) return "";
    if (minutes < 60) return this.t("minutesLeft", { minutes });
    return this.t("hoursLeft", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
  }

  /** From when on it can be read; that it can is a sentence of its own. */
  private early(item: Item): string {
    if (item.is_shown) return "";
    return item.readable_at ? this.t("readableAt", { percent: Math.ceil(item.readable_at * 100) }) : "";
  }

  /** What is to be done now, as a sentence that leads there. */
  private next(item: Item, mayRequest: boolean): HTMLElement | undefined {
    const study = item.outcome?.studies?.[0];
    const isEarly = item.state === "receiving" && item.is_shown;
    if (!study || !(item.state === "done" || isEarly)) return undefined;
    const said = this.t(isEarly ? "nextEarly" : "nextDone");
    if (!mayRequest) return h("div", { class: "up-said up-next" }, said, " ", this.t("nextOther"));
    const link = h(
      "button",
      { type: "button", class: "up-link", onclick: () => this.actions.request(study) },
      this.t("nextLink"),
    );
    return h("div", { class: "up-said up-next" }, said, " ", this.t("nextStep"), " ", link);
  }

  private remarks(item: Item): string[] {
    const { outcome } = item;
    if (!outcome || item.state !== "done") return [];
    const said = (outcome.notes ?? []).map((note) => inLanguage(note, this.language()));
    for (const key of ["unreadable", "quarantined", "conflicts"] as const) {
      const count = outcome[key];
      if (count) said.push(this.t(key, { count }));
    }
    return said;
  }

  private buttons(item: Item, sending: Sending | undefined): HTMLElement[] {
    const t = this.t;
    const button = (key: Key, act: () => void, look = ""): HTMLElement =>
      h("button", { type: "button", class: `hc-button ${look}`, onclick: act }, t(key));
    const { actions } = this;
    const made: HTMLElement[] = [];
    if (item.state === "receiving" && sending) {
      if (sending.paused) made.push(button("goOn", () => actions.goOn(item)));
      else made.push(button("pause", () => actions.pause(item)));
    }
    if (isMendable(item)) made.push(button("again", () => actions.again(item)));
    if (item.state !== "done" && !item.watched) {
      made.push(button(item.state === "refused" ? "removeRow" : "cancel", () => actions.cancel(item), "hc-quiet"));
    }
    return made;
  }
}

function doing(sending: Sending | undefined): Key {
  if (!sending) return "resume";
  if (sending.paused) return "paused";
  return sending.waiting ? "waiting" : "receiving";
}

function isMendable(item: Item): boolean {
  return item.state === "refused" && !item.watched && MENDABLE.includes(item.error?.code ?? "");
}
