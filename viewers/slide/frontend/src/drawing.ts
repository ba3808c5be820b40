/** The commands on marks: the tool in hand, classes, undo, and what is hidden. */

import type { Translate } from "@common/i18n";
import type { Board } from "./board";
import { textDialog, type Toast } from "./dialogs";
import type { MessageKey } from "./messages";
import { Navigation } from "./navigation";
import type { Overlay } from "./overlay";
import type { Tool } from "./sketch";
import type { Stage } from "./stage";
import type { Mark } from "./types";

export abstract class Drawing extends Navigation {
  protected abstract readonly board: Board;
  protected abstract readonly overlay: Overlay;
  protected abstract readonly toast: Toast;
  protected abstract readonly t: Translate<MessageKey>;
  protected readonly hidden = new Set<string>();
  protected tool: Tool = "hand";
  protected hidesMarks = false;

  protected abstract repaint(): void;
  /** Lists, too. */
  protected abstract relist(): void;
  /** Another step of the walk over the slide. */
  abstract raster(by: number): void;

  protected get stage(): Stage | undefined {
    return this.desk.stage;
  }

  protected finished(stage: Stage, tool: Exclude<Tool, "hand">, points: Parameters<Board["add"]>[1]): void {
    if (tool !== "text") {
      this.board.add(tool, points, stage.pane);
      // Counting and pointing go on; other tools are done after one.
      if (tool !== "counter" && tool !== "point") this.setTool("hand");
      return;
    }
    this.setTool("hand");
    this.overlay.show(
      textDialog(this.t, "", (text) => {
        if (text) this.board.add("text", points, stage.pane, text);
      }),
    );
  }

  protected rename(mark: Mark): void {
    this.overlay.show(
      textDialog(this.t, mark.content.text, (text) => {
        if (text !== undefined) this.board.rename(mark.id, text);
      }),
    );
  }

  protected chooseClass(index: number): void {
    this.board.chosenClass = index;
    // With a drawing tool in hand the class is meant for the next mark.
    if (this.tool === "hand") this.board.reclassify();
    this.repaint();
  }

  protected hideClass(name: string): void {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    for (const { layer } of this.desk.stages) layer.redraw();
    this.relist();
  }

  setTool(tool: Tool): void {
    this.tool = tool;
    for (const { sketch } of this.desk.stages) sketch.tool = tool;
    this.repaint();
  }

  undo(): void {
    if (!this.stage?.sketch.stepBack()) this.board.undo();
  }

  redo(): void {
    this.board.redo();
  }

  deleteSelected(): void {
    if (!this.stage?.sketch.stepBack()) this.board.remove(this.board.selected);
  }

  finish(): void {
    if (!this.stage?.sketch.finish() && this.stage?.raster) this.raster(1);
  }

  hideMarks(): void {
    this.hidesMarks = !this.hidesMarks;
    for (const { layer } of this.desk.stages) {
      layer.isHidden = this.hidesMarks;
      layer.redraw();
    }
    if (this.hidesMarks) this.toast.say(this.t("hidden"));
    this.repaint();
  }
}
