/** The viewer: viewports, tools and marks of one case, put together and kept painted. */

import { Enums, eventTarget, type RenderingEngine } from "@cornerstonejs/core";
import type { Api } from "@common/api";
import { h } from "@common/dom";
import { listen } from "@common/events";
import { guardSession } from "@common/guard";
import type { Language } from "@common/host";
import type { Translate } from "@common/i18n";
import { KeyImages } from "@common/keyimages";
import { Screen } from "@common/screens";
import { Banner } from "./banner";
import { Board } from "./board";
import { Cine } from "./cine";
import { Deck } from "./deck";
import { lostDialog, textDialog, Toast } from "./dialogs";
import { onFrameStatus } from "./engine";
import { Grid } from "./grid";
import { Library } from "./library";
import type { MessageKey } from "./messages";
import type { Prepared } from "./prepare";
import { Findings } from "./results/findings";
import type { Series } from "./series";
import { Strip } from "./strip";
import { Toolbar } from "./toolbar";
import { PLANE_COLOURS, ToolGroups } from "./toolgroups";
import type { ViewerData } from "./types";
import { honestySentence } from "./wording";

let mounts = 0;

export class Viewer {
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
  private readonly deck: Deck;
  private canDraw: boolean;
  private readonly cine: Cine;
  private painting = false;

  constructor(
    private readonly data: ViewerData,
    private readonly api: Api,
    rendering: RenderingEngine,
    hasGpu: boolean,
    prepared: Prepared,
    private readonly t: Translate<MessageKey>,
    language: () => Language,
  ) {
    this.canDraw = prepared.canDraw;
    this.library = new Library(api, prepared.sets, hasGpu, (series) => this.seriesChanged(series));
    const prefix = `hoichan-${++mounts}`;
    if (data.standalone) {
      const screen = new Screen(data.case_id);
      this.stops.push(() => screen.destroy());
    }
    this.keyImages = new KeyImages(api, data.case_id, data.standalone === true, () => {
      for (const cell of this.grid.visible) cell.refresh();
    });
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
      dropped: (cell, id) => this.deck.dropped(cell, id),
      windowed: (cell, range) => {
        this.grid.applyRange(cell, range);
        this.repaint();
      },
      play: (cell) => {
        this.grid.choose(cell);
        this.cine.toggle();
      },
      isPlaying: (cell) => this.cine.isPlaying && cell === this.grid.active,
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
      jump: (place, markId) => void this.deck.jump(place, markId),
      redraw: () => this.redraw(),
      changed: () => this.repaint(),
      closeList: () => this.deck.toggleMarks(),
    });
    this.findings = new Findings(api, data.case_id, this.library, this.grid.cells, {
      t,
      language,
      show: (series, index) => void this.deck.show(series, this.grid.active.inTime(series, index)),
      compare: (places) => void this.deck.compare(places),
      say: (sentence) => this.toast.say(sentence),
    });
    this.banner = new Banner(t);
    this.cine = new Cine(() => this.grid.active, () => {
      for (const cell of this.grid.visible) cell.refresh();
      this.repaint();
    });
    this.deck = new Deck({
      data,
      base: api.base,
      root: this.root,
      grid: this.grid,
      tools: this.tools,
      board: this.board,
      library: this.library,
      findings: this.findings,
      cine: this.cine,
      keyImages: this.keyImages,
      toast: this.toast,
      overlay: this.overlay,
      t,
      language,
      canDraw: () => this.canDraw,
      closeMenu: () => this.toolbar.closeMenu(),
      changed: () => this.repaint(),
    });
    this.toolbar = new Toolbar(this.deck, t, language, (rate) => this.cine.setRate(rate));
    this.strip = new Strip(api.base, t, (series) => void this.deck.showSeries(series));
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
    if (this.canDraw) void this.restoreKeyImages();
    const first = this.library.stacks[0];
    if (first) void this.start(first);
    this.board.start();
  }

  /** Badges of a page that is loaded anew; who may not write the opinion has no draft. */
  private async restoreKeyImages(): Promise<void> {
    await this.keyImages.restore().catch(() => undefined);
    for (const cell of this.grid.visible) cell.refresh();
  }

  private async start(first: Series): Promise<void> {
    await this.grid.show(this.grid.active, first);
    await this.library.fetchAhead(first);
  }

  private listen(): void {
    const caseId = this.data.case_id;
    const keys = (event: KeyboardEvent): void => this.deck.onKey(event);
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
        if (detail.case_id === caseId) this.deck.markKeyImage();
      }),
      listen("hoichan:show", (detail) => {
        if (detail.case_id !== caseId) return;
        void this.deck.jump(detail, detail.annotation_id);
      }),
    );
  }

  destroy(): void {
    this.cine.stop();
    for (const stop of this.stops) stop();
    this.keyImages.destroy();
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

  private sessionBack(): void {
    this.board.retry();
    this.library.retry();
  }

  /** The browser took the graphics memory (driver reset, sleep): textures are gone for good. */
  private graphicsLost(): void {
    this.overlay.replaceChildren(lostDialog(this.t));
  }

  private redraw(): void {
    for (const cell of this.grid.visible) cell.viewport?.render();
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
      showsMarks: this.deck.showsMarks,
      showsStrip: this.deck.showsStrip,
      standalone: this.data.standalone === true,
      mprRefusal: typeof stack === "string" ? this.t(`refused_${stack}` as MessageKey) : "",
    });
    this.strip.select(
      new Set(grid.visible.flatMap((cell) => (cell.series ? [cell.series.set.id] : []))),
      active.series?.set.id,
    );
    this.strip.root.hidden = !this.deck.showsStrip;
    this.board.paint(this.deck.showsMarks);
    this.findings.paint();
    this.findings.tellPlace(active);
    this.root.dataset["marks"] = String(this.board.count);
    this.root.dataset["unsaved"] = String(this.board.unsaved);
  }
}
