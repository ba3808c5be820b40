/** One result as the reader works on it: what the server said last, and what it has not heard yet. */

import { type Api, ApiError } from "@common/api";
import { type Stroke, tell } from "@common/events";
import type { Text } from "@common/i18n";
import type { Point } from "@common/layers";
import { type Content, type Edits, isBusy, type ParameterValue, type Read, type Reads, type ResultJson } from "./types";

const QUIET_MS = 300;

const CONFLICT: Text = {
  vi: "Người khác vừa sửa kết quả này; đang hiện bản mới nhất.",
  en: "Somebody else has just edited this result; the latest is shown.",
};

export class Model {
  /** The last arithmetic that ended: shown, as old, while the next one runs. */
  content: Content | null;
  edits: Edits;
  trouble: Text | null = null;
  isRevealed = false;
  private readonly history: Edits[] = [];
  private knownReads: string;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isSending = false;
  private isDirty = false;

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    public json: ResultJson,
    private readonly changed: (model: Model) => void,
  ) {
    this.content = json.content;
    this.edits = json.edits;
    this.knownReads = Object.keys(json.edits.reads ?? {}).join();
  }

  /** Names the same work of the study's shared result and of the case's own. */
  static key(json: ResultJson): string {
    return `${json.analysis} ${json.study_instance_uid}`;
  }

  get key(): string {
    return Model.key(this.json);
  }

  destroy(): void {
    clearTimeout(this.timer);
    if (this.isDirty) void this.send();
  }

  /** The server's word; corrections on their way outweigh its own of before. */
  take(json: ResultJson): void {
    const isOlder = json.id === this.json.id && json.revision < this.json.revision;
    // A list asked for before the first edit has the study's shared result, not the case's own.
    const isShared = this.json.case_id !== null && json.case_id === null;
    if (isOlder || isShared) return;
    const isNews = json.confirmed_at !== this.json.confirmed_at;
    this.json = json;
    if (isNews) tell("hoichan:results", { case_id: this.caseId });
    if (json.content && !isBusy(json)) this.content = json.content;
    if (!this.isDirty && !this.isSending) this.edits = json.edits;
  }

  /** Whether the server has reads it did not have when this was asked last. */
  takesNewReads(): boolean {
    const now = Object.keys(this.json.edits.reads ?? {}).join();
    const isNew = now !== this.knownReads;
    this.knownReads = now;
    return isNew;
  }

  get isBusy(): boolean {
    return isBusy(this.json) || this.isDirty || this.isSending;
  }

  get isConfirmed(): boolean {
    return this.json.state === "confirmed";
  }

  get mayEdit(): boolean {
    return this.json.permissions.includes("edit") && !this.isConfirmed;
  }

  get mayConfirm(): boolean {
    return this.json.permissions.includes("confirm");
  }

  get canUndo(): boolean {
    return this.history.length > 0 && this.mayEdit;
  }

  // ---- corrections

  setSeries(uid: string): void {
    // Handles and strokes belong to the slices of the series before.
    const { handles: _handles, strokes: _strokes, rejected: _rejected, ...rest } = this.edits;
    this.edit({ ...rest, series: uid });
  }

  setParameter(key: string, value: ParameterValue): void {
    this.edit({ ...this.edits, parameters: { ...this.edits.parameters, [key]: value } });
  }

  moveHandle(key: string, points: readonly Point[]): void {
    this.edit({ ...this.edits, handles: { ...this.edits.handles, [key]: points } }, 0);
  }

  /** Back to where the arithmetic put it. */
  freeHandle(key: string): void {
    const { [key]: _moved, ...handles } = this.edits.handles ?? {};
    this.edit({ ...this.edits, handles }, 0);
  }

  addStroke(stroke: Stroke): void {
    this.edit({ ...this.edits, strokes: [...(this.edits.strokes ?? []), stroke] });
  }

  reject(group: string, isRejected: boolean): void {
    const others = (this.edits.rejected ?? []).filter((one) => one !== group);
    this.edit({ ...this.edits, rejected: isRejected ? [...others, group] : others }, 0);
  }

  /** Store a read. Nothing takes it back: undoing corrections leaves reads alone. */
  storeRead(name: "independent" | "aided" | "final", read: Read): void {
    const { final, earlier = [], ...others } = this.edits.reads ?? {};
    const reads: Reads =
      name === "final"
        ? { ...others, final: read, earlier: final ? [...earlier, final] : earlier }
        : { ...this.edits.reads, [name]: read };
    this.put({ ...this.edits, reads }, 0);
  }

  /** Once, and for good: the independent read will not be made. */
  decline(username: string): void {
    const reads = this.edits.reads ?? {};
    if (!reads.independent && !reads.declined) {
      this.put({ ...this.edits, reads: { ...reads, declined: { by: username } } }, 0);
    }
  }

  undo(): void {
    const before = this.history.pop();
    if (before) this.put(withReads(before, this.edits.reads), 0);
  }

  /** As the arithmetic left it, but for the reads. */
  discard(): void {
    this.edit(withReads({}, this.edits.reads), 0);
  }

  get isCorrected(): boolean {
    const { reads: _reads, ...rest } = this.edits;
    return Object.values(rest).some((one) => typeof one !== "object" || Object.keys(one).length > 0);
  }

  private edit(edits: Edits, quiet = QUIET_MS): void {
    if (!this.mayEdit) return;
    this.history.push(this.edits);
    this.put(edits, quiet);
  }

  private put(edits: Edits, quiet: number): void {
    if (!this.mayEdit) return;
    this.edits = edits;
    this.isDirty = true;
    this.trouble = null;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.send(), quiet);
    this.changed(this);
  }

  /** The line is back: send what could not be sent. */
  retry(): void {
    if (this.isDirty && this.trouble) void this.send();
  }

  /** One request at a time: the next one carries the revision the last one brought. */
  private async send(isSecond = false): Promise<void> {
    if (this.isSending) return;
    this.isSending = true;
    this.isDirty = false;
    this.trouble = null;
    const based = JSON.stringify(this.json.edits);
    try {
      const body = { edits: this.edits, revision: this.json.revision };
      const answer = await this.api.put<ResultJson>(this.path("edits"), body);
      this.isSending = false;
      this.take(answer);
    } catch (error) {
      this.isSending = false;
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 409 && !isSecond) return this.settle(based);
      this.trouble = error.status === 409 ? CONFLICT : error.text;
      if (error.isOffline) this.isDirty = true;
      else this.edits = this.json.edits;
    }
    this.changed(this);
    if (this.isDirty && !this.trouble) void this.send();
  }

  /** Our revision is old: because the arithmetic ended, or because somebody else edited. */
  private async settle(based: string): Promise<void> {
    try {
      const now = await this.api.get<ResultJson>(
        `/results/${this.json.id}?case=${encodeURIComponent(this.caseId)}`,
      );
      const isSame = JSON.stringify(now.edits) === based;
      const mine = this.edits;
      this.take(now);
      if (isSame) {
        this.edits = mine;
        return this.send(true);
      }
      this.history.length = 0;
      this.trouble = CONFLICT;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.trouble = error.text;
    }
    this.changed(this);
  }

  // ---- commands

  /** `knowsRed`: the reader has said that they read why the quality is not acceptable. */
  confirm(knowsRed: boolean): Promise<void> {
    return this.command("confirm", knowsRed ? { acknowledge_red: true } : {});
  }

  reopen(): Promise<void> {
    return this.command("reopen");
  }

  cancel(): Promise<void> {
    return this.command("cancel");
  }

  /** Compute again what failed or was stopped. */
  async again(): Promise<void> {
    const { analysis, study_instance_uid } = this.json;
    await this.ask(`/cases/${encodeURIComponent(this.caseId)}/results`, { analysis, study_instance_uid });
  }

  private command(name: "confirm" | "reopen" | "cancel", more: object = {}): Promise<void> {
    return this.ask(this.path(name), { revision: this.json.revision, ...more });
  }

  private async ask(path: string, body: object): Promise<void> {
    this.trouble = null;
    try {
      this.take(await this.api.post<ResultJson>(path, body));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.trouble = error.text;
    }
    this.changed(this);
  }

  private path(command: string): string {
    return `/cases/${encodeURIComponent(this.caseId)}/results/${this.json.id}/${command}`;
  }
}

function withReads(edits: Edits, reads: Reads | undefined): Edits {
  const { reads: _old, ...rest } = edits;
  return reads ? { ...rest, reads } : rest;
}
