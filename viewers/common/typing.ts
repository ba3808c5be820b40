import { isTyping } from "./dom";

/**
 * Keep typed keys inside `root`.
 *
 * Outside a shadow root the event's target is the host element, so the page's own shortcuts
 * (Streamlit's "r" and "c", the viewer's window presets) would take a letter for a command.
 */
export function containTyping(root: HTMLElement): void {
  for (const kind of ["keydown", "keypress", "keyup"] as const) {
    root.addEventListener(kind, (event) => {
      if (isTyping(event)) event.stopPropagation();
    });
  }
}
