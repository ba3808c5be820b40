/** The rows of buttons above the slides. */

import { h, icon } from "@common/dom";
import type { Language } from "@common/host";
import type { Translate } from "@common/i18n";
import { CLASSES } from "./classes";
import { type Actor, type Command, command } from "./commands";
import { ICONS } from "./icons";
import type { MessageKey } from "./messages";
import { isDigital, MAGNIFICATIONS, magnificationWords, MOST_ZOOM, nativeOf } from "./scale";
import { type Tool, TOOLS } from "./sketch";
import type { Slide } from "./types";

export interface ToolbarState {
  slide: Slide | undefined;
  magnification: number | undefined;
  degrees: number;
  tool: Tool;
  panes: number;
  isLocked: boolean;
  isFlipped: boolean;
  isRastering: boolean;
  showsColours: boolean;
  showsTray: boolean;
  showsMarks: boolean;
  hidesMarks: boolean;
  canDraw: boolean;
  canUndo: boolean;
  canRedo: boolean;
  hasSelection: boolean;
  canCount: boolean;
  chosenClass: number;
  standalone: boolean;
}

export interface ToolbarHooks {
  turnTo(degrees: number): void;
  choose(classIndex: number): void;
}

const POWERS = MAGNIFICATIONS.map((power) => `power-${power}`);
const ROWS: readonly (readonly (readonly string[])[])[] = [
  [
    ["tray"],
    ["fit", ...POWERS],
    ["turn", "angle", "flip"],
    ["raster"],
    ["single", "double", "lock"],
    ["colours"],
    ["full", "own-window", "help"],
  ],
  [TOOLS.map((tool) => `tool-${tool}`), ["class"], ["undo", "redo", "delete", "hide"], ["key-image"], ["count", "marks"]],
];

export class Toolbar {
  readonly root = h("div", { class: "hs-toolbar", role: "toolbar" });
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private readonly angle: HTMLInputElement;
  private readonly classes: HTMLSelectElement;
  private readonly swatch = h("i", { class: "hs-swatch" });

  constructor(
    private readonly actor: Actor,
    private readonly t: Translate<MessageKey>,
    private readonly language: () => Language,
    hooks: ToolbarHooks,
  ) {
    this.angle = h("input", {
      type: "number",
      class: "hs-angle",
      min: 0,
      max: 359,
      onchange: () => hooks.turnTo(Number(this.angle.value) || 0),
    });
    this.classes = h("select", {
      class: "hs-class",
      onchange: () => {
        hooks.choose(this.classes.selectedIndex);
        // Keys are commands again.
        this.classes.blur();
      },
    });
    for (const row of ROWS) {
      const line = h("div", { class: "hs-row" });
      for (const ids of row) {
        const group = h("div", { class: "hs-group" });
        for (const id of ids) {
          if (id === "angle") group.append(this.angle);
          else if (id === "class") group.append(this.swatch, this.classes);
          else group.append(this.button(command(id)));
        }
        line.append(group);
      }
      this.root.append(line);
    }
  }

  private button(of: Command): HTMLButtonElement {
    const made = h(
      "button",
      { type: "button", class: "hs-tool", "data-command": of.id, onclick: () => of.run(this.actor) },
      of.icon ? icon(ICONS[of.icon]) : null,
    );
    this.buttons.set(of.id, made);
    return made;
  }

  update(state: ToolbarState): void {
    for (const [id, button] of this.buttons) {
      const of = command(id);
      if (!POWERS.includes(id)) this.name(button, this.t(of.name), of.keys[0]!);
      button.disabled = of.draws === true && !state.canDraw;
      if (id.startsWith("tool-")) this.press(id, id === `tool-${state.tool}`);
    }
    this.writePowers(state);
    this.press("single", state.panes === 1);
    this.press("double", state.panes === 2);
    this.press("lock", state.isLocked);
    this.press("flip", state.isFlipped);
    this.press("raster", state.isRastering);
    this.press("colours", state.showsColours);
    this.press("tray", state.showsTray);
    this.press("marks", state.showsMarks);
    this.press("hide", state.hidesMarks);
    this.enable("lock", state.panes === 2);
    this.enable("undo", state.canUndo);
    this.enable("redo", state.canRedo);
    this.enable("delete", state.canDraw && state.hasSelection);
    this.enable("count", state.canDraw && state.canCount);
    this.buttons.get("own-window")!.hidden = state.standalone;
    this.buttons.get("hide")!.replaceChildren(icon(state.hidesMarks ? ICONS.eye_off : ICONS.eye));
    this.angle.title = this.t("angle_of");
    this.angle.setAttribute("aria-label", this.t("angle_of"));
    if (!this.angle.matches(":focus")) {
      this.angle.value = String(Math.round(state.degrees) % 360);
    }
    this.writeClasses(state);
  }

  private name(button: HTMLButtonElement, name: string, key: string): void {
    const title = `${name} (${key})`;
    if (button.title === title) return;
    button.title = title;
    button.setAttribute("aria-label", name);
  }

  private press(id: string, isPressed: boolean): void {
    this.buttons.get(id)!.setAttribute("aria-pressed", String(isPressed));
  }

  private enable(id: string, isEnabled: boolean): void {
    this.buttons.get(id)!.disabled = !isEnabled;
  }

  /** Which are digital depends on the slide; one beyond twice its resolution makes no sense. */
  private writePowers({ slide, magnification }: ToolbarState): void {
    for (const [index, power] of MAGNIFICATIONS.entries()) {
      const button = this.buttons.get(`power-${power}`)!;
      const words = magnificationWords(power, this.language());
      const native = slide && nativeOf(slide);
      const digital = slide !== undefined && isDigital(slide, power);
      const beyond = native === undefined || power > native * MOST_ZOOM * 1.08;
      button.textContent = words.replace("×", "");
      button.classList.add("hs-number");
      button.classList.toggle("hs-digital", digital);
      button.disabled = beyond;
      this.press(`power-${power}`, magnification !== undefined && Math.abs(magnification / power - 1) < 0.02);
      const key: MessageKey = beyond ? "magnify_beyond" : digital ? "magnify_digital" : "magnify";
      this.name(button, this.t(key, { power: words }), String(index + 1));
    }
  }

  private writeClasses({ chosenClass, canDraw }: ToolbarState): void {
    const language = this.language();
    if (this.classes.dataset["language"] !== language) {
      this.classes.dataset["language"] = language;
      this.classes.replaceChildren(...CLASSES.map(({ name }) => h("option", {}, name[language])));
      this.classes.title = this.t("class");
      this.classes.setAttribute("aria-label", this.t("class"));
    }
    this.classes.disabled = !canDraw;
    this.classes.selectedIndex = chosenClass;
    this.swatch.style.background = CLASSES[chosenClass]!.colour;
  }
}
