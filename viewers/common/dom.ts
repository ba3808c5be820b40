type Child = Node | string | null | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | null | undefined | ((event: never) => void)>>;

/**
 * Make an element: `onclick`-style functions become listeners, `true` an empty attribute,
 * `false`, `null` and `undefined` nothing. Text children are text, never markup.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.replace(/^on/, ""), value as EventListener);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

export function append(parent: ParentNode, children: readonly Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/** Put `css` into the root that holds `place` (a shadow root or the document), once each. */
export function adoptStyles(place: HTMLElement | ShadowRoot, ...css: readonly string[]): void {
  const root = place instanceof ShadowRoot ? place : place.getRootNode();
  const target = root instanceof ShadowRoot ? root : document;
  for (const text of css) {
    const known = sheets.get(text) ?? sheet(text);
    if (!target.adoptedStyleSheets.includes(known)) target.adoptedStyleSheets.push(known);
  }
}

const sheets = new Map<string, CSSStyleSheet>();

function sheet(text: string): CSSStyleSheet {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  sheets.set(text, made);
  return made;
}

/** A line icon from path data drawn on a 24 × 24 grid. */
export function icon(paths: string, size = 18): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("width", String(size));
  svg.setAttribute("height", String(size));
  svg.setAttribute("class", "hc-icon");
  svg.setAttribute("aria-hidden", "true");
  for (const d of paths.split("|")) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** True when the event comes from a place where keys mean text. */
export function isTyping(event: Event): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    target.tagName === "TEXTAREA" ||
    target.tagName === "SELECT" ||
    (target instanceof HTMLInputElement &&
      !["button", "checkbox", "radio", "range"].includes(target.type))
  );
}
