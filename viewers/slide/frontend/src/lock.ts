/** Two slides that move as one: what lay under each other when they were locked stays so. */

import { compose, invert } from "./geometry";
import { keyOf, type Pane, screenOf, viewOf } from "./pane";
import { MOST_ZOOM } from "./scale";

export class Lock {
  private readonly across: ReturnType<typeof compose>;
  /** Where each was put by following: seen again a frame later, it leads nobody. */
  private readonly put = new Map<Pane, string>();

  /** Calibrated by how the reader laid them: place, turn, mirror and size. */
  constructor(
    private readonly first: Pane,
    private readonly second: Pane,
  ) {
    // Screen to screen they coincide now: level-0 pixels of the first to those of the second.
    this.across = compose(second.toPixel, first.toScreen);
    for (const pane of [first, second]) this.put.set(pane, told(pane));
  }

  /** One of them moved: the other follows at once. */
  moved(pane: Pane): void {
    const other = pane === this.first ? this.second : this.first;
    if (told(pane) === this.put.get(pane)) return;
    this.put.delete(pane);
    const step = pane === this.first ? invert(this.across) : this.across;
    const wanted = viewOf(compose(screenOf(pane.view(), pane.size), step), pane.size);
    other.setView({ ...wanted, scale: Math.min(MOST_ZOOM, wanted.scale) }, true);
    this.put.set(other, told(other));
  }
}

function told(pane: Pane): string {
  return keyOf(pane.view());
}
