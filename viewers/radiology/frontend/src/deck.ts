/** Everything a reader can do: commands of toolbar and keyboard, series and places to go to. */

import { isTyping } from "@common/dom";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";
import { type KeyImages, reasonOf } from "@common/keyimages";
import type { Board, Place } from "./board";
import type { Cell } from "./cell";
import type { Cine } from "./cine";
import { type Actor, commandOf, type Layout } from "./commands";
import { helpDialog, type Toast } from "./dialogs";
import type { Grid } from "./grid";
import { keyImageAt } from "./keyimage";
import type { Library } from "./library";
import type { MessageKey } from "./messages";
import type { Findings } from "./results/findings";
import type { Series } from "./series";
import type { ToolName, ToolGroups } from "./toolgroups";
import type { ViewerData } from "./types";
import { rangeOf } from "./windows";

export interface DeckParts {
  data: ViewerData;
  base: string;
  root: HTMLElement;
  grid: Grid;
  tools: ToolGroups;
  board: Board;
  library: Library;
  findings: Findings;
  cine: Cine;
  keyImages: KeyImages;
  toast: Toast;
  overlay: HTMLElement;
  t: Translate<MessageKey>;
  language(): Language;
  canDraw(): boolean;
  /** Close the toolbar's menu; true when one was open. */
  closeMenu(): boolean;
  /** Buttons no longer say the truth. */
  changed(): void;
}

export class Deck implements Actor {
  showsMarks = false;
  showsStrip = true;

  constructor(private readonly parts: DeckParts) {}

  // ---- places

  async jump(target: Place, markId?: string): Promise<void> {
    const series = this.parts.library.at(target);
    if (!series) return;
    await this.show(series, series.indexOf(target.sop_instance_uid, target.frame_number));
    if (markId) this.parts.board.select(markId);
  }

  async show(series: Series, index: number): Promise<void> {
    if (this.parts.grid.layout === "mpr") await this.parts.grid.setLayout("1x1", this.parts.library.stacks);
    await this.parts.grid.show(this.parts.grid.active, series, index);
  }

  async compare(places: readonly Place[]): Promise<void> {
    const shown = places.flatMap((place) => {
      const series = this.parts.library.at(place);
      const index = series?.indexOf(place.sop_instance_uid, place.frame_number);
      return series && index !== undefined ? [[series, index] as const] : [];
    });
    await this.parts.grid.compare(shown, this.parts.library.stacks);
  }

  async showSeries(series: Series, cell: Cell = this.parts.grid.active): Promise<void> {
    this.parts.cine.stop();
    if (series.set.kind !== "stack") {
      cell.empty(inLanguage(series.set.problems[0], this.parts.language()) || this.parts.t("unsupported_set"));
      return;
    }
    if (this.parts.grid.layout === "mpr") await this.parts.grid.showPlanes(series);
    else await this.parts.grid.show(cell, series);
    this.parts.changed();
  }

  dropped(cell: Cell, displaySetId: string): void {
    const series = this.parts.library.byId(displaySetId);
    this.parts.grid.choose(cell);
    if (series) void this.showSeries(series, cell);
  }

  // ---- commands

  setLayout(layout: Layout): void {
    this.parts.cine.stop();
    if (layout !== "mpr") {
      if (this.parts.tools.activeTool === "crosshairs") this.parts.tools.activate("window");
      void this.parts.grid.setLayout(layout, this.parts.library.stacks);
      return;
    }
    const series = this.parts.grid.active.series ?? this.parts.grid.keptSeries();
    if (!series || this.parts.grid.layout === "mpr") return;
    this.parts.tools.activate("crosshairs");
    void this.parts.grid.showPlanes(series);
  }

  setTool(tool: ToolName): void {
    if (tool === "crosshairs" && this.parts.grid.layout !== "mpr") return;
    this.parts.tools.activate(tool);
    this.parts.changed();
  }

  applyWindow(width: number, centre: number): void {
    const cell = this.parts.grid.active;
    if (!cell.series?.isCtAt(Math.max(0, cell.index))) return;
    this.parts.grid.applyRange(cell, rangeOf(width, centre));
    this.parts.changed();
  }

  restoreWindow(): void {
    const cell = this.parts.grid.active;
    cell.restoreRange();
    if (cell.shown.kind === "volume" && cell.range) this.parts.grid.applyRange(cell, cell.range);
    this.parts.changed();
  }

  reset(): void {
    this.parts.grid.active.reset();
    this.parts.changed();
  }

  invert(): void {
    this.parts.grid.active.invert();
    this.parts.changed();
  }

  toggleCine(): void {
    this.parts.cine.toggle();
  }

  toggleLink(): void {
    this.parts.grid.linked = !this.parts.grid.linked;
    this.parts.changed();
  }

  undo(): void {
    this.parts.board.undo();
  }

  redo(): void {
    this.parts.board.redo();
  }

  deleteSelected(): void {
    this.parts.board.deleteSelected();
  }

  markKeyImage(): void {
    const cell = this.parts.grid.active;
    const image = keyImageAt(cell);
    if (!image) {
      this.parts.toast.say(this.parts.t("key_image_stack"));
      return;
    }
    if (this.parts.keyImages.has(image)) {
      this.parts.toast.say(this.parts.t("key_image_known"));
      return;
    }
    this.parts.keyImages
      .add(image)
      .then(
        () => this.parts.toast.say(this.parts.t("key_image_added")),
        (error: unknown) => {
          const reason = reasonOf(error, { vi: "lỗi không rõ", en: "unknown error" });
          this.parts.toast.say(this.parts.t("key_image_failed", { reason: inLanguage(reason, this.parts.language()) }));
        },
      )
      .finally(() => cell.refresh());
  }

  toggleMarks(): void {
    this.showsMarks = !this.showsMarks;
    this.parts.changed();
  }

  toggleStrip(): void {
    this.showsStrip = !this.showsStrip;
    this.parts.changed();
  }

  toggleHelp(): void {
    if (this.closeOverlay()) return;
    this.parts.overlay.append(helpDialog(this.parts.t, () => this.closeOverlay()));
    this.parts.overlay.querySelector("button")?.focus();
  }

  openOwnWindow(): void {
    if (this.parts.data.standalone) return;
    window.open(`${this.parts.base}/viewer?case=${encodeURIComponent(this.parts.data.case_id)}`, "_blank");
  }

  step(by: number): void {
    this.parts.grid.active.step(by);
  }

  stepTime(by: number): void {
    this.parts.grid.active.stepTime(by);
  }

  toEnd(last: boolean): void {
    this.parts.grid.active.toEnd(last);
  }

  stepSeries(by: number): void {
    const next = this.parts.library.neighbour(this.parts.grid.active.series, by);
    if (next && next !== this.parts.grid.active.series) void this.showSeries(next);
  }

  nextCell(): void {
    this.parts.grid.next();
  }

  zoomBy(factor: number): void {
    this.parts.grid.active.zoomBy(factor);
  }

  toggleMaximised(): void {
    this.parts.grid.toggleMaximised();
  }

  escape(): void {
    if (this.parts.closeMenu() || this.closeOverlay() || this.parts.findings.escape()) return;
    this.parts.board.cancel(this.parts.grid.visible);
    if (this.parts.grid.isMaximised) this.parts.grid.toggleMaximised();
    else this.setTool(this.parts.grid.layout === "mpr" ? "crosshairs" : "window");
  }

  private closeOverlay(): boolean {
    const isOpen = this.parts.overlay.childElementCount > 0;
    this.parts.overlay.replaceChildren();
    return isOpen;
  }

  onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || isTyping(event)) return;
    const path = event.composedPath();
    const target = path[0];
    const isHere = path.includes(this.parts.root);
    // Keys pressed in another part of the page are that part's; on the bare page they are ours.
    if (!isHere && target !== document.body) return;
    if (isHere && this.parts.findings.onKey(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const isButton = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
    const found = commandOf(event);
    if (!found || (isButton && (event.key === " " || event.key === "Enter"))) return;
    if (this.parts.overlay.childElementCount > 0 && found.id !== "escape" && found.id !== "help") return;
    if (found.draws && !this.parts.canDraw()) {
      this.parts.toast.say(this.parts.t("read_only"));
      return;
    }
    event.preventDefault();
    // Streamlit has keys of its own on the document (R runs the page again, C clears its cache).
    event.stopPropagation();
    found.run(this);
  }
}
