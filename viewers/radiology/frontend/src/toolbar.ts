/** The row of buttons above the viewports. */

import { h, icon } from "@common/dom";
import type { Language } from "@common/host";
import { number, type Translate } from "@common/i18n";
import { type Actor, type Command, command, type Layout } from "./commands";
import { ICONS } from "./icons";
import type { MessageKey } from "./messages";
import type { ToolName } from "./toolgroups";
import { presetOf, type Range, windowOf, WINDOWS } from "./windows";

export interface ToolbarState {
  tool: ToolName;
  layout: Layout;
  range: Range | undefined;
  /** CT presets make sense for the active viewport. */
  isCt: boolean;
  canDraw: boolean;
  canUndo: boolean;
  canRedo: boolean;
  hasSelection: boolean;
  isInverted: boolean;
  isPlaying: boolean;
  rate: number;
  isLinked: boolean;
  showsMarks: boolean;
  showsStrip: boolean;
  standalone: boolean;
  /** Why there are no three planes; "" when there are. */
  mprRefusal: string;
}

const GROUPS: readonly (readonly string[])[] = [
  ["strip"],
  ["layout-1x1", "layout-1x2", "layout-2x2", "layout-mpr"],
  ["windows"],
  ["tool-window", "tool-pan", "tool-zoom", "tool-scroll", "tool-crosshairs"],
  ["tool-length", "tool-angle", "tool-ellipse", "tool-rectangle", "tool-probe", "tool-arrow"],
  ["undo", "redo", "delete"],
  ["reset", "invert", "cine", "link"],
  ["key-image"],
  ["marks", "own-window", "help"],
];

export class Toolbar {
  readonly root: HTMLDivElement;
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private readonly windowButton: HTMLButtonElement;
  private readonly windowLabel = h("span", { class: "hv-window-name" });
  private readonly menu = h("div", { class: "hv-menu", role: "menu", hidden: true });
  private readonly rate: HTMLInputElement;

  constructor(
    private readonly actor: Actor,
    private readonly t: Translate<MessageKey>,
    private readonly language: () => Language,
    setRate: (rate: number) => void,
  ) {
    this.windowButton = h(
      "button",
      { type: "button", class: "hv-tool hv-window", "aria-haspopup": "menu", onclick: () => this.toggleMenu() },
      this.windowLabel,
      icon(ICONS.down, 14),
    );
    this.rate = h("input", {
      type: "number",
      class: "hv-rate",
      min: 1,
      max: 60,
      onchange: () => setRate(Math.max(1, Math.min(60, Number(this.rate.value) || 10))),
    });
    this.root = h("div", { class: "hv-toolbar", role: "toolbar" });
    for (const ids of GROUPS) {
      const group = h("div", { class: "hv-group" });
      for (const id of ids) {
        if (id === "windows") group.append(this.windowButton, this.menu);
        else group.append(this.button(command(id)));
        if (id === "cine") group.append(this.rate);
      }
      this.root.append(group);
    }
  }

  private button(of: Command): HTMLButtonElement {
    const made = h(
      "button",
      { type: "button", class: "hv-tool", "data-command": of.id, onclick: () => of.run(this.actor) },
      of.icon ? icon(ICONS[of.icon]) : null,
    );
    this.buttons.set(of.id, made);
    return made;
  }

  closeMenu(): boolean {
    const wasOpen = !this.menu.hidden;
    this.menu.hidden = true;
    this.windowButton.setAttribute("aria-expanded", "false");
    return wasOpen;
  }

  private toggleMenu(): void {
    if (this.closeMenu()) return;
    const item = (of: Command, detail: string): HTMLButtonElement =>
      h(
        "button",
        {
          type: "button",
          role: "menuitem",
          "data-command": of.id,
          onclick: () => {
            this.closeMenu();
            of.run(this.actor);
          },
        },
        h("kbd", {}, of.keys[0]!),
        h("span", {}, this.t(of.name)),
        h("small", {}, detail),
      );
    this.menu.replaceChildren(
      ...WINDOWS.map((preset) =>
        item(command(`window-${preset.key}`), `W ${preset.width} · L ${preset.centre}`),
      ),
      item(command("window-0"), ""),
    );
    this.menu.hidden = false;
    this.windowButton.setAttribute("aria-expanded", "true");
    (this.menu.firstElementChild as HTMLElement).focus();
  }

  update(state: ToolbarState): void {
    for (const [id, button] of this.buttons) {
      const of = command(id);
      const name = this.t(of.name);
      button.title = `${name} (${of.keys[0]})`;
      button.setAttribute("aria-label", name);
      button.disabled = of.draws === true && !state.canDraw;
    }
    const press = (id: string, isPressed: boolean): void =>
      this.buttons.get(id)!.setAttribute("aria-pressed", String(isPressed));
    for (const id of this.buttons.keys()) {
      if (id.startsWith("tool-")) press(id, id === `tool-${state.tool}`);
      if (id.startsWith("layout-")) press(id, id === `layout-${state.layout}`);
    }
    press("invert", state.isInverted);
    press("cine", state.isPlaying);
    press("link", state.isLinked);
    press("marks", state.showsMarks);
    press("strip", state.showsStrip);
    this.enable("undo", state.canDraw && state.canUndo);
    this.enable("redo", state.canDraw && state.canRedo);
    this.enable("delete", state.canDraw && state.hasSelection);
    this.enable("tool-crosshairs", state.layout === "mpr");
    this.buttons.get("own-window")!.hidden = state.standalone;
    const mpr = this.buttons.get("layout-mpr")!;
    mpr.classList.toggle("hv-refused", state.mprRefusal !== "");
    if (state.mprRefusal) mpr.title += `\n${state.mprRefusal}`;
    this.buttons.get("cine")!.replaceChildren(icon(state.isPlaying ? ICONS.pause : ICONS.play));
    this.rate.hidden = !state.isPlaying;
    this.rate.title = this.t("cine_rate");
    this.rate.setAttribute("aria-label", this.t("cine_rate"));
    if (document.activeElement !== this.rate) this.rate.value = String(state.rate);
    this.writeWindow(state);
  }

  private enable(id: string, isEnabled: boolean): void {
    this.buttons.get(id)!.disabled = !isEnabled;
  }

  private writeWindow(state: ToolbarState): void {
    this.windowButton.disabled = !state.range || !state.isCt;
    this.windowButton.title = `${this.t("windows")} (1–8, 0)`;
    if (!state.range) {
      this.windowLabel.textContent = this.t("windows");
      return;
    }
    const preset = state.isCt ? presetOf(state.range) : undefined;
    const { width, centre } = windowOf(state.range);
    const whole = (value: number): string => number(value, 0, this.language());
    const name = preset ? this.t(preset.name) : this.t("windows");
    this.windowLabel.textContent = `${name} ${whole(width)}/${whole(centre)}`;
  }
}
