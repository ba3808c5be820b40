/** Saves the draft 800 ms after the last keystroke, and never lets go of what was typed. */

import { ApiError, type Api } from "@common/api";
import type { Text } from "@common/i18n";

import { completed, merge, same, type Content, type Draft } from "./draft";

export type SaveState =
  | { kind: "unchanged" }
  | { kind: "typing" }
  | { kind: "saving" }
  | { kind: "saved"; at: number }
  | { kind: "retrying" }
  | { kind: "merged" }
  | { kind: "refused"; reason: Text }
  | { kind: "conflict"; clashes: string[]; theirs: Content };

interface LocalCopy {
  content: Content;
  base: Content;
  revision: number;
  at: number;
}

export interface SaverEvents {
  state(state: SaveState): void;
  /** The content became something else than what the reader typed here. */
  replaced(content: Content, why: "merged" | "restored" | "taken"): void;
}

const DELAY_MS = 800;
/** While somebody types without a pause, save this often anyway. */
const LONGEST_MS = 6000;
const RETRY_MS = [1500, 3000, 6000, 12000];

export class Saver {
  content: Content;
  revision: number;
  private base: Content;
  private state: SaveState = { kind: "unchanged" };
  private timer: number | undefined;
  private waitingSince = 0;
  private failures = 0;
  private running: Promise<void> | null = null;
  private readonly path: string;
  private readonly key: string;

  constructor(
    private readonly api: Api,
    caseId: string,
    username: string,
    private readonly language: string,
    draft: Draft,
    private readonly events: SaverEvents,
  ) {
    this.path = `/cases/${encodeURIComponent(caseId)}/draft`;
    this.key = `hoichan.draft.${api.base}.${caseId}.${username}`;
    this.content = completed(draft, language);
    this.base = structuredClone(this.content);
    this.revision = draft.revision;
  }

  /** Take up what an earlier page could not save. Call once, after construction. */
  restore(): void {
    const kept = localStorage.getItem(this.key);
    if (!kept) return;
    const copy = JSON.parse(kept) as LocalCopy;
    if (same(copy.content, this.content)) return this.forget();
    const { content, clashes } = merge(copy.base, copy.content, this.content);
    const theirs = this.content;
    this.content = content;
    this.events.replaced(content, "restored");
    if (clashes.length) this.become({ kind: "conflict", clashes, theirs });
    else this.schedule(0);
  }

  get isDirty(): boolean {
    return !same(this.content, this.base);
  }

  change(content: Content): void {
    if (same(content, this.content)) return;
    this.content = content;
    this.keep();
    if (this.state.kind === "conflict") return;
    if (this.state.kind !== "retrying") this.become({ kind: "typing" });
    this.waitingSince ||= Date.now();
    this.schedule(Math.min(DELAY_MS, Math.max(0, this.waitingSince + LONGEST_MS - Date.now())));
  }

  /** Settle a conflict: overwrite the other version, or take it. */
  settle(keepMine: boolean): void {
    if (this.state.kind !== "conflict") return;
    const { theirs } = this.state;
    if (!keepMine) {
      this.content = structuredClone(theirs);
      this.events.replaced(this.content, "taken");
    }
    this.base = structuredClone(theirs);
    this.become({ kind: "typing" });
    this.schedule(0);
  }

  /** Save now; true when the server holds exactly what is on the screen. */
  async flush(): Promise<boolean> {
    clearTimeout(this.timer);
    await this.running;
    // what nobody saved yet (a text taken over from a signed version) cannot be signed either
    if (this.isDirty || this.revision === 0) await this.save();
    // merged with what another window saved: the result has to be saved too
    for (let again = 0; again < 3 && this.isDirty && this.state.kind === "merged"; again++) {
      clearTimeout(this.timer);
      await this.save();
    }
    return !this.isDirty && this.state.kind !== "conflict";
  }

  /** Signing took the draft out of the server; go on with the same text as a new one. */
  async restart(): Promise<void> {
    this.revision = 0;
    this.keep();
    await this.flush();
  }

  /** The draft is signed: nothing of it is left to save. */
  finish(): void {
    clearTimeout(this.timer);
    this.base = structuredClone(this.content);
    this.forget();
  }

  /** The page is being left: send what is not saved, even if nobody waits for the answer. */
  leave(): void {
    clearTimeout(this.timer);
    if (!this.isDirty || this.state.kind === "conflict") return;
    void this.api
      .request(`/api/v1${this.path}`, {
        method: "PUT",
        keepalive: true,
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ content: this.content, revision: this.revision }),
      })
      .then(() => this.forget())
      .catch(() => undefined); // the copy on this computer speaks at the next visit
  }

  private schedule(delay: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.save(), delay);
  }

  private save(): Promise<void> {
    this.running ??= this.put().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async put(): Promise<void> {
    const sent = structuredClone(this.content);
    this.waitingSince = 0;
    if (this.state.kind !== "retrying") this.become({ kind: "saving" });
    try {
      const answer = await this.api.put<{ revision: number }>(this.path, {
        content: sent,
        revision: this.revision,
      });
      this.revision = answer.revision;
      this.base = sent;
      this.failures = 0;
      if (this.isDirty) {
        this.become({ kind: "typing" });
        this.schedule(DELAY_MS);
      } else {
        this.forget();
        this.become({ kind: "saved", at: Date.now() });
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await this.failed(error);
    }
  }

  private async failed(error: ApiError): Promise<void> {
    if (error.status === 409) {
      try {
        await this.reconcile(error);
        return;
      } catch (again) {
        if (!(again instanceof ApiError)) throw again;
        error = again;
      }
    }
    if (error.isOffline || error.status === 401 || error.status >= 500) {
      this.become({ kind: "retrying" });
      this.schedule(RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)] ?? 0);
    } else this.become({ kind: "refused", reason: error.text });
  }

  private async reconcile(refusal: ApiError): Promise<void> {
    const draft = await this.api.get<Draft>(this.path);
    if (draft.revision === this.revision) {
      this.become({ kind: "refused", reason: refusal.text });
      return;
    }
    const theirs = completed(draft, this.language);
    const { content, clashes } = merge(this.base, this.content, theirs);
    this.revision = draft.revision;
    if (clashes.length) {
      this.become({ kind: "conflict", clashes, theirs });
      return;
    }
    this.base = theirs;
    this.content = content;
    this.events.replaced(content, "merged");
    this.become({ kind: "merged" });
    this.schedule(0);
  }

  private become(state: SaveState): void {
    this.state = state;
    this.events.state(state);
  }

  private keep(): void {
    const copy: LocalCopy = {
      content: this.content,
      base: this.base,
      revision: this.revision,
      at: Date.now(),
    };
    localStorage.setItem(this.key, JSON.stringify(copy));
  }

  private forget(): void {
    localStorage.removeItem(this.key);
  }
}
