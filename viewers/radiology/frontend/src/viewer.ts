/** The viewer: viewports, tools and marks of one case, and every command on them. */

import { Enums, eventTarget, type RenderingEngine } from "@cornerstonejs/core";
import type { Api } from "@common/api";
import { h, isTyping } from "@common/dom";
import { listen } from "@common/events";
import { guardSession } from "@common/guard";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";
import { KeyImages, reasonOf } from "@common/keyimages";
import { Banner } from "./banner";
import { Board, type Place } from "./board";
import type { Cell } from "./cell";
import { Cine } from "./cine";
import { type Actor, commandOf, type Layout } from "./commands";
import { helpDialog, lostDialog, textDialog, Toast } from "./dialogs";
import { onFrameStatus } from "./engine";
import { Grid } from "./grid";
import { keyImageAt } from "./keyimage";
import { Library } from "./library";
import type { MessageKey } from "./messages";
import type { Prepared } from "./prepare";
import { Findings } from "./results/findings";
import type { Series } from "./series";
import { Strip } from "./strip";
import { Toolbar } from "./toolbar";
import { PLANE_COLOURS, type ToolName, ToolGroups } from "./toolgroups";
import type { ViewerData } from "./types";
import { rangeOf } from "./windows";
import { honestySentence } from "./wording";

let mounts = 0;

export class Viewer implements Actor {
  readonly root = h("div", { class: "hv-body" });
  private readonly library: Library;
  private readonly tools: ToolGroups;
  private readonly grid: Grid;
  private readonly board: Board;
  private readonly findings: Findings;
  private readonly toolbar: Toolbar;
  private readonly strip: Strip;
  private readonly banner: Banner;
  private readonly keyImages: KeyImages;
  private readonly toast = new Toast();
  private readonly overlay = h("div", { class: "hv-overlay" });
  private readonly stops: (() => void)[] = [];
  private canDraw: boolean;
  private showsMarks = false;
  private showsStrip = true;
  private readonly cine: Cine;
  private painting = false;

  constructor(
    private readonly data: ViewerData,
    private readonly api: Api,
    rendering: RenderingEngine,
    hasGpu: boolean,
    prepared: Prepared,
    private readonly t: Translate<MessageKey>,
    private readonly language: () => Language,
  ) {
    this.canDraw = prepared.canDraw;
    this.library = new Library(api, prepared.sets, hasGpu, (series) => this.seriesChanged(series));
    const prefix = `hoichan-${++mounts}`;
    this.keyImages = new KeyImages(api, data.case_id, data.standalone === true);
    this.tools = new ToolGroups(
      prefix,
      {
        lines: (drawn) => this.board.lines((drawn as { markId?: string }).markId),
        askText: (current, done) => this.overlay.append(textDialog(t, current, done)),
      },
      (viewportId) => {
        const shown = this.grid.cell(viewportId)?.shown;
        return shown?.kind === "volume" ? PLANE_COLOURS[shown.view.name] : PLANE_COLOURS.axial;
      },
    );
    this.grid = new Grid(prefix, rendering, this.tools, {
      t,
      language,
      chosen: () => undefined,
      maximise: () => undefined,
      dropped: (cell, id) => this.dropped(cell, id),
      windowed: (cell, range) => {
        this.grid.applyRange(cell, range);
        this.repaint();
      },
      moved: (cell) => {
        if (cell === this.grid?.active) this.findings?.tellPlace(cell);
      },
      isKeyImage: (series, index) => {
        const [sop_instance_uid, frame_number] = series.set.frames[index]!;
        return this.keyImages.has({ sop_instance_uid, frame_number });
      },
      honesty: (series) => honestySentence(series.stack, t, language()),
      changed: () => this.repaint(),
      refusal: (reason, count) => t(`refused_${reason}` as MessageKey, { n: count ?? 0 }),
      building: (series) =>
        t("building", { n: series.queue.loaded, total: series.imageIds.length }),
    });
    this.board = new Board(api, data.case_id, prepared.canDraw, {
      t,
      language,
      username: prepared.user.username,
      seriesOf: (place) => this.library.at(place),
      shownIn: (viewportId) => {
        const cell = this.grid.cell(viewportId);
        return cell?.series ? { series: cell.series, volume: cell.volume } : undefined;
      },
      jump: (place, markId) => void this.jump(place, markId),
      redraw: () => this.redraw(),
      changed: () => this.repaint(),
      closeList: () => this.toggleMarks(),
    });
    this.findings = new Findings(api, data.case_id, this.library, this.grid.cells, {
      t,
      language,
      show: (series, index) => void this.show(series, index),
      compare: (places) => void this.compare(places),
      say: (sentence) => this.toast.say(sentence),
    });
    this.banner = new Banner(t);
    this.cine = new Cine(() => this.grid.active, () => this.repaint());
    this.toolbar = new Toolbar(this, t, language, (rate) => this.cine.setRate(rate));
    this.strip = new Strip(api.base, t, (series) => void this.showSeries(series));
    this.root.append(
      this.banner.root,
      this.toolbar.root,
      h("div", { class: "hv-main" }, this.strip.root, this.grid.root, this.board.panel.root),
      this.board.saveState,
      this.toast.root,
      this.overlay,
    );
    if (!hasGpu) this.root.prepend(h("p", { class: "hc-notice", role: "note" }, t("no_webgl")));
    this.tools.allowDrawing(this.canDraw);
    this.strip.fill(this.library.all);
    this.listen();
    this.repaint();
    const first = this.library.stacks[0];
    if (first) void this.start(first);
    this.board.start();
  }

  private async start(first: Series): Promise<void> {
    await this.grid.show(this.grid.active, first);
    await this.library.fetchAhead(first);
  }

  private listen(): void {
    const caseId = this.data.case_id;
    const keys = (event: KeyboardEvent): void => this.onKey(event);
    const online = (): void => this.sessionBack();
    const lost = (): void => this.graphicsLost();
    eventTarget.addEventListener(Enums.Events.WEBGL_CONTEXT_LOST, lost);
    window.addEventListener("keydown", keys, { capture: true });
    window.addEventListener("online", online);
    this.stops.push(
      () => eventTarget.removeEventListener(Enums.Events.WEBGL_CONTEXT_LOST, lost),
      () => window.removeEventListener("keydown", keys, { capture: true }),
      () => window.removeEventListener("online", online),
      guardSession(this.api),
      this.api.onSession((signedIn) => signedIn && this.sessionBack()),
      onFrameStatus((status) => this.api.noticeStatus(status)),
      listen("hoichan:ask-key-image", (detail) => {
        if (detail.case_id === caseId) this.markKeyImage();
      }),
      listen("hoichan:show", (detail) => {
        if (detail.case_id !== caseId) return;
        void this.jump(detail, detail.annotation_id);
      }),
    );
  }

  destroy(): void {
    this.cine.stop();
    for (const stop of this.stops) stop();
    this.library.destroy();
    this.board.destroy();
    this.findings.destroy();
    this.grid.destroy();
    this.tools.destroy();
  }

  /** New data from the host: only what changed is touched. */
  allowDrawing(canDraw: boolean): void {
    this.canDraw = canDraw;
    this.tools.allowDrawing(canDraw);
    this.board.allowDrawing(canDraw);
    this.repaint();
  }

  /** The language changed. */
  rewrite(): void {
    this.strip.fill(this.library.all);
    this.banner.rewrite();
    for (const cell of this.grid.cells) cell.refresh();
    this.repaint();
  }

  // ---- series and frames

  private seriesChanged(series: Series): void {
    this.strip.update(series);
    if (series.isOpen) this.board.seriesOpened(series);
    for (const cell of this.grid.visible) if (cell.series === series) cell.refresh();
    this.grid.noteProgress(series);
  }

  private async showSeries(series: Series, cell: Cell = this.grid.active): Promise<void> {
    this.cine.stop();
    if (series.set.kind !== "stack") {
      cell.empty(inLanguage(series.set.problems[0], this.language()) || this.t("unsupported_set"));
      return;
    }
    if (this.grid.layout === "mpr") await this.grid.showPlanes(series);
    else await this.grid.show(cell, series);
    this.repaint();
  }

  private dropped(cell: Cell, displaySetId: string): void {
    const series = this.library.byId(displaySetId);
    this.grid.choose(cell);
    if (series) void this.showSeries(series, cell);
  }

  private sessionBack(): void {
    this.board.retry();
    this.library.retry();
  }

  /** The browser took the graphics memory (driver reset, sleep): textures are gone for good. */
  private graphicsLost(): void {
    this.overlay.replaceChildren(lostDialog(this.t));
  }

  // ---- places

  private async jump(target: Place, markId?: string): Promise<void> {
    const series = this.library.at(target);
    if (!series) return;
    await this.show(series, series.indexOf(target.sop_instance_uid, target.frame_number));
    if (markId) this.board.select(markId);
  }

  private async show(series: Series, index: number): Promise<void> {
    if (this.grid.layout === "mpr") await this.grid.setLayout("1x1", this.library.stacks);
    await this.grid.show(this.grid.active, series, index);
  }

  private async compare(places: readonly Place[]): Promise<void> {
    const shown = places.flatMap((place) => {
      const series = this.library.at(place);
      const index = series?.indexOf(place.sop_instance_uid, place.frame_number);
      return series && index !== undefined ? [[series, index] as const] : [];
    });
    await this.grid.compare(shown, this.library.stacks);
  }

  private redraw(): void {
    for (const cell of this.grid.visible) cell.viewport?.render();
  }

  // ---- commands

  setLayout(layout: Layout): void {
    this.cine.stop();
    if (layout !== "mpr") {
      if (this.tools.activeTool === "crosshairs") this.tools.activate("window");
      void this.grid.setLayout(layout, this.library.stacks);
      return;
    }
    const series = this.grid.active.series ?? this.grid.keptSeries();
    if (!series || this.grid.layout === "mpr") return;
    this.tools.activate("crosshairs");
    void this.grid.showPlanes(series);
  }

  setTool(tool: ToolName): void {
    if (tool === "crosshairs" && this.grid.layout !== "mpr") return;
    this.tools.activate(tool);
    this.repaint();
  }

  applyWindow(width: number, centre: number): void {
    const cell = this.grid.active;
    if (!cell.series?.isCtAt(Math.max(0, cell.index))) return;
    this.grid.applyRange(cell, rangeOf(width, centre));
    this.repaint();
  }

  restoreWindow(): void {
    const cell = this.grid.active;
    cell.restoreRange();
    if (cell.shown.kind === "volume" && cell.range) this.grid.applyRange(cell, cell.range);
    this.repaint();
  }

  reset(): void {
    this.grid.active.reset();
    this.repaint();
  }

  invert(): void {
    this.grid.active.invert();
    this.repaint();
  }

  toggleCine(): void {
    this.cine.toggle();
  }

  toggleLink(): void {
    this.grid.linked = !this.grid.linked;
    this.repaint();
  }

  undo(): void {
    this.board.undo();
  }

  redo(): void {
    this.board.redo();
  }

  deleteSelected(): void {
    this.board.deleteSelected();
  }

  markKeyImage(): void {
    const cell = this.grid.active;
    const image = keyImageAt(cell);
    if (!image) {
      this.toast.say(this.t("key_image_stack"));
      return;
    }
    if (this.keyImages.has(image)) {
      this.toast.say(this.t("key_image_known"));
      return;
    }
    this.keyImages
      .add(image)
      .then(
        () => this.toast.say(this.t("key_image_added")),
        (error: unknown) => {
          const reason = reasonOf(error, { vi: "lỗi không rõ", en: "unknown error" });
          this.toast.say(this.t("key_image_failed", { reason: inLanguage(reason, this.language()) }));
        },
      )
      .finally(() => cell.refresh());
  }

  toggleMarks(): void {
    this.showsMarks = !this.showsMarks;
    this.repaint();
  }

  toggleStrip(): void {
    this.showsStrip = !this.showsStrip;
    this.repaint();
  }

  toggleHelp(): void {
    if (this.closeOverlay()) return;
    this.overlay.append(helpDialog(this.t, () => this.closeOverlay()));
    this.overlay.querySelector("button")?.focus();
  }

  openOwnWindow(): void {
    if (this.data.standalone) return;
    window.open(`${this.api.base}/viewer?case=${encodeURIComponent(this.data.case_id)}`, "_blank");
  }

  step(by: number): void {
    this.grid.active.step(by);
  }

  toEnd(last: boolean): void {
    this.grid.active.toEnd(last);
  }

  stepSeries(by: number): void {
    const next = this.library.neighbour(this.grid.active.series, by);
    if (next && next !== this.grid.active.series) void this.showSeries(next);
  }

  nextCell(): void {
    this.grid.next();
  }

  zoomBy(factor: number): void {
    this.grid.active.zoomBy(factor);
  }

  toggleMaximised(): void {
    this.grid.toggleMaximised();
  }

  escape(): void {
    if (this.toolbar.closeMenu() || this.closeOverlay() || this.findings.escape()) return;
    this.board.cancel(this.grid.visible);
    if (this.grid.isMaximised) this.grid.toggleMaximised();
    else this.setTool(this.grid.layout === "mpr" ? "crosshairs" : "window");
  }

  private closeOverlay(): boolean {
    const isOpen = this.overlay.childElementCount > 0;
    this.overlay.replaceChildren();
    return isOpen;
  }

  private onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || isTyping(event)) return;
    const path = event.composedPath();
    const target = path[0];
    const isHere = path.includes(this.root);
    // Keys pressed in another part of the page are that part's; on the bare page they are ours.
    if (!isHere && target !== document.body) return;
    if (isHere && this.findings.onKey(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const isButton = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
    const found = commandOf(event);
    if (!found || (isButton && (event.key === " " || event.key === "Enter"))) return;
    if (this.overlay.childElementCount > 0 && found.id !== "escape" && found.id !== "help") return;
    if (found.draws && !this.canDraw) {
      this.toast.say(this.t("read_only"));
      return;
    }
    event.preventDefault();
    // Streamlit has keys of its own on the document (R runs the page again, C clears its cache).
    event.stopPropagation();
    found.run(this);
  }

  // ---- painting

  private repaint(): void {
    if (this.painting) return;
    this.painting = true;
    requestAnimationFrame(() => {
      this.painting = false;
      this.paint();
    });
  }

  private paint(): void {
    const { grid } = this;
    const active = grid.active;
    const series = active.series ?? grid.keptSeries();
    const stack = series?.isOpen ? series.stack : undefined;
    this.banner.show(series?.header(0));
    this.toolbar.update({
      tool: this.tools.activeTool,
      layout: grid.layout,
      range: active.range,
      isCt: active.series?.isCtAt(Math.max(0, active.index)) ?? false,
      canDraw: this.canDraw,
      canUndo: this.board.canUndo,
      canRedo: this.board.canRedo,
      hasSelection: this.board.selected !== undefined,
      isInverted: active.isInverted,
      isPlaying: this.cine.isPlaying,
      rate: this.cine.rate,
      isLinked: grid.linked,
      showsMarks: this.showsMarks,
      showsStrip: this.showsStrip,
      standalone: this.data.standalone === true,
      mprRefusal: typeof stack === "string" ? this.t(`refused_${stack}` as MessageKey) : "",
    });
    this.strip.select(
      new Set(grid.visible.flatMap((cell) => (cell.series ? [cell.series.set.id] : []))),
      active.series?.set.id,
    );
    this.strip.root.hidden = !this.showsStrip;
    this.board.paint(this.showsMarks);
    this.findings.paint();
    this.findings.tellPlace(active);
    this.root.dataset["marks"] = String(this.board.count);
    this.root.dataset["unsaved"] = String(this.board.unsaved);
  }
}
