/**
 * The marks of a case: saved at once, retried while the server is away, shared with other readers.
 *
 * A mark waits in local storage until the server has taken it, so that neither a reload nor a
 * crash of the browser loses one. The server is the truth: what it tells of a mark without a
 * waiting change replaces what is here.
 */

import { type Api, ApiError } from "./api";
import type { Text } from "./i18n";
import { newId } from "./ids";

/** What every viewer says of a mark; each adds the kinds and fields it knows. */
export interface Content {
  readonly kind: string;
  readonly points_mm: readonly (readonly [number, number, number])[];
  readonly text: string;
  readonly measurements: readonly unknown[];
  readonly origin: Readonly<Record<string, unknown>>;
  readonly classification?: Readonly<Record<string, unknown>>;
}

/** A mark as the server keeps it. */
export type Kept<Of extends Content> = Of & {
  id: string;
  case_id: string;
  author: { username: string; name: string; site: string };
  created_at: string;
  updated_at: string;
  revision: number;
  deleted: boolean;
};

export type SaveState = "saved" | "saving" | "waiting" | "refused";

export interface Mark<Of extends Content> {
  id: string;
  content: Of;
  /** What the server says of it; absent until it has taken the mark once. */
  server: Kept<Of> | undefined;
  state: SaveState;
  /** Why the server refused it. */
  reason: Text | undefined;
}

type Change = "create" | "change" | "remove";

interface Waiting<Of> {
  change: Change;
  content: Of;
}

export interface MarkEvents<Of extends Content> {
  /** A mark came, changed or went (`mark` undefined); `byServer` when not by this reader's hand. */
  changed(id: string, mark: Mark<Of> | undefined, byServer: boolean): void;
  /** The server's revision moved on. */
  revision(revision: number): void;
  /** Saving works (`null`) or does not, and why. */
  trouble(reason: Text | null): void;
}

const POLL_MS = 3000;
const POLL_HIDDEN_MS = 15000;
const RETRY_MS = [1000, 2000, 4000, 8000, 15000];

type Act<Of> = { id: string; before: Of | null; after: Of | null };

export class Marks<Of extends Content> {
  private readonly marks = new Map<string, Mark<Of>>();
  private readonly waiting = new Map<string, Waiting<Of>>();
  private readonly undone: Act<Of>[] = [];
  private readonly done: Act<Of>[] = [];
  private revision = 0;
  private sending = false;
  private failures = 0;
  private stopped = false;
  private pollTimer: ReturnType<typeof setTimeout> | undefined;
  private sendTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    private readonly username: string,
    private readonly events: MarkEvents<Of>,
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> = localStorage,
  ) {}

  /** Take up what was left unsaved, then listen to the server until `stop`. */
  start(): void {
    for (const [id, left] of this.readWaiting()) {
      this.waiting.set(id, left);
      if (left.change !== "remove") this.put(id, left.content, "waiting", false);
    }
    void this.poll();
    this.send();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.pollTimer);
    clearTimeout(this.sendTimer);
  }

  all(): Mark<Of>[] {
    return [...this.marks.values()];
  }

  get(id: string): Mark<Of> | undefined {
    return this.marks.get(id);
  }

  get unsaved(): number {
    return this.waiting.size;
  }

  create(id: string, content: Of): void {
    this.remember({ id, before: null, after: content });
    this.apply(id, content);
  }

  change(id: string, content: Of): void {
    const before = this.marks.get(id)?.content ?? null;
    if (before && same(before, content)) return;
    this.remember({ id, before, after: content });
    this.apply(id, content);
  }

  remove(id: string): void {
    const before = this.marks.get(id)?.content ?? null;
    if (!before) return;
    this.remember({ id, before, after: null });
    this.apply(id, null);
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  undo(): void {
    const act = this.done.pop();
    if (act) this.undone.push(this.play(act, act.before));
  }

  redo(): void {
    const act = this.undone.pop();
    if (act) this.done.push(this.play(act, act.after));
  }

  /** Try at once what waits, and what was refused for want of a session or a right. */
  retry(): void {
    this.failures = 0;
    for (const [id, mark] of this.marks) {
      if (mark.state === "refused") this.mend(id, "waiting");
    }
    clearTimeout(this.sendTimer);
    this.send();
    clearTimeout(this.pollTimer);
    void this.poll();
  }

  private remember(act: Act<Of>): void {
    this.done.push(act);
    this.undone.length = 0;
  }

  /** A deleted mark comes back under a new id: the server keeps the old one as deleted. */
  private play(act: Act<Of>, target: Of | null): Act<Of> {
    const revived = target !== null && !this.marks.has(act.id);
    const id = revived ? newId() : act.id;
    if (revived) {
      for (const other of [...this.done, ...this.undone]) if (other.id === act.id) other.id = id;
    }
    this.apply(id, target);
    return { ...act, id };
  }

  private apply(id: string, content: Of | null): void {
    const known = this.marks.get(id);
    const queued = this.waiting.get(id);
    const atServer = known?.server !== undefined || (queued && queued.change !== "create");
    if (content) {
      this.waiting.set(id, { change: atServer ? "change" : "create", content });
      this.put(id, content, "waiting", false);
    } else {
      this.marks.delete(id);
      // A creation under way may reach the server: then the deletion must follow it.
      if (atServer || this.sending) this.waiting.set(id, { change: "remove", content: known!.content });
      else this.waiting.delete(id);
      this.events.changed(id, undefined, false);
    }
    this.writeWaiting();
    this.send();
  }

  private put(id: string, content: Of, state: SaveState, byServer: boolean): void {
    const server = this.marks.get(id)?.server;
    const mark: Mark<Of> = { id, content, server, state, reason: undefined };
    this.marks.set(id, mark);
    this.events.changed(id, mark, byServer);
  }

  private mend(id: string, state: SaveState, reason?: Text): void {
    const mark = this.marks.get(id);
    if (!mark) return;
    mark.state = state;
    mark.reason = reason;
    this.events.changed(id, mark, false);
  }

  private send(): void {
    if (this.sending || this.stopped) return;
    const next = [...this.waiting].find(([id]) => this.marks.get(id)?.state !== "refused");
    if (!next) return;
    const [id, waiting] = next;
    this.sending = true;
    if (waiting.change !== "remove") this.mend(id, "saving");
    this.request(id, waiting)
      .then(
        (answer) => this.taken(id, waiting, answer),
        (error: unknown) => this.failed(id, waiting, error),
      )
      .finally(() => {
        this.sending = false;
        if (this.failures === 0) this.send();
      });
  }

  private request(id: string, { change, content }: Waiting<Of>): Promise<Kept<Of> | null> {
    const place = `/cases/${this.caseId}/annotations`;
    if (change === "create") return this.api.post(place, { id, ...content });
    if (change === "remove") return this.api.delete(`${place}/${id}`);
    const { points_mm, text, measurements, origin, classification } = content;
    return this.api.patch(`${place}/${id}`, {
      points_mm,
      text,
      measurements,
      origin,
      ...(classification ? { classification } : {}),
    });
  }

  private taken(id: string, sent: Waiting<Of>, answer: Kept<Of> | null): void {
    this.failures = 0;
    this.events.trouble(null);
    const now = this.waiting.get(id);
    const mark = this.marks.get(id);
    if (mark && answer) mark.server = answer;
    if (now === sent) {
      this.waiting.delete(id);
      this.mend(id, "saved");
    } else if (now?.change === "create") {
      // It changed while it was being created.
      this.waiting.set(id, { ...now, change: "change" });
    }
    this.writeWaiting();
    if (answer && answer.revision > this.revision) this.events.revision(answer.revision);
  }

  private failed(id: string, sent: Waiting<Of>, error: unknown): void {
    const refused = error instanceof ApiError && !error.isOffline && !passes(error.status);
    if (refused && error.status === 404 && sent.change !== "create") {
      // Somebody else deleted it meanwhile.
      this.waiting.delete(id);
      this.writeWaiting();
      return;
    }
    if (refused && sent.change === "remove") {
      // The server keeps the mark: show it again, with the reason.
      this.waiting.delete(id);
      this.writeWaiting();
      this.events.trouble(error.text);
      this.revision = 0;
      return;
    }
    if (refused) {
      this.mend(id, "refused", error.text);
      this.events.trouble(error.text);
      return;
    }
    this.mend(id, "waiting");
    this.events.trouble(error instanceof ApiError ? error.text : null);
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]!;
    this.failures++;
    clearTimeout(this.sendTimer);
    this.sendTimer = setTimeout(() => this.send(), wait);
  }

  private async poll(): Promise<void> {
    clearTimeout(this.pollTimer);
    try {
      // 0 asks for everything, deleted ones too: marks deleted elsewhere go here as well.
      const answer = await this.api.poll<{ items: Kept<Of>[]; revision: number }>(
        `/cases/${this.caseId}/annotations?since=${this.revision}`,
      );
      if (this.stopped) return;
      for (const item of answer.items) this.merge(item);
      if (answer.revision !== this.revision) {
        this.revision = answer.revision;
        this.events.revision(answer.revision);
      }
      if (this.waiting.size === 0) this.events.trouble(null);
    } catch {
      // Said by the session overlay or by the state of unsaved marks; the next poll tells more.
    }
    if (this.stopped) return;
    const wait = document.visibilityState === "visible" ? POLL_MS : POLL_HIDDEN_MS;
    this.pollTimer = setTimeout(() => void this.poll(), wait);
  }

  private merge(item: Kept<Of>): void {
    const known = this.marks.get(item.id);
    if (known?.server && known.server.revision >= item.revision) return;
    if (this.waiting.has(item.id)) {
      if (known) known.server = item;
      return;
    }
    if (item.deleted) {
      if (known) {
        this.marks.delete(item.id);
        this.events.changed(item.id, undefined, true);
      }
      return;
    }
    const mark: Mark<Of> = {
      id: item.id,
      content: contentOf(item),
      server: item,
      state: "saved",
      reason: undefined,
    };
    this.marks.set(item.id, mark);
    this.events.changed(item.id, mark, true);
  }

  private get storageKey(): string {
    return `hoichan:unsaved:${this.username}:${this.caseId}`;
  }

  private readWaiting(): [string, Waiting<Of>][] {
    try {
      return JSON.parse(this.storage.getItem(this.storageKey) ?? "[]") as [string, Waiting<Of>][];
    } catch {
      return [];
    }
  }

  private writeWaiting(): void {
    try {
      if (this.waiting.size === 0) this.storage.removeItem(this.storageKey);
      else this.storage.setItem(this.storageKey, JSON.stringify([...this.waiting]));
    } catch {
      // Storage may be full or forbidden; the mark still waits in memory, visibly unsaved.
    }
  }
}

/** What a client says of a mark: it may come back under another id. */
function contentOf<Of extends Content>(item: Kept<Of>): Of {
  const { id, case_id, author, created_at, updated_at, revision, deleted, ...content } = item;
  return content as unknown as Of;
}

function passes(status: number): boolean {
  return status === 401 || status === 408 || status === 429 || status >= 500;
}

function same(a: Content, b: Content): boolean {
  const said = ({ points_mm, text, classification }: Content): string =>
    JSON.stringify([points_mm, text, classification]);
  return said(a) === said(b);
}
