/** The marks of the case as the reader meets them: on the slides, in the list, saved or not. */

import type { Api } from "@common/api";
import { h, icon } from "@common/dom";
import { tell } from "@common/events";
import type { Language } from "@common/host";
import { inLanguage, type Text, type Translate } from "@common/i18n";
import { newId } from "@common/ids";
import { Marks } from "@common/marks";
import { classification, classKey, FIRST_COLOUR } from "./classes";
import type { Point } from "./geometry";
import { ICONS } from "./icons";
import type { MarkLayer } from "./marklayer";
import type { MessageKey } from "./messages";
import type { Pane } from "./pane";
import { type Shape, shapeOf } from "./shapes";
import { FIXED_AREA_MM2, KIND_OF, type Tool } from "./sketch";
import type { Mark, MarkContent } from "./types";

export interface BoardHooks {
  t: Translate<MessageKey>;
  language(): Language;
  username: string;
  /** What is shown now: panes and the layers over them. */
  shown(): readonly { pane: Pane; layer: MarkLayer }[];
  changed(): void;
}

export class Board {
  readonly saveState = h("button", { type: "button", class: "hs-save", hidden: true });
  /** Index into `CLASSES` for what is drawn next. */
  chosenClass = 0;
  selected: string | undefined;
  private readonly marks: Marks<MarkContent>;
  private trouble: Text | null = null;
  private waiting = 0;

  constructor(
    api: Api,
    private readonly caseId: string,
    public canDraw: boolean,
    private readonly hooks: BoardHooks,
  ) {
    this.marks = new Marks<MarkContent>(api, caseId, hooks.username, {
      changed: (id, mark) => this.changed(id, mark),
      revision: (revision) => tell("hoichan:annotations", { case_id: caseId, revision }),
      trouble: (reason) => {
        this.trouble = reason;
        this.later();
      },
    });
    this.saveState.addEventListener("click", () => this.marks.retry());
  }

  start(): void {
    if (this.caseId) this.marks.start();
  }

  destroy(): void {
    cancelAnimationFrame(this.waiting);
    this.marks.stop();
  }

  retry(): void {
    if (this.caseId) this.marks.retry();
  }

  get unsaved(): number {
    return this.marks.unsaved;
  }

  get canUndo(): boolean {
    return this.canDraw && this.marks.canUndo;
  }

  get canRedo(): boolean {
    return this.canDraw && this.marks.canRedo;
  }

  undo(): void {
    if (this.canDraw) this.marks.undo();
  }

  redo(): void {
    if (this.canDraw) this.marks.redo();
  }

  get(id: string): Mark | undefined {
    return this.marks.get(id);
  }

  /** Marks of one slide, the newest first. */
  of(seriesInstanceUid: string): Mark[] {
    return this.marks
      .all()
      .filter((mark) => mark.content.series_instance_uid === seriesInstanceUid)
      .reverse();
  }

  isMine(mark: Mark): boolean {
    return !mark.server || mark.server.author.username === this.hooks.username;
  }

  mayChange(id: string): boolean {
    const mark = this.marks.get(id);
    return this.canDraw && mark !== undefined && this.isMine(mark);
  }

  /** A layer came over a pane: everything of its slide is drawn. */
  fill(pane: Pane, layer: MarkLayer): void {
    layer.clear();
    layer.selected = this.selected;
    for (const mark of this.of(pane.slide.series_instance_uid)) layer.set(this.shape(mark, pane));
  }

  select(id: string | undefined): void {
    this.selected = id;
    for (const { layer } of this.hooks.shown()) {
      layer.selected = id;
      layer.redraw();
    }
    this.hooks.changed();
  }

  /** A new mark; counting goes on in the chosen counter. */
  add(tool: Exclude<Tool, "hand">, points: readonly Point[], pane: Pane, text = ""): void {
    const { slide, plane } = pane;
    const points_mm = points.map((point) => plane.mm(point));
    const class_ = classification(this.chosenClass, this.hooks.language());
    const current = this.selected ? this.marks.get(this.selected) : undefined;
    const goesOn =
      tool === "counter" &&
      current?.content.kind === "counter" &&
      classKey(current.content.classification) === classKey(class_) &&
      current.content.series_instance_uid === slide.series_instance_uid &&
      this.isMine(current);
    if (goesOn) {
      const { content } = current;
      this.marks.change(current.id, { ...content, points_mm: [...content.points_mm, ...points_mm] });
      return;
    }
    const id = newId();
    this.marks.create(id, {
      kind: KIND_OF[tool],
      study_instance_uid: slide.study_instance_uid,
      series_instance_uid: slide.series_instance_uid,
      sop_instance_uid: slide.sop_instance_uid,
      sop_class_uid: slide.sop_class_uid,
      frame_number: 1,
      frame_of_reference_uid: slide.frame_of_reference_uid,
      points_mm,
      text,
      measurements: [],
      origin: tool === "box" ? { fixed_area_mm2: FIXED_AREA_MM2 } : {},
      classification: { ...class_ },
    });
    this.select(id);
  }

  bend(shape: Shape, points: readonly Point[], pane: Pane): void {
    const mark = this.marks.get(shape.id);
    if (!mark) return;
    const points_mm = points.map((point) => pane.plane.mm(point));
    this.marks.change(mark.id, { ...mark.content, points_mm });
  }

  rename(id: string, text: string): void {
    const mark = this.marks.get(id);
    if (mark && this.mayChange(id)) this.marks.change(id, { ...mark.content, text });
  }

  /** Give the chosen mark the class that is chosen for new ones. */
  reclassify(): void {
    const mark = this.selected ? this.marks.get(this.selected) : undefined;
    if (!mark || !this.mayChange(mark.id)) return;
    this.marks.change(mark.id, { ...mark.content, classification: { ...classification(this.chosenClass, this.hooks.language()) } });
  }

  remove(id: string | undefined): void {
    if (!id || !this.mayChange(id)) return;
    this.marks.remove(id);
    if (this.selected === id) this.select(undefined);
  }

  /** Write the state of saving. */
  paint(): void {
    const { t } = this.hooks;
    const { unsaved } = this.marks;
    const isTroubled = unsaved > 0 && this.trouble !== null;
    this.saveState.hidden = unsaved === 0;
    this.saveState.classList.toggle("hs-trouble", isTroubled);
    const reason = inLanguage(this.trouble, this.hooks.language());
    this.saveState.replaceChildren(
      ...(isTroubled
        ? [icon(ICONS.cloud_off, 16), `${t("unsaved", { n: unsaved })}. ${reason} ${t("retry")}`]
        : [t("saving")]),
    );
  }

  /** The language changed: words beside marks are written again. */
  rewrite(): void {
    for (const { pane, layer } of this.hooks.shown()) this.fill(pane, layer);
  }

  private shape(mark: Mark, pane: Pane): Shape {
    return shapeOf(mark, pane.plane, FIRST_COLOUR, this.hooks.language());
  }

  private changed(id: string, mark: Mark | undefined): void {
    for (const { pane, layer } of this.hooks.shown()) {
      if (mark?.content.series_instance_uid === pane.slide.series_instance_uid) {
        layer.set(this.shape(mark, pane));
      } else {
        layer.drop(id);
      }
    }
    this.later();
  }

  /** Thousands of marks come at once: the lists are written once. */
  private later(): void {
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      this.hooks.changed();
    });
  }
}
