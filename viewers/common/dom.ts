/** A few words for making elements; no framework stands between a keystroke and the screen. */

export type Child = Node | string | number | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);

/** Make an element: `on…` functions become listeners, true/false set or leave an attribute. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name.slice(2).toLowerCase(), value as EventListener);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  fill(element, ...children);
  return element;
}

/** Put `children` in place of whatever `element` holds. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(
    ...children
      .filter((child) => child !== null && child !== undefined && child !== false)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
}

/** Set text only when it differs, so that a poll without news touches nothing on the screen. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** A style sheet inside the component, where the page's own styles do not reach. */
export function styleSheet(...css: string[]): HTMLStyleElement {
  const style = document.createElement("style");
  style.textContent = css.join("\n");
  return style;
}

const EDITABLE = "input, textarea, select, [contenteditable]";

/**
 * Keep typed keys inside `root`.
 *
 * Outside a shadow root the event's target is the host element, so the page's own shortcuts
 * (Streamlit's "r" and "c", the viewer's window presets) would take a letter for a command.
 */
export function containTyping(root: HTMLElement): void {
  for (const kind of ["keydown", "keypress", "keyup"] as const) {
    root.addEventListener(kind, (event) => {
      const target = event.composedPath()[0];
      if (target instanceof Element && target.closest(EDITABLE)) event.stopPropagation();
    });
  }
}
