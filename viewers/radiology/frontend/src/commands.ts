/** Everything a reader can do, once: toolbar, keyboard and help are made from this table. */

import type { IconName } from "./icons";
import type { MessageKey } from "./messages";
import type { ToolName } from "./toolgroups";
import { WINDOWS } from "./windows";

export type Layout = "1x1" | "1x2" | "2x2" | "mpr";

/** What commands act on; the viewer is one. */
export interface Actor {
  setLayout(layout: Layout): void;
  setTool(tool: ToolName): void;
  applyWindow(width: number, centre: number): void;
  restoreWindow(): void;
  reset(): void;
  invert(): void;
  toggleCine(): void;
  toggleLink(): void;
  undo(): void;
  redo(): void;
  deleteSelected(): void;
  markKeyImage(): void;
  toggleMarks(): void;
  toggleStrip(): void;
  toggleHelp(): void;
  openOwnWindow(): void;
  step(by: number): void;
  stepTime(by: number): void;
  toEnd(last: boolean): void;
  stepSeries(by: number): void;
  nextCell(): void;
  zoomBy(factor: number): void;
  toggleMaximised(): void;
  escape(): void;
}

export type Group = "windows" | "tools" | "view" | "move";

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

const tool = (name: ToolName, key: string, draws = false): Command => ({
  id: `tool-${name}`,
  group: "tools",
  name: `tool_${name}`,
  keys: [key],
  icon: name,
  draws,
  run: (actor) => actor.setTool(name),
});

const layout = (name: Layout, key: string): Command => ({
  id: `layout-${name}`,
  group: "view",
  name: `layout_${name}`,
  keys: [key],
  icon: `layout_${name}`,
  run: (actor) => actor.setLayout(name),
});

export const COMMANDS: readonly Command[] = [
  ...WINDOWS.map(
    (preset): Command => ({
      id: `window-${preset.key}`,
      group: "windows",
      name: preset.name,
      keys: [preset.key],
      run: (actor) => actor.applyWindow(preset.width, preset.centre),
    }),
  ),
  { id: "window-0", group: "windows", name: "window_file", keys: ["0"], run: (a) => a.restoreWindow() },
  tool("window", "W"),
  tool("pan", "G"),
  tool("zoom", "Z"),
  tool("scroll", "S"),
  tool("crosshairs", "C"),
  tool("length", "L", true),
  tool("angle", "A", true),
  tool("ellipse", "E", true),
  tool("rectangle", "R", true),
  tool("probe", "P", true),
  tool("arrow", "T", true),
  { id: "undo", group: "tools", name: "undo", keys: ["Ctrl+Z"], icon: "undo", draws: true, run: (a) => a.undo() },
  { id: "redo", group: "tools", name: "redo", keys: ["Ctrl+Y", "Ctrl+Shift+Z"], icon: "redo", draws: true, run: (a) => a.redo() },
  { id: "delete", group: "tools", name: "delete", keys: ["Delete"], icon: "delete", draws: true, run: (a) => a.deleteSelected() },
  { id: "key-image", group: "tools", name: "key_image", keys: ["K"], icon: "key_image", run: (a) => a.markKeyImage() },
  layout("1x1", "Shift+1"),
  layout("1x2", "Shift+2"),
  layout("2x2", "Shift+4"),
  layout("mpr", "M"),
  { id: "reset", group: "view", name: "reset", keys: ["V"], icon: "reset", run: (a) => a.reset() },
  { id: "invert", group: "view", name: "invert", keys: ["I"], icon: "invert", run: (a) => a.invert() },
  { id: "cine", group: "view", name: "cine", keys: ["Space"], icon: "play", run: (a) => a.toggleCine() },
  { id: "link", group: "view", name: "link", keys: ["Y"], icon: "link", run: (a) => a.toggleLink() },
  { id: "maximise", group: "view", name: "key_maximise", keys: ["F"], run: (a) => a.toggleMaximised() },
  { id: "zoom-in", group: "view", name: "key_zoom", keys: ["+"], run: (a) => a.zoomBy(1.2) },
  { id: "zoom-out", group: "view", name: "key_zoom", keys: ["-"], run: (a) => a.zoomBy(1 / 1.2) },
  { id: "marks", group: "view", name: "marks", keys: ["N"], icon: "marks", run: (a) => a.toggleMarks() },
  { id: "strip", group: "view", name: "series_strip", keys: ["B"], icon: "strip", run: (a) => a.toggleStrip() },
  { id: "own-window", group: "view", name: "own_window", keys: ["O"], icon: "own_window", run: (a) => a.openOwnWindow() },
  { id: "help", group: "view", name: "help", keys: ["?"], icon: "help", run: (a) => a.toggleHelp() },
  { id: "previous", group: "move", name: "key_step", keys: ["↑"], run: (a) => a.step(-1) },
  { id: "next", group: "move", name: "key_step", keys: ["↓"], run: (a) => a.step(1) },
  { id: "earlier", group: "move", name: "key_time", keys: ["←"], run: (a) => a.stepTime(-1) },
  { id: "later", group: "move", name: "key_time", keys: ["→"], run: (a) => a.stepTime(1) },
  { id: "page-back", group: "move", name: "key_page", keys: ["PageUp"], run: (a) => a.step(-10) },
  { id: "page-on", group: "move", name: "key_page", keys: ["PageDown"], run: (a) => a.step(10) },
  { id: "first", group: "move", name: "key_ends", keys: ["Home"], run: (a) => a.toEnd(false) },
  { id: "last", group: "move", name: "key_ends", keys: ["End"], run: (a) => a.toEnd(true) },
  { id: "series-back", group: "move", name: "key_series", keys: ["["], run: (a) => a.stepSeries(-1) },
  { id: "series-on", group: "move", name: "key_series", keys: ["]"], run: (a) => a.stepSeries(1) },
  { id: "cell", group: "move", name: "key_viewport", keys: ["."], run: (a) => a.nextCell() },
  { id: "escape", group: "move", name: "key_escape", keys: ["Esc"], run: (a) => a.escape() },
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
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1];
  const typed = event.key.length === 1 && /[a-z]/i.test(event.key) ? event.key.toUpperCase() : undefined;
  if (event.key === "?") return "?";
  const base = digit ?? typed ?? letter ?? NAMED[event.key] ?? event.key;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const shift = event.shiftKey && (digit !== undefined || control !== "") ? "Shift+" : "";
  return control + shift + base;
}

const BY_KEY = new Map(COMMANDS.flatMap((command) => command.keys.map((key) => [key, command])));

export function commandOf(event: KeyboardEvent): Command | undefined {
  if (event.altKey) return undefined;
  return BY_KEY.get(keyCap(event));
}

export function command(id: string): Command {
  const found = COMMANDS.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`no command ${id}`);
  return found;
}
