/** Everything a reader can do, once: toolbar, keyboard and help are made from this table. */

import type { IconName } from "./icons";
import type { MessageKey } from "./messages";
import { MAGNIFICATIONS } from "./scale";
import type { Tool } from "./sketch";

/** What commands act on; the viewer is one. */
export interface Actor {
  magnify(magnification: number): void;
  magnifyNative(): void;
  zoomBy(factor: number): void;
  fit(): void;
  pan(right: number, down: number): void;
  turnBy(degrees: number): void;
  turnBack(): void;
  flip(): void;
  raster(by: number): void;
  setPanes(count: 1 | 2): void;
  toggleLock(): void;
  nextPane(): void;
  stepSlide(by: number): void;
  stepFocus(by: number): void;
  toggleColours(): void;
  toggleCorrection(): void;
  setTool(tool: Tool): void;
  undo(): void;
  redo(): void;
  deleteSelected(): void;
  finish(): void;
  hideMarks(): void;
  markKeyImage(): void;
  countSelected(): void;
  toggleMarks(): void;
  toggleTray(): void;
  toggleFull(): void;
  openOwnWindow(): void;
  toggleHelp(): void;
  escape(): void;
}

export type Group = "power" | "move" | "view" | "tools" | "marks";

export interface Command {
  id: string;
  group: Group;
  name: MessageKey;
  /** As printed on a key cap. */
  keys: readonly string[];
  icon?: IconName;
  /** Needs the right to draw. */
  draws?: boolean;
  run(actor: Actor): void;
}

const tool = (name: Tool, key: string): Command => ({
  id: `tool-${name}`,
  group: "tools",
  name: `tool_${name}`,
  keys: [key],
  icon: name,
  draws: name !== "hand",
  run: (actor) => actor.setTool(name),
});

const move = (id: string, keys: readonly string[], right: number, down: number): Command => ({
  id,
  group: "move",
  name: "key_pan",
  keys,
  run: (actor) => actor.pan(right, down),
});

export const COMMANDS: readonly Command[] = [
  ...MAGNIFICATIONS.map(
    (power, index): Command => ({
      id: `power-${power}`,
      group: "power",
      name: "magnify",
      keys: [String(index + 1)],
      run: (actor) => actor.magnify(power),
    }),
  ),
  { id: "native", group: "power", name: "native", keys: ["7"], run: (a) => a.magnifyNative() },
  { id: "fit", group: "power", name: "fit", keys: ["0", "Home"], icon: "fit", run: (a) => a.fit() },
  { id: "zoom-in", group: "power", name: "key_zoom", keys: ["+"], run: (a) => a.zoomBy(1.4) },
  { id: "zoom-out", group: "power", name: "key_zoom", keys: ["-"], run: (a) => a.zoomBy(1 / 1.4) },
  move("up", ["↑", "W"], 0, -1),
  move("down", ["↓", "S"], 0, 1),
  move("left", ["←", "A"], -1, 0),
  move("right", ["→", "D"], 1, 0),
  { id: "raster", group: "move", name: "raster", keys: ["Space"], icon: "raster", run: (a) => a.raster(1) },
  { id: "raster-back", group: "move", name: "raster_back", keys: ["Shift+Space"], run: (a) => a.raster(-1) },
  { id: "slide-back", group: "move", name: "key_slide", keys: ["[", "PageUp"], run: (a) => a.stepSlide(-1) },
  { id: "slide-on", group: "move", name: "key_slide", keys: ["]", "PageDown"], run: (a) => a.stepSlide(1) },
  { id: "focus-down", group: "move", name: "key_focus", keys: [","], run: (a) => a.stepFocus(-1) },
  { id: "focus-up", group: "move", name: "key_focus", keys: ["."], run: (a) => a.stepFocus(1) },
  { id: "single", group: "view", name: "single", keys: ["Shift+1"], icon: "single", run: (a) => a.setPanes(1) },
  { id: "double", group: "view", name: "double", keys: ["Shift+2"], icon: "double", run: (a) => a.setPanes(2) },
  { id: "lock", group: "view", name: "lock", keys: ["Shift+L"], icon: "lock", run: (a) => a.toggleLock() },
  { id: "pane", group: "view", name: "key_pane", keys: ["/"], run: (a) => a.nextPane() },
  { id: "turn", group: "view", name: "turn", keys: ["R"], icon: "turn", run: (a) => a.turnBy(90) },
  { id: "turn-other", group: "view", name: "turn_other", keys: ["Shift+R"], run: (a) => a.turnBy(-90) },
  { id: "turn-left", group: "view", name: "turn_little", keys: ["Q"], run: (a) => a.turnBy(-5) },
  { id: "turn-right", group: "view", name: "turn_little", keys: ["E"], run: (a) => a.turnBy(5) },
  { id: "turn-back", group: "view", name: "turn_back", keys: ["Shift+Q"], run: (a) => a.turnBack() },
  { id: "flip", group: "view", name: "flip", keys: ["F"], icon: "flip", run: (a) => a.flip() },
  { id: "colours", group: "view", name: "colours", keys: ["I"], icon: "colours", run: (a) => a.toggleColours() },
  { id: "correction", group: "view", name: "correction", keys: ["Shift+I"], run: (a) => a.toggleCorrection() },
  { id: "tray", group: "view", name: "tray", keys: ["B"], icon: "tray", run: (a) => a.toggleTray() },
  { id: "full", group: "view", name: "full", keys: ["Shift+F"], icon: "full", run: (a) => a.toggleFull() },
  { id: "own-window", group: "view", name: "own_window", keys: ["Shift+O"], icon: "own_window", run: (a) => a.openOwnWindow() },
  { id: "help", group: "view", name: "help", keys: ["?"], icon: "help", run: (a) => a.toggleHelp() },
  tool("hand", "V"),
  tool("point", "P"),
  tool("line", "L"),
  tool("polyline", "Y"),
  tool("polygon", "O"),
  tool("freehand", "H"),
  tool("rectangle", "X"),
  tool("ellipse", "C"),
  tool("text", "T"),
  tool("length", "M"),
  tool("angle", "G"),
  tool("box", "Z"),
  tool("counter", "U"),
  { id: "finish", group: "marks", name: "key_finish", keys: ["Enter"], run: (a) => a.finish() },
  { id: "undo", group: "marks", name: "undo", keys: ["Ctrl+Z"], icon: "undo", draws: true, run: (a) => a.undo() },
  { id: "redo", group: "marks", name: "redo", keys: ["Ctrl+Y", "Ctrl+Shift+Z"], icon: "redo", draws: true, run: (a) => a.redo() },
  { id: "delete", group: "marks", name: "delete", keys: ["Delete"], icon: "delete", draws: true, run: (a) => a.deleteSelected() },
  { id: "hide", group: "marks", name: "hide", keys: ["J"], icon: "eye", run: (a) => a.hideMarks() },
  { id: "key-image", group: "marks", name: "key_image", keys: ["K"], icon: "key_image", run: (a) => a.markKeyImage() },
  { id: "count", group: "marks", name: "count", keys: ["Shift+N"], icon: "count", draws: true, run: (a) => a.countSelected() },
  { id: "marks", group: "marks", name: "marks", keys: ["N"], icon: "marks", run: (a) => a.toggleMarks() },
  { id: "escape", group: "marks", name: "key_escape", keys: ["Esc"], run: (a) => a.escape() },
];

const NAMED: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
  Backspace: "Delete",
  " ": "Space",
  "=": "+",
};

/**
 * The key cap of an event, as the table writes it.
 *
 * Digits go by place on the keyboard: the Vietnamese layout prints letters on the number row.
 */
export function keyCap(event: KeyboardEvent): string {
  if (event.key === "?") return "?";
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1];
  const typed = /^[a-z]$/i.test(event.key) ? event.key.toUpperCase() : undefined;
  const base = digit ?? typed ?? letter ?? NAMED[event.key] ?? event.key;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const shifts = digit !== undefined || typed !== undefined || letter !== undefined || base === "Space";
  return control + (event.shiftKey && shifts ? "Shift+" : "") + base;
}

const BY_KEY = new Map(COMMANDS.flatMap((command) => command.keys.map((key) => [key, command])));

export function commandOf(event: KeyboardEvent): Command | undefined {
  return event.altKey ? undefined : BY_KEY.get(keyCap(event));
}

export function command(id: string): Command {
  const found = COMMANDS.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no command ${id}`);
  return found;
}
