/** The marks of the case as the reader meets them: on the images, in the list, saved or not. */

import type { Api } from "@common/api";
import { h, icon } from "@common/dom";
import { tell } from "@common/events";
import { dateTime } from "@common/format";
import type { Language } from "@common/host";
import { inLanguage, type Text, type Translate } from "@common/i18n";
import { Marks } from "@common/marks";
import type { Cell } from "./cell";
import { Drawing, type Shown } from "./drawing";
import { ICONS } from "./icons";
import type { MessageKey } from "./messages";
import { Panel } from "./panel";
import type { Series } from "./series";
import type { Mark, MarkContent } from "./types";
import { markLines } from "./wording";

/** Where something is in the case. */
export interface Place {
  series_instance_uid: string;
  sop_instance_uid: string;
  frame_number: number;
}

export interface BoardHooks {
  t: Translate<MessageKey>;
  language(): Language;
  username: string;
  seriesOf(place: Place): Series | undefined;
  shownIn(viewportId: string): Shown | undefined;
  jump(place: Place, markId: string): void;
  /** Draw the images' marks again. */
  redraw(): void;
  /** Buttons and lists no longer say the truth. */
  changed(): void;
  closeList(): void;
}

export class Board {
  readonly panel: Panel;
  readonly saveState = h("button", { type: "button", class: "hv-save", hidden: true });
  private readonly marks: Marks<MarkContent>;
  private readonly drawing: Drawing;
  private readonly shown = new Set<Series>();
  private canDraw: boolean;
  private chosen: string | undefined;
  private trouble: Text | null = null;

  constructor(
    api: Api,
    private readonly caseId: string,
    canDraw: boolean,
    private readonly hooks: BoardHooks,
  ) {
    this.canDraw = canDraw;
    this.drawing = new Drawing({
      shownIn: (viewportId) => hooks.shownIn(viewportId),
      drawn: (id, content) => this.marks.create(id, content),
      moved: (id, content) => this.marks.change(id, content),
      refresh: () => hooks.redraw(),
      selected: (id) => {
        this.chosen = id;
        hooks.changed();
      },
    });
    this.marks = new Marks(api, caseId, hooks.username, {
      changed: (id, mark, byServer) => this.markChanged(id, mark, byServer),
      revision: (revision) => tell("hoichan:annotations", { case_id: caseId, revision }),
      trouble: (reason) => {
        this.trouble = reason;
        hooks.changed();
      },
    });
    this.panel = new Panel({
      t: hooks.t,
      language: () => hooks.language(),
      place: (mark) => this.place(mark.content),
      mayChange: (mark) => this.mayChange(mark),
      isMine: (mark) => this.isMine(mark),
      jump: (mark) => hooks.jump(mark.content, mark.id),
      remove: (mark) => this.marks.remove(mark.id),
      close: () => hooks.closeList(),
    });
    this.saveState.addEventListener("click", () => this.marks.retry());
  }

  start(): void {
    if (this.caseId) this.marks.start();
  }

  destroy(): void {
    this.marks.stop();
    this.drawing.destroy();
  }

  get count(): number {
    return this.marks.all().length;
  }

  get unsaved(): number {
    return this.marks.unsaved;
  }

  get selected(): string | undefined {
    return this.chosen;
  }

  get canUndo(): boolean {
    return this.canDraw && this.marks.canUndo;
  }

  get canRedo(): boolean {
    return this.canDraw && this.marks.canRedo;
  }

  retry(): void {
    if (this.caseId) this.marks.retry();
  }

  undo(): void {
    if (this.canDraw) this.marks.undo();
  }

  redo(): void {
    if (this.canDraw) this.marks.redo();
  }

  deleteSelected(): void {
    const mark = this.chosen ? this.marks.get(this.chosen) : undefined;
    if (mark && this.mayChange(mark)) this.marks.remove(mark.id);
  }

  /** Drop what is being drawn in one of `cells`. */
  cancel(cells: readonly Cell[]): void {
    for (const cell of cells) this.drawing.cancel(cell.element);
  }

  select(id: string): void {
    if (this.drawing.content(id)) this.drawing.select(id);
  }

  allowDrawing(canDraw: boolean): void {
    this.canDraw = canDraw;
    for (const mark of this.marks.all()) this.markChanged(mark.id, mark, true);
  }

  /** The planes of `series` are known now: its marks can be drawn. */
  seriesOpened(series: Series): void {
    if (this.shown.has(series)) return;
    this.shown.add(series);
    for (const mark of this.marks.all()) {
      if (this.hooks.seriesOf(mark.content) === series) {
        this.drawing.show(mark, series, this.mayChange(mark));
      }
    }
  }

  /** The lines beside a mark on the image. */
  lines(id: string | undefined): string[] {
    const { t } = this.hooks;
    const content = id ? this.drawing.content(id) : undefined;
    if (!id || !content) return [];
    const mark = this.marks.get(id);
    const made = markLines(content, t, this.hooks.language());
    if (mark && mark.state !== "saved" && mark.state !== "saving") made.push(`! ${t("not_saved")}`);
    if (mark?.server && (this.drawing.isHighlighted(id) || this.chosen === id)) {
      made.push(`${mark.server.author.name} · ${dateTime(mark.server.updated_at)}`);
    }
    return made;
  }

  /** Write list and state of saving. */
  paint(showsList: boolean): void {
    this.panel.root.hidden = !showsList;
    if (showsList) this.panel.update(this.marks.all(), this.chosen, this.canDraw);
    const { t } = this.hooks;
    const { unsaved } = this.marks;
    const isTroubled = unsaved > 0 && this.trouble !== null;
    this.saveState.hidden = unsaved === 0;
    this.saveState.classList.toggle("hv-trouble", isTroubled);
    const reason = inLanguage(this.trouble, this.hooks.language());
    this.saveState.replaceChildren(
      ...(isTroubled
        ? [icon(ICONS.cloud_off, 16), `${t("unsaved", { n: unsaved })}. ${reason} ${t("retry")}`]
        : [t("saving")]),
    );
  }

  private isMine(mark: Mark): boolean {
    return !mark.server || mark.server.author.username === this.hooks.username;
  }

  private mayChange(mark: Mark): boolean {
    return this.canDraw && this.isMine(mark);
  }

  private markChanged(id: string, mark: Mark | undefined, byServer: boolean): void {
    const series = mark && this.hooks.seriesOf(mark.content);
    if (!mark) this.drawing.hide(id);
    else if (series?.isOpen && (byServer || !this.drawing.content(id) || mark.state === "waiting")) {
      this.drawing.show(mark, series, this.mayChange(mark));
    }
    this.hooks.redraw();
    this.hooks.changed();
  }

  private place(content: MarkContent): string {
    const series = this.hooks.seriesOf(content);
    if (!series) return "";
    const index = series.indexOf(content.sop_instance_uid, content.frame_number);
    return `${series.set.title || series.set.modality} ${index + 1}/${series.imageIds.length}`;
  }
}
