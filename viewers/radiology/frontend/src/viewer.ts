/** The viewer: viewports, tools and marks of one case, and every command on them. */

import { Enums, eventTarget, type RenderingEngine } from "@cornerstonejs/core";
import type { Api } from "@common/api";
import { h, icon, isTyping } from "@common/dom";
import { listen, tell } from "@common/events";
import { dateTime } from "@common/format";
import { guardSession } from "@common/guard";
import type { Language } from "@common/host";
import { inLanguage, number, type Text, type Translate } from "@common/i18n";
import { Banner } from "./banner";
import type { Cell } from "./cell";
import { type Actor, commandOf, type Layout } from "./commands";
import { helpDialog, textDialog, Toast } from "./dialogs";
import { Drawing } from "./drawing";
import { onFrameStatus } from "./engine";
import { Grid } from "./grid";
import { ICONS } from "./icons";
import { KeyImages, reasonOf } from "./keyimages";
import { failureOf } from "./loading";
import { type Mark, Marks } from "./marks";
import type { MessageKey } from "./messages";
import { Panel } from "./panel";
import type { Prepared } from "./prepare";
import { Series } from "./series";
import { Strip } from "./strip";
import { Toolbar } from "./toolbar";
import { PLANE_COLOURS, type ToolName, ToolGroups } from "./toolgroups";
import type { MarkContent, ViewerData } from "./types";
import { rangeOf, windowOf } from "./windows";
import { markLines } from "./wording";

let mounts = 0;

export class Viewer implements Actor {
  readonly root = h("div", { class: "hv-body" });
  private readonly series: Series[];
  private readonly byImage = new Map<string, [Series, number]>();
  private readonly tools: ToolGroups;
  private readonly grid: Grid;
  private readonly marks: Marks;
  private readonly drawing: Drawing;
  private readonly toolbar: Toolbar;
  private readonly strip: Strip;
  private readonly panel: Panel;
  private readonly banner: Banner;
  private readonly keyImages: KeyImages;
  private readonly toast = new Toast();
  private readonly saveState = h("button", { type: "button", class: "hv-save", hidden: true });
  private readonly overlay = h("div", { class: "hv-overlay" });
  private readonly stops: (() => void)[] = [];
  private readonly opened = new Set<Series>();
  private canDraw: boolean;
  private selected: string | undefined;
  private showsMarks = false;
  private showsStrip = true;
  private cine: ReturnType<typeof setInterval> | undefined;
  private rate = 10;
  private trouble: Text | null = null;
  private painting = false;

  constructor(
    private readonly data: ViewerData,
    private readonly api: Api,
    rendering: RenderingEngine,
    hasGpu: boolean,
    private readonly prepared: Prepared,
    private readonly t: Translate<MessageKey>,
    private readonly language: () => Language,
  ) {
    this.canDraw = prepared.canDraw;
    this.series = prepared.sets.map(
      (set) => new Series(api, set, hasGpu, (series) => this.seriesChanged(series)),
    );
    for (const series of this.series) {
      series.imageIds.forEach((id, i) => this.byImage.set(id, [series, i]));
    }
    const prefix = `hoichan-${++mounts}`;
    this.keyImages = new KeyImages(api, data.case_id, data.standalone === true);
    this.tools = new ToolGroups(
      prefix,
      {
        lines: (drawn) => this.lines((drawn as { markId?: string }).markId),
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
      moved: () => undefined,
      isKeyImage: (series, index) => this.keyImages.has(...series.set.frames[index]!),
      honesty: (series) => this.honesty(series),
      changed: () => this.repaint(),
      refusal: (reason, count) => t(`refused_${reason}` as MessageKey, { n: count ?? 0 }),
      building: (series) =>
        t("building", { n: series.queue.loaded, total: series.imageIds.length }),
    });
    this.drawing = new Drawing({
      shownIn: (viewportId) => {
        const cell = this.grid.cell(viewportId);
        return cell?.series ? { series: cell.series, volume: cell.volume } : undefined;
      },
      drawn: (id, content) => this.marks.create(id, content),
      moved: (id, content) => this.marks.change(id, content),
      refresh: () => this.redraw(),
      selected: (id) => {
        this.selected = id;
        this.repaint();
      },
    });
    this.marks = new Marks(api, data.case_id, prepared.user.username, {
      changed: (id, mark, byServer) => this.markChanged(id, mark, byServer),
      revision: (revision) => tell("hoichan:annotations", { case_id: data.case_id, revision }),
      trouble: (reason) => {
        this.trouble = reason;
        this.repaint();
      },
    });
    this.toolbar = new Toolbar(this, t, language, (rate) => this.setRate(rate));
    this.strip = new Strip(api.base, t, (series) => void this.showSeries(series));
    this.panel = new Panel({
      t,
      language,
      place: (mark) => this.place(mark.content),
      mayChange: (mark) => this.mayChange(mark),
      isMine: (mark) => this.isMine(mark),
      jump: (mark) => void this.jump(mark.content, mark.id),
      remove: (mark) => this.marks.remove(mark.id),
      close: () => this.toggleMarks(),
    });
    this.banner = new Banner(t);
    this.saveState.addEventListener("click", () => this.marks.retry());
    this.root.append(
      this.banner.root,
      this.toolbar.root,
      h("div", { class: "hv-main" }, this.strip.root, this.grid.root, this.panel.root),
      this.saveState,
      this.toast.root,
      this.overlay,
    );
    if (!hasGpu) this.root.prepend(h("p", { class: "hc-notice", role: "note" }, t("no_webgl")));
    this.tools.allowDrawing(this.canDraw);
    this.strip.fill(this.series);
    this.listen();
    this.repaint();
    const first = this.series.find((series) => series.set.kind === "stack");
    if (first) void this.start(first);
    if (data.case_id) this.marks.start();
  }

  private async start(first: Series): Promise<void> {
    await this.grid.show(this.grid.active, first);
    // The rest follows in the order of the strip, once what the reader looks at has come.
    for (const series of this.series) {
      await first.queue.whenSettled();
      if (series.set.kind !== "stack") continue;
      await series.open().catch(() => undefined);
      if (series.isOpen) {
        series.queue.start();
        await series.queue.whenSettled();
      }
    }
  }

  private listen(): void {
    const caseId = this.data.case_id;
    const loaded = (event: Event): void => {
      const { image } = (event as CustomEvent<{ image: { imageId: string } }>).detail;
      const found = this.byImage.get(image.imageId);
      found?.[0].queue.noteLoaded(found[1]);
    };
    const failed = (event: Event): void => {
      const { imageId, error } = (event as CustomEvent<{ imageId: string; error: unknown }>).detail;
      const found = this.byImage.get(imageId);
      found?.[0].queue.noteFailed(found[1], failureOf(error));
    };
    const keys = (event: KeyboardEvent): void => this.onKey(event);
    const online = (): void => this.sessionBack();
    eventTarget.addEventListener(Enums.Events.IMAGE_LOADED, loaded);
    eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_FAILED, failed);
    const lost = (): void => this.graphicsLost();
    eventTarget.addEventListener(Enums.Events.WEBGL_CONTEXT_LOST, lost);
    window.addEventListener("keydown", keys, { capture: true });
    window.addEventListener("online", online);
    this.stops.push(
      () => eventTarget.removeEventListener(Enums.Events.IMAGE_LOADED, loaded),
      () => eventTarget.removeEventListener(Enums.Events.IMAGE_LOAD_FAILED, failed),
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
    clearInterval(this.cine);
    for (const stop of this.stops) stop();
    this.marks.stop();
    for (const series of this.series) series.queue.stop();
    this.drawing.destroy();
    this.grid.destroy();
    this.tools.destroy();
  }

  /** New data from the host: only what changed is touched. */
  allowDrawing(canDraw: boolean): void {
    this.canDraw = canDraw;
    this.tools.allowDrawing(canDraw);
    for (const mark of this.marks.all()) this.markChanged(mark.id, mark, true);
    this.repaint();
  }

  /** The language changed. */
  rewrite(): void {
    this.strip.fill(this.series);
    this.banner.rewrite();
    for (const cell of this.grid.cells) cell.refresh();
    this.repaint();
  }

  // ---- series and frames

  private seriesChanged(series: Series): void {
    this.strip.update(series);
    if (series.isOpen && !this.opened.has(series)) {
      this.opened.add(series);
      for (const mark of this.marks.all()) {
        if (this.seriesOf(mark.content) === series) this.drawing.show(mark, series, this.mayChange(mark));
      }
    }
    for (const cell of this.grid.visible) if (cell.series === series) cell.refresh();
    this.grid.noteProgress(series);
  }

  private async showSeries(series: Series, cell: Cell = this.grid.active): Promise<void> {
    this.stopCine();
    if (series.set.kind !== "stack") {
      cell.empty(inLanguage(series.set.problems[0], this.language()) || this.t("unsupported_set"));
      return;
    }
    if (this.grid.layout === "mpr") await this.grid.showPlanes(series);
    else await this.grid.show(cell, series);
    this.repaint();
  }

  private dropped(cell: Cell, displaySetId: string): void {
    const series = this.series.find((one) => one.set.id === displaySetId);
    this.grid.choose(cell);
    if (series) void this.showSeries(series, cell);
  }

  private honesty(series: Series): string {
    const { t } = this;
    const stack = series.stack;
    if (typeof stack === "string" || (!stack.isSheared && !stack.isUneven)) return "";
    const steps = stack.positions.slice(1).map((p, i) => p - stack.positions[i]!);
    const one = (value: number): string => number(value, 1, this.language());
    const values = {
      deg: one(stack.tilt),
      least: one(Math.min(...steps)),
      most: one(Math.max(...steps)),
    };
    const key =
      stack.isSheared && stack.isUneven
        ? "resampled_both"
        : stack.isSheared
          ? "resampled_tilt"
          : "resampled_uneven";
    return t(key, values) + (stack.gaps.length ? t("gaps_black", { n: stack.gaps.length }) : "");
  }

  private sessionBack(): void {
    this.marks.retry();
    for (const series of this.series) series.queue.retry();
  }

  /** The browser took the graphics memory (driver reset, sleep): textures are gone for good. */
  private graphicsLost(): void {
    const reload = (): void => location.reload();
    this.overlay.replaceChildren(
      h(
        "div",
        { class: "hv-veil", role: "alertdialog" },
        h(
          "div",
          { class: "hv-dialog hv-ask" },
          h("p", {}, this.t("context_lost")),
          h("button", { type: "button", class: "hc-button hc-primary", onclick: reload }, this.t("reload")),
        ),
      ),
    );
  }

  // ---- marks

  private isMine(mark: Mark): boolean {
    return !mark.server || mark.server.author.username === this.prepared.user.username;
  }

  private mayChange(mark: Mark): boolean {
    return this.canDraw && this.isMine(mark);
  }

  private seriesOf(content: { series_instance_uid: string; sop_instance_uid: string; frame_number: number }): Series | undefined {
    return this.series.find(
      (series) =>
        series.set.series_instance_uid === content.series_instance_uid &&
        series.indexOf(content.sop_instance_uid, content.frame_number) >= 0,
    );
  }

  private markChanged(id: string, mark: Mark | undefined, byServer: boolean): void {
    const series = mark && this.seriesOf(mark.content);
    if (!mark) this.drawing.hide(id);
    else if (series?.isOpen && (byServer || !this.drawing.content(id) || mark.state === "waiting")) {
      this.drawing.show(mark, series, this.mayChange(mark));
    }
    this.redraw();
    this.repaint();
  }

  private lines(id: string | undefined): string[] {
    const content = id ? this.drawing.content(id) : undefined;
    if (!id || !content) return [];
    const mark = this.marks.get(id);
    const made = markLines(content, this.t, this.language());
    if (mark && mark.state !== "saved" && mark.state !== "saving") made.push(`! ${this.t("not_saved")}`);
    if (mark?.server && (this.drawing.isHighlighted(id) || this.selected === id)) {
      made.push(`${mark.server.author.name} · ${dateTime(mark.server.updated_at)}`);
    }
    return made;
  }

  private place(content: MarkContent): string {
    const series = this.seriesOf(content);
    if (!series) return "";
    const index = series.indexOf(content.sop_instance_uid, content.frame_number);
    return `${series.set.title || series.set.modality} ${index + 1}/${series.imageIds.length}`;
  }

  private async jump(
    target: { series_instance_uid: string; sop_instance_uid: string; frame_number: number },
    markId?: string,
  ): Promise<void> {
    const series = this.seriesOf(target);
    if (!series) return;
    if (this.grid.layout === "mpr") await this.grid.setLayout("1x1", this.series);
    const index = series.indexOf(target.sop_instance_uid, target.frame_number);
    await this.grid.show(this.grid.active, series, index);
    if (markId && this.drawing.content(markId)) this.drawing.select(markId);
  }

  private redraw(): void {
    for (const cell of this.grid.visible) cell.viewport?.render();
  }

  // ---- commands

  setLayout(layout: Layout): void {
    this.stopCine();
    if (layout !== "mpr") {
      if (this.tools.activeTool === "crosshairs") this.tools.activate("window");
      void this.grid.setLayout(layout, this.series);
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
    if (this.cine !== undefined) {
      this.stopCine();
      return;
    }
    const series = this.grid.active.series;
    if (!series || series.imageIds.length < 2) return;
    this.setRate(Math.min(60, Math.max(1, series.cineRate)));
    this.playCine();
  }

  private playCine(): void {
    clearInterval(this.cine);
    this.cine = setInterval(() => {
      const cell = this.grid.active;
      const count = cell.series?.imageIds.length ?? 0;
      const stack = cell.stackViewport;
      if (!stack || count < 2) return this.stopCine();
      const next = (cell.index + 1) % count;
      // Wait for a frame on its way rather than run ahead of it.
      if (cell.series!.queue.states[next] !== "loading") void cell.goTo(next);
    }, 1000 / this.rate);
    this.repaint();
  }

  private setRate(rate: number): void {
    this.rate = rate;
    if (this.cine !== undefined) this.playCine();
  }

  private stopCine(): void {
    if (this.cine === undefined) return;
    clearInterval(this.cine);
    this.cine = undefined;
    this.repaint();
  }

  toggleLink(): void {
    this.grid.linked = !this.grid.linked;
    this.repaint();
  }

  undo(): void {
    if (this.canDraw) this.marks.undo();
  }

  redo(): void {
    if (this.canDraw) this.marks.redo();
  }

  deleteSelected(): void {
    const mark = this.selected ? this.marks.get(this.selected) : undefined;
    if (mark && this.mayChange(mark)) this.marks.remove(mark.id);
  }

  markKeyImage(): void {
    const cell = this.grid.active;
    const series = cell.series;
    if (!series || cell.index < 0) {
      this.toast.say(this.t("key_image_stack"));
      return;
    }
    const [sop, frame] = series.set.frames[cell.index]!;
    if (this.keyImages.has(sop, frame)) {
      this.toast.say(this.t("key_image_known"));
      return;
    }
    const isGrey = !series.isColourAt(cell.index);
    const window = cell.range && isGrey ? windowOf(cell.range) : undefined;
    this.keyImages
      .add({
        study_instance_uid: series.set.study_instance_uid,
        series_instance_uid: series.set.series_instance_uid,
        sop_instance_uid: sop,
        sop_class_uid: series.sopClass(cell.index),
        frame_number: frame,
        window_center: window?.centre ?? null,
        window_width: window?.width ?? null,
        caption: "",
      })
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
    const stacks = this.series.filter((series) => series.set.kind === "stack");
    const now = stacks.indexOf(this.grid.active.series!);
    const next = stacks[(now + by + stacks.length) % stacks.length];
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
    if (this.toolbar.closeMenu() || this.closeOverlay()) return;
    for (const cell of this.grid.visible) this.drawing.cancel(cell.element);
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
    const isButton = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
    const found = commandOf(event);
    if (!found || (isButton && (event.key === " " || event.key === "Enter"))) return;
    if (this.overlay.childElementCount > 0 && found.id !== "escape" && found.id !== "help") return;
    if (found.draws && !this.canDraw) {
      this.toast.say(this.t("read_only"));
      return;
    }
    event.preventDefault();
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
      canUndo: this.marks.canUndo,
      canRedo: this.marks.canRedo,
      hasSelection: this.selected !== undefined,
      isInverted: active.isInverted,
      isPlaying: this.cine !== undefined,
      rate: this.rate,
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
    this.panel.root.hidden = !this.showsMarks;
    const marks = this.marks.all();
    if (this.showsMarks) this.panel.update(marks, this.selected, this.canDraw);
    this.paintSaveState();
    this.root.dataset["marks"] = String(marks.length);
    this.root.dataset["unsaved"] = String(this.marks.unsaved);
  }

  private paintSaveState(): void {
    const { unsaved } = this.marks;
    const isTroubled = unsaved > 0 && this.trouble !== null;
    this.saveState.hidden = unsaved === 0;
    this.saveState.classList.toggle("hv-trouble", isTroubled);
    const reason = inLanguage(this.trouble, this.language());
    this.saveState.replaceChildren(
      ...(isTroubled
        ? [icon(ICONS.cloud_off, 16), `${this.t("unsaved", { n: unsaved })}. ${reason} ${this.t("retry")}`]
        : [this.t("saving")]),
    );
  }
}
