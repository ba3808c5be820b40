/** The viewer: tray, one or two slides, marks of one case, and every command on them. */

import type { Api } from "@common/api";
import { h } from "@common/dom";
import { listen, type RoomEvents } from "@common/events";
import { guardSession } from "@common/guard";
import type { Language } from "@common/host";
import type { Translate } from "@common/i18n";
import { Banner } from "./banner";
import { Board } from "./board";
import { CLASSES } from "./classes";
import { ColourPanel } from "./colourpanel";
import type { Actor } from "./commands";
import { countingOf } from "./counting";
import { Desk } from "./desk";
import { helpDialog, labelDialog, Toast } from "./dialogs";
import { Drawing } from "./drawing";
import { Errands } from "./errands";
import { Exchange } from "./exchange";
import { FoundPoints } from "./foundpoints";
import { listenKeys } from "./keys";
import type { MessageKey } from "./messages";
import { Overlay } from "./overlay";
import { Panel, type PanelHooks } from "./panel";
import { PointSets } from "./pointsets";
import type { CaseSlide, Prepared } from "./prepare";
import { mppOf } from "./scale";
import { Sides } from "./sides";
import type { Stage } from "./stage";
import { Toolbar } from "./toolbar";
import { labelWords, nameOf, Opened, Tray } from "./tray";
import type { Mark, SlideData } from "./types";
import { WalkSign } from "./walksign";

export class Viewer extends Drawing implements Actor {
  readonly root = h("div", { class: "hs-body" });
  protected readonly board: Board;
  protected readonly desk: Desk;
  private readonly tray: Tray;
  private readonly opened: Opened;
  private readonly toolbar: Toolbar;
  private readonly exchange: Exchange;
  private readonly panel: Panel;
  private readonly colourPanel: ColourPanel;
  private readonly pointSets: PointSets;
  private readonly found: FoundPoints;
  private readonly errands: Errands;
  private readonly banner: Banner;
  protected readonly toast = new Toast();
  private readonly sides: Sides;
  private readonly walkSign: WalkSign;
  protected readonly overlay = new Overlay();
  private readonly stops: (() => void)[] = [];
  private painting = 0;
  private isListDue = true;

  constructor(
    private readonly data: SlideData,
    private readonly api: Api,
    prepared: Prepared,
    protected readonly t: Translate<MessageKey>,
    private readonly language: () => Language,
    private readonly host: HTMLElement,
  ) {
    super();
    const { username } = prepared.user;
    this.opened = new Opened(`hoichan:opened:${username}:${data.case_id}`);
    this.board = new Board(api, data.case_id, prepared.canDraw, {
      t,
      language,
      username,
      shown: () => this.desk.stages,
      changed: () => this.relist(),
    });
    this.desk = new Desk(api, data.case_id, prepared.items, {
      t,
      language,
      board: this.board,
      colour: () => CLASSES[this.board.chosenClass]!.colour,
      finished: (on, tool, points) => this.finished(on, tool, points),
      opened: (stage, item) => this.slideOpened(stage, item),
      chosen: () => this.relist(),
      moved: () => this.repaint(),
    });
    this.tray = new Tray(prepared.items, this.opened, {
      base: api.base,
      t,
      language,
      open: (item) => void this.desk.open(item),
      showLabel: (item) => this.showLabel(item),
    });
    this.toolbar = new Toolbar(this, t, language, {
      turnTo: (degrees) => this.stage?.pane.turnTo(degrees),
      choose: (index) => this.chooseClass(index),
    });
    this.exchange = new Exchange(api, data.case_id, {
      t,
      language,
      series: () => this.stage?.pane.slide.series_instance_uid,
      imported: () => {
        this.board.retry();
        void this.pointSets.refresh();
      },
    });
    const listed: PanelHooks = {
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
    };
    this.panel = new Panel(listed, this.exchange);
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
    this.found = new FoundPoints(api, data.case_id, {
      language,
      stages: () => this.desk.stages,
      failed: () => this.toast.say(t("points_failed")),
    });
    this.errands = new Errands(api, data.case_id, data.standalone === true, {
      t,
      language,
      say: (sentence) => this.toast.say(sentence),
    });
    this.banner = new Banner(api, t);
    this.walkSign = new WalkSign(t);
    const roots = { tray: this.tray.root, colours: this.colourPanel.root, marks: this.panel.root };
    this.sides = new Sides(roots, () => this.root.clientWidth);
    if (prepared.items.length < 2) this.sides.toggle("tray");
    this.root.append(
      this.banner.root,
      this.toolbar.root,
      h("div", { class: "hs-main" }, this.tray.root, this.desk.root, this.colourPanel.root, this.panel.root, this.toast.root),
      this.board.saveState,
      this.walkSign.root,
      this.overlay.root,
    );
    this.listen();
    this.repaint();
    void this.desk.open(prepared.items[0]!);
    this.board.start();
    void this.pointSets.refresh();
  }

  private listen(): void {
    const caseId = this.data.case_id;
    const back = (): void => this.sessionBack();
    window.addEventListener("online", back);
    this.stops.push(
      listenKeys({
        root: this.root,
        actor: this,
        canDraw: () => this.board.canDraw,
        isCovered: () => this.overlay.isOpen,
        refused: () => this.toast.say(this.t("read_only")),
      }),
      () => window.removeEventListener("online", back),
      guardSession(this.api),
      this.api.onSession((signedIn) => signedIn && this.sessionBack()),
      listen("hoichan:ask-key-image", (detail) => {
        if (detail.case_id === caseId) this.markKeyImage();
      }),
      listen("hoichan:annotations", (detail) => {
        if (detail.case_id === caseId) void this.pointSets.refresh();
      }),
      this.found.listen(),
      listen("hoichan:show-layer", (detail) => {
        if (detail.case_id === caseId) void this.showFound(detail.result_id, detail.key);
      }),
      listen("hoichan:show", (detail) => {
        if (detail.case_id !== caseId) return;
        const item = this.desk.itemOf(detail.series_instance_uid);
        if (item) void this.show(item, detail.annotation_id, detail.region);
      }),
    );
  }

  destroy(): void {
    cancelAnimationFrame(this.painting);
    for (const stop of this.stops) stop();
    this.errands.destroy();
    this.board.destroy();
    this.desk.destroy();
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
    for (const { pane } of this.desk.stages) pane.rewrite();
    this.found.refill();
    this.relist();
  }

  // ---- slides

  private slideOpened(stage: Stage, item: CaseSlide): void {
    stage.sketch.tool = this.tool;
    stage.layer.hidden = this.hidden;
    stage.layer.isHidden = this.hidesMarks;
    void this.pointSets.fill(stage.points, item.series_instance_uid);
    void this.found.fill(stage);
    this.opened.add(item.slide);
    this.banner.show(item.study_instance_uid);
  }

  private show(item: CaseSlide, markId?: string, region?: RoomEvents["hoichan:show"]["region"]): Promise<void> {
    if (markId) this.board.select(markId);
    return this.desk.show(item, markId, region);
  }

  private async showFound(resultId: string, key: string): Promise<void> {
    const place = await this.found.regionOf(resultId, key);
    const item = place && this.desk.itemOf(place.series);
    if (item) await this.show(item, undefined, place.region);
  }

  private sessionBack(): void {
    this.board.retry();
    for (const { pane } of this.desk.stages) pane.retry();
  }

  private showLabel(item: CaseSlide): void {
    const words = labelWords(item);
    if (words !== "label") {
      this.toast.say(this.t(words));
      return;
    }
    const root = `${this.api.base}/slides/v1/${item.slide}/${item.version}`;
    const pictures = (["label", "overview"] as const).filter((name) => item[name]).map((name) => `${root}/${name}`);
    this.overlay.show(labelDialog(this.t, pictures, () => this.overlay.close()));
  }

  // ---- marks

  private jump(mark: Mark): void {
    const item = this.desk.itemOf(mark.content.series_instance_uid);
    if (item) void this.show(item, mark.id);
  }

  private pointsChanged(): void {
    for (const { points, pane } of this.desk.stages) {
      void this.pointSets.fill(points, pane.slide.series_instance_uid);
    }
    this.relist();
  }

  // ---- commands

  markKeyImage(): void {
    const pane = this.stage?.pane;
    if (pane) this.errands.takeKeyImage(pane, this.desk.item ? nameOf(this.desk.item) : "");
  }

  countSelected(): void {
    this.errands.count(this.board);
  }

  toggleHelp(): void {
    if (!this.overlay.close()) this.overlay.show(helpDialog(this.t, this.language(), () => this.overlay.close()));
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
    this.desk.setPanes(count);
    this.repaint();
  }

  toggleLock(): void {
    if (this.desk.toggleLock()) this.toast.say(this.t("locked"));
    this.repaint();
  }

  stepFocus(by: number): void {
    const pane = this.stage?.pane;
    if (!pane) return;
    pane.setFocus(pane.focus + by);
    this.colourPanel.rewrite();
  }

  toggleColours(): void {
    this.sides.toggle("colours");
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

  toggleMarks(): void {
    if (this.sides.toggle("marks")) void this.pointSets.refresh();
    this.relist();
  }

  toggleTray(): void {
    this.sides.toggle("tray");
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

  escape(): void {
    if (this.overlay.close() || this.exchange.close() || this.stage?.sketch.cancel()) return;
    if (this.stage?.raster) this.stage.raster = undefined;
    else if (this.tool !== "hand") this.setTool("hand");
    else this.board.select(undefined);
    this.repaint();
  }

  // ---- painting

  /** What is in the lists changed, too: not so when only the view moved. */
  protected relist(): void {
    this.isListDue = true;
    this.repaint();
  }

  protected repaint(): void {
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
      panes: this.desk.panes,
      isLocked: this.desk.isLocked,
      isFlipped: view?.flipped ?? false,
      isRastering: raster !== undefined,
      showsColours: this.sides.shows("colours"),
      showsTray: this.sides.shows("tray"),
      showsMarks: this.sides.shows("marks"),
      hidesMarks: this.hidesMarks,
      canDraw: this.board.canDraw,
      canUndo: this.board.canUndo,
      canRedo: this.board.canRedo,
      hasSelection: this.board.selected !== undefined,
      canCount: this.board.selected !== undefined && countingOf(this.board.get(this.board.selected)) !== undefined,
      chosenClass: this.board.chosenClass,
      standalone: this.data.standalone === true,
    });
    this.walkSign.show(raster);
    this.tray.select(new Set(this.desk.stages.map(({ pane }) => pane.slide.slide)), stage?.pane.slide.slide);
    this.desk.root.dataset["panes"] = String(this.desk.panes);
    if (this.sides.shows("colours")) this.colourPanel.show(stage?.pane);
    this.board.paint();
    if (this.isListDue) this.list(stage);
    this.root.dataset["unsaved"] = String(this.board.unsaved);
  }

  private list(stage: Stage | undefined): void {
    this.isListDue = false;
    const uid = stage?.pane.slide.series_instance_uid;
    const marks = uid === undefined ? [] : this.board.of(uid);
    this.root.dataset["marks"] = String(marks.length);
    if (!this.sides.shows("marks") || uid === undefined) return;
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
