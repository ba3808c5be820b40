/** A part of a card that is built anew only when what it shows has changed. */

import { append, h } from "@common/dom";

export class Section {
  readonly root: HTMLElement;
  private shown = "";

  constructor(className: string) {
    this.root = h("section", { class: className, hidden: true });
  }

  /** Build when `facts` differ from the last ones; focus and what was unfolded stay as they are. */
  show(facts: unknown, build: () => readonly (Node | null)[]): void {
    const now = JSON.stringify(facts);
    if (now === this.shown) return;
    this.shown = now;
    const focused = focusName(this.root);
    const unfolded = [...this.root.querySelectorAll("details")].map((one) => one.open);
    this.root.replaceChildren();
    append(this.root, build());
    this.root.hidden = this.root.childElementCount === 0;
    const folds = this.root.querySelectorAll("details");
    if (folds.length === unfolded.length) folds.forEach((one, i) => (one.open = unfolded[i]!));
    if (focused) this.root.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  hide(): void {
    this.show(null, () => []);
  }
}

function focusName(root: HTMLElement): string | undefined {
  const tree = root.getRootNode() as Document | ShadowRoot;
  const active = tree.activeElement;
  return active instanceof HTMLElement && root.contains(active) ? active.dataset["focus"] : undefined;
}
