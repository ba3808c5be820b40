/** What lies over the whole viewer: one dialog at a time. */

import { h } from "@common/dom";

export class Overlay {
  readonly root = h("div", { class: "hs-overlay" });

  get isOpen(): boolean {
    return this.root.childElementCount > 0;
  }

  show(dialog: HTMLElement): void {
    this.root.replaceChildren(dialog);
    // A dialog that asks for words takes the focus to their place itself, a moment later.
    this.root.querySelector("button")?.focus();
  }

  /** False when there was nothing to close. */
  close(): boolean {
    const wasOpen = this.isOpen;
    this.root.replaceChildren();
    return wasOpen;
  }
}
