/** The viewer: tray, one or two slides, marks of one case, and every command on them. */

import type { Api } from "@common/api";
import { h, isTyping } from "@common/dom";
import { listen, type Region } from "@common/events";
import { guardSession } from "@common/guard";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";
import { KeyImages, reasonOf } from "@common/keyimages";
import { Banner } from "./banner";
import { Board } from "./board";
import { CLASSES } from "./classes";
import { ColourPanel } from "./colourpanel";
import { type Actor, commandOf } from "./commands";
import { helpDialog, labelDialog, textDialog, Toast } from "./dialogs";
import { Lock } from "./lock";
import type { MessageKey } from "./messages";
import { Panel } from "./panel";
import { PointSets } from "./pointsets";
import { type CaseSlide, type Prepared, Slides } from "./prepare";
import { magnificationWords, mppOf } from "./scale";
import type { Tool } from "./sketch";
import { Stage } from "./stage";
import { Toolbar } from "./toolbar";
import { nameOf, Opened, Tray } from "./tray";
import type { Mark, SlideData } from "./types";

export class Viewer implements Actor {
  readonly root = h("div", { class: "hs-body" });
  private readonly slides: Slides;
  private readonly board: Board;
  private readonly tray: Tray;
  private readonly opened: Opened;
  private readonly toolbar: Toolbar;
  private readonly panel: Panel;
  private readonly colourPanel: ColourPanel;
  private readonly pointSets: PointSets;
  private readonly keyImages: KeyImages;
  private readonly banner: Banner;
  private readonly toast = new Toast();
  private readonly place = h("div", { class: "hs-stages" });
  private readonly progress = h("div", { class: "hs-progress", role: "status", hidden: true });
  private readonly overlay = h("div", { class: "hs-overlay" });
  private readonly stops: (() => void)[] = [];
  private readonly hidden = new Set<string>();
  private stages: Stage[] = [];
  private active = 0;
  private panes: 1 | 2 = 1;
  private lock: Lock | undefined;
  private tool: Tool = "hand";
  private hidesMarks = false;
  private showsMarks = false;
  private showsTray: boolean;
  private painting = 0;
  private opening = 0;
  private isListDue = true;

  constructor(
    private readonly data: SlideData,
    private readonly api: Api,
    private readonly prepared: Prepared,
    private readonly t: Translate<MessageKey>,
    private readonly language: () => Language,
    private readonly host: HTMLElement,
  ) {
    const { username } = prepared.user;
    this.slides = new Slides(api);
    this.opened = new Opened(`hoichan:opened:${username}:${data.case_id}`);
    this.showsTray = prepared.items.length > 1;
    this.board = new Board(api, data.case_id, prepared.canDraw, {
      t,
      language,
      username,
      shown: () => this.stages,
      changed: () => this.relist(),
    });
    this.tray = new Tray(prepared.items, this.opened, {
      base: api.base,
      t,
      language,
      open: (item) => void this.open(item),
      showLabel: (item) => this.showLabel(item),
    });
    this.toolbar = new Toolbar(this, t, language, {
      turnTo: (degrees) => this.stage?.pane.turnTo(degrees),
      choose: (index) => this.chooseClass(index),
    });
    this.panel = new Panel({
      t,
      language,
      isMine: (mark) => this.board.isMine(mark),
      mayChange: (id) => this.board.mayChange(id),
      jump: (mark) => this.jump(mark),
      rename: (mark) => this.rename(mark),
      remove: (mark) => this.board.remove(mark.id),
      hide: (name) => this.hideClass(name),
      showPoints: (set, isOn) => this.pointSets.turn(set.id, isOn),
      close: () => this.toggleMarks(),
    });
    this.colourPanel = new ColourPanel({
      t,
      language,
      close: () => this.toggleColours(),
      focus: (plane) => this.stage?.pane.setFocus(plane),
    });
    this.pointSets = new PointSets(
      api,
      data.case_id,
      () => this.pointsChanged(),
      () => this.toast.say(t("points_failed")),
    );
    this.keyImages = new KeyImages(api, data.case_id, data.standalone === true);
    this.banner = new Banner(api, t);
    this.root.append(
      this.banner.root,
      this.toolbar.root,
      h("div", { class: "hs-main" }, this.tray.root, this.place, this.colourPanel.root, this.panel.root),
      this.board.saveState,
      this.progress,
      this.toast.root,
      this.overlay,
    );
    this.listen();
    this.repaint();
    void this.open(prepared.items[0]!);
    this.board.start();
    void this.pointSets.refresh();
  }

  private listen(): void {
    const caseId = this.data.case_id;
    const keys = (event: KeyboardEvent): void => this.onKey(event);
    const back = (): void => this.sessionBack();
    window.addEventListener("keydown", keys, { capture: true });
    window.addEventListener("online", back);
    this.stops.push(
      () => window.removeEventListener("keydown", keys, { capture: true }),
      () => window.removeEventListener("online", back),
      guardSession(this.api),
      this.api.onSession((signedIn) => signedIn && this.sessionBack()),
      listen("hoichan:ask-key-image", (detail) => {
        if (detail.case_id === caseId) this.markKeyImage();
      }),
      listen("hoichan:annotations", (detail) => {
        if (detail.case_id === caseId) void this.pointSets.refresh();
      }),
      listen("hoichan:show", (detail) => {
        if (detail.case_id !== caseId) return;
        const item = this.itemOf(detail.series_instance_uid);
        if (item) void this.show(item, detail.annotation_id, detail.region);
      }),
    );
  }

  destroy(): void {
    this.opening++;
    cancelAnimationFrame(this.painting);
    for (const stop of this.stops) stop();
    this.board.destroy();
    for (const stage of this.stages) stage.destroy();
  }

  allowDrawing(canDraw: boolean): void {
    this.board.canDraw = canDraw;
    if (!canDraw) this.setTool("hand");
    this.relist();
  }

  /** The language changed. */
  rewrite(): void {
    this.tray.rewrite();
    this.banner.rewrite();
    this.board.rewrite();
    this.colourPanel.rewrite();
    for (const { pane } of this.stages) pane.rewrite();
    this.relist();
  }

  private get stage(): Stage | undefined {
    return this.stages[this.active];
  }

  private itemOf(seriesInstanceUid: string): CaseSlide | undefined {
    return this.prepared.items.find((item) => item.series_instance_uid === seriesInstanceUid);
  }

  private get item(): CaseSlide | undefined {
    const uid = this.stage?.pane.slide.series_instance_uid;
    return uid === undefined ? undefined : this.itemOf(uid);
  }

  // ---- slides

  /** Show a slide in pane `at`; the others stay as they are. */
  private async open(item: CaseSlide, at = this.active): Promise<Stage | undefined> {
    const known = this.stages[at];
    if (known?.pane.slide.slide === item.slide) return known;
    const attempt = ++this.opening;
    try {
      const slide = await this.slides.get(item.slide);
      if (attempt !== this.opening) return undefined;
      this.lock = undefined;
      this.place.querySelector(".hs-refusal")?.remove();
      const stage = new Stage(this.api, slide, this.data.case_id, {
        t: this.t,
        language: this.language,
        board: this.board,
        colour: () => CLASSES[this.board.chosenClass]!.colour,
        moved: (moved) => this.moved(moved),
        chosen: (chosen) => this.choose(this.stages.indexOf(chosen)),
        finished: (on, tool, points) => this.finished(on, tool, points),
      });
      known?.destroy();
      this.stages[at] = stage;
      this.place.replaceChildren(...this.stages.map(({ pane }) => pane.root));
      stage.sketch.tool = this.tool;
      stage.layer.hidden = this.hidden;
      stage.layer.isHidden = this.hidesMarks;
      void this.pointSets.fill(stage.points, slide.series_instance_uid);
      this.opened.add(item.slide);
      this.banner.show(item.study_instance_uid);
      this.choose(at);
      // The reader most often goes on to the next one.
      const next = this.prepared.items[this.prepared.items.indexOf(item) + 1];
      if (next) this.slides.ahead(next.slide).catch(() => undefined);
      return stage;
    } catch (error) {
      if (attempt === this.opening) this.refused(item, at, error);
      return undefined;
    }
  }

  private refused(item: CaseSlide, at: number, error: unknown): void {
    console.error(error);
    const reason = reasonOf(error, { vi: "", en: "" });
    const again = (): void => {
      this.place.querySelector(".hs-refusal")?.remove();
      void this.open(item, at);
    };
    this.place.append(
      h(
        "div",
        { class: "hs-refusal", role: "alert" },
        h("p", {}, `${nameOf(item)} ${this.t("slide_failed")} ${inLanguage(reason, this.language())}`.trim()),
        h("button", { type: "button", class: "hc-button", onclick: again }, this.t("retry")),
      ),
    );
  }

  private choose(index: number): void {
    if (index < 0) return;
    this.active = index;
    for (const [at, { pane }] of this.stages.entries()) pane.choose(at === index && this.stages.length > 1);
    this.relist();
  }

  private moved(stage: Stage): void {
    this.lock?.moved(stage.pane);
    this.repaint();
  }

  private async show(item: CaseSlide, markId?: string, region?: Region | null): Promise<void> {
    const at = this.stages.findIndex(({ pane }) => pane.slide.slide === item.slide);
    if (at >= 0) this.choose(at);
    const stage = at >= 0 ? this.stages[at] : await this.open(item);
    if (!stage) return;
    if (markId) {
      this.board.select(markId);
      // A slide just opened fits itself first.
      requestAnimationFrame(() => stage.goTo(markId));
    } else if (region) {
      const [w, t] = stage.pane.size;
      const scale = Math.min(w / region.width, t / region.height);
      requestAnimationFrame(() =>
        stage.pane.goTo([region.x + region.width / 2, region.y + region.height / 2], scale),
      );
    }
  }

  private sessionBack(): void {
    this.board.retry();
    for (const { pane } of this.stages) pane.retry();
  }

  private showLabel(item: CaseSlide): void {
    const root = `${this.api.base}/slides/v1/${item.slide}/${item.version}`;
    const close = (): void => void this.closeOverlay();
    this.overlay.replaceChildren(labelDialog(this.t, [`${root}/label`, `${root}/overview`], close));
    this.overlay.querySelector("button")?.focus();
  }

  // ---- marks

  private finished(stage: Stage, tool: Exclude<Tool, "hand">, points: Parameters<Board["add"]>[1]): void {
    if (tool !== "text") {
      this.board.add(tool, points, stage.pane);
      // Counting and pointing go on; other tools are done after one.
      if (tool !== "counter" && tool !== "point") this.setTool("hand");
      return;
    }
    this.setTool("hand");
    this.overlay.replaceChildren(
      textDialog(this.t, "", (text) => {
        if (text) this.board.add("text", points, stage.pane, text);
      }),
    );
  }

  private rename(mark: Mark): void {
    this.overlay.replaceChildren(
      textDialog(this.t, mark.content.text, (text) => {
        if (text !== undefined) this.board.rename(mark.id, text);
      }),
    );
  }

  private jump(mark: Mark): void {
    const item = this.itemOf(mark.content.series_instance_uid);
    if (item) void this.show(item, mark.id);
  }

  private chooseClass(index: number): void {
    this.board.chosenClass = index;
    // With a drawing tool in hand the class is meant for the next mark.
    if (this.tool === "hand") this.board.reclassify();
    this.repaint();
  }

  private hideClass(name: string): void {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    for (const { layer } of this.stages) layer.redraw();
    this.relist();
  }

  private pointsChanged(): void {
    for (const { points, pane } of this.stages) {
      void this.pointSets.fill(points, pane.slide.series_instance_uid);
    }
    this.relist();
  }

  // ---- commands

  magnify(magnification: number): void {
    this.stage?.pane.magnify(magnification);
  }

  magnifyNative(): void {
    const pane = this.stage?.pane;
    if (pane) pane.setView({ ...pane.view(true), scale: 1 });
  }

  zoomBy(factor: number): void {
    this.stage?.pane.zoomBy(factor);
  }

  fit(): void {
    this.stage?.pane.fit();
  }

  pan(right: number, down: number): void {
    this.stage?.pane.pan(right, down);
  }

  turnBy(degrees: number): void {
    const pane = this.stage?.pane;
    pane?.turnTo(pane.view(true).degrees + degrees);
  }

  turnBack(): void {
    this.stage?.pane.turnTo(0);
  }

  flip(): void {
    this.stage?.pane.flip();
    this.repaint();
  }

  raster(by: number): void {
    const { stage } = this;
    if (!stage || (by < 0 && !stage.raster)) return;
    if (!stage.walk(by) && by > 0) this.toast.say(this.t("raster_done"));
    this.repaint();
  }

  setPanes(count: 1 | 2): void {
    if (count === this.panes) return;
    this.panes = count;
    this.lock = undefined;
    if (count === 1) {
      const kept = this.stage;
      for (const stage of this.stages) if (stage !== kept) stage.destroy();
      this.stages = kept ? [kept] : [];
      this.choose(0);
      return;
    }
    const { items } = this.prepared;
    const here = this.item ? items.indexOf(this.item) : 0;
    const other = items[(here + 1) % items.length];
    if (other) void this.open(other, 1);
  }

  toggleLock(): void {
    const [first, second] = this.stages;
    if (this.lock || !first || !second) this.lock = undefined;
    else {
      this.lock = new Lock(first.pane, second.pane);
      this.toast.say(this.t("locked"));
    }
    this.repaint();
  }

  nextPane(): void {
    this.choose((this.active + 1) % Math.max(1, this.stages.length));
  }

  stepSlide(by: number): void {
    const { items } = this.prepared;
    const next = items[(this.item ? items.indexOf(this.item) : 0) + by];
    if (next) void this.open(next);
  }

  stepFocus(by: number): void {
    const pane = this.stage?.pane;
    if (!pane) return;
    pane.setFocus(pane.focus + by);
    this.colourPanel.rewrite();
  }

  toggleColours(): void {
    this.colourPanel.root.hidden = !this.colourPanel.root.hidden;
    this.repaint();
  }

  toggleCorrection(): void {
    const pane = this.stage?.pane;
    if (!pane?.slide.icc) {
      this.toast.say(this.t("correction_none"));
      return;
    }
    pane.look.corrected = !pane.look.corrected;
    pane.repaint();
    this.colourPanel.rewrite();
  }

  setTool(tool: Tool): void {
    this.tool = tool;
    for (const { sketch } of this.stages) sketch.tool = tool;
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
    for (const { layer } of this.stages) {
      layer.isHidden = this.hidesMarks;
      layer.redraw();
    }
    if (this.hidesMarks) this.toast.say(this.t("hidden"));
    this.repaint();
  }

  markKeyImage(): void {
    const pane = this.stage?.pane;
    if (!pane) return;
    const { slide } = pane;
    const magnification = pane.magnification();
    const image = {
      study_instance_uid: slide.study_instance_uid,
      series_instance_uid: slide.series_instance_uid,
      sop_instance_uid: slide.sop_instance_uid,
      sop_class_uid: slide.sop_class_uid,
      frame_number: 1,
      window_center: null,
      window_width: null,
      caption: [
        this.item ? nameOf(this.item) : "",
        magnification === undefined ? "" : magnificationWords(magnification, this.language()),
      ]
        .filter(Boolean)
        .join(" · "),
      region: { slide: slide.slide, ...pane.region },
    };
    if (this.keyImages.has(image)) {
      this.toast.say(this.t("key_image_known"));
      return;
    }
    this.keyImages.add(image).then(
      () => this.toast.say(this.t("key_image_added")),
      (error: unknown) => {
        const reason = reasonOf(error, { vi: "lỗi không rõ", en: "unknown error" });
        this.toast.say(this.t("key_image_failed", { reason: inLanguage(reason, this.language()) }));
      },
    );
  }

  toggleMarks(): void {
    this.showsMarks = !this.showsMarks;
    if (this.showsMarks) void this.pointSets.refresh();
    this.relist();
  }

  toggleTray(): void {
    this.showsTray = !this.showsTray;
    this.repaint();
  }

  toggleFull(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.host.requestFullscreen().catch(() => undefined);
  }

  openOwnWindow(): void {
    if (this.data.standalone) return;
    window.open(`${this.api.base}/viewer?case=${encodeURIComponent(this.data.case_id)}`, "_blank");
  }

  toggleHelp(): void {
    if (this.closeOverlay()) return;
    this.overlay.append(helpDialog(this.t, this.language(), () => this.closeOverlay()));
    this.overlay.querySelector("button")?.focus();
  }

  escape(): void {
    if (this.closeOverlay() || this.stage?.sketch.cancel()) return;
    if (this.stage?.raster) this.stage.raster = undefined;
    else if (this.tool !== "hand") this.setTool("hand");
    else this.board.select(undefined);
    this.repaint();
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
    // Keys pressed in another part of the page are that part's; on the bare page they are ours.
    if (!path.includes(this.root) && target !== document.body) return;
    const found = commandOf(event);
    const isButton = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
    const isSlider = target instanceof HTMLInputElement && event.key.startsWith("Arrow");
    // Once a tool was clicked, the space bar walks on; elsewhere it presses the button.
    const presses = isButton && (event.key === " " || event.key === "Enter") && !target.closest(".hs-toolbar");
    if (!found || presses || isSlider) return;
    if (this.overlay.childElementCount > 0 && found.id !== "escape" && found.id !== "help") return;
    if (found.draws && !this.board.canDraw) {
      this.toast.say(this.t("read_only"));
      return;
    }
    event.preventDefault();
    // Streamlit has keys of its own on the document (R runs the page again, C clears its cache).
    event.stopPropagation();
    found.run(this);
  }

  // ---- painting

  /** What is in the lists changed, too: not so when only the view moved. */
  private relist(): void {
    this.isListDue = true;
    this.repaint();
  }

  private repaint(): void {
    this.painting ||= requestAnimationFrame(() => {
      this.painting = 0;
      this.paint();
    });
  }

  private paint(): void {
    const { stage } = this;
    const view = stage && stage.pane.size[0] > 0 ? stage.pane.view() : undefined;
    const raster = stage?.raster;
    this.toolbar.update({
      slide: stage?.pane.slide,
      magnification: view && mppOf(stage!.pane.slide) ? stage!.pane.magnification(true) : undefined,
      degrees: view?.degrees ?? 0,
      tool: this.tool,
      panes: this.panes,
      isLocked: this.lock !== undefined,
      isFlipped: view?.flipped ?? false,
      isRastering: raster !== undefined,
      showsColours: !this.colourPanel.root.hidden,
      showsTray: this.showsTray,
      showsMarks: this.showsMarks,
      hidesMarks: this.hidesMarks,
      canDraw: this.board.canDraw,
      canUndo: this.board.canUndo,
      canRedo: this.board.canRedo,
      hasSelection: this.board.selected !== undefined,
      chosenClass: this.board.chosenClass,
      standalone: this.data.standalone === true,
    });
    this.progress.hidden = raster === undefined;
    if (raster) {
      const said = this.t("raster_at", { n: raster.position, total: raster.total });
      this.progress.replaceChildren(h("b", {}, said), h("small", {}, this.t("raster_hint")));
      this.progress.style.setProperty("--share", String(raster.position / raster.total));
    }
    this.tray.root.hidden = !this.showsTray;
    this.tray.select(new Set(this.stages.map(({ pane }) => pane.slide.slide)), stage?.pane.slide.slide);
    this.place.dataset["panes"] = String(this.panes);
    if (!this.colourPanel.root.hidden) this.colourPanel.show(stage?.pane);
    this.board.paint();
    this.panel.root.hidden = !this.showsMarks;
    if (this.isListDue) this.list(stage);
    this.root.dataset["unsaved"] = String(this.board.unsaved);
  }

  private list(stage: Stage | undefined): void {
    this.isListDue = false;
    const uid = stage?.pane.slide.series_instance_uid;
    const marks = uid === undefined ? [] : this.board.of(uid);
    this.root.dataset["marks"] = String(marks.length);
    if (!this.showsMarks || uid === undefined) return;
    this.panel.update({
      marks,
      selected: this.board.selected,
      hidden: this.hidden,
      canDraw: this.board.canDraw,
      points: this.pointSets.of(uid),
      pointsOn: this.pointSets.on,
    });
  }
}
