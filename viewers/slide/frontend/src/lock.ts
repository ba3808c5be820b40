/** Two slides that move as one: what lay under each other when they were locked stays so. */

import { compose, invert } from "./geometry";
import { type Pane, screenOf, viewOf } from "./pane";
import { MOST_ZOOM } from "./scale";

export class Lock {
  private readonly across: ReturnType<typeof compose>;
  private isFollowing = false;

  /** Calibrated by how the reader laid them: place, turn, mirror and size. */
  constructor(
    private readonly first: Pane,
    private readonly second: Pane,
  ) {
    // Screen to screen they coincide now: level-0 pixels of the first to those of the second.
    this.across = compose(second.toPixel, first.toScreen);
  }

  /** One of them moved: the other follows at once. */
  moved(pane: Pane): void {
    if (this.isFollowing) return;
    const other = pane === this.first ? this.second : pane === this.second ? this.first : undefined;
    if (!other) return;
    const step = pane === this.first ? invert(this.across) : this.across;
    const wanted = viewOf(compose(screenOf(pane.view(), pane.size), step), pane.size);
    this.isFollowing = true;
    other.setView({ ...wanted, scale: Math.min(MOST_ZOOM, wanted.scale) }, true);
    this.isFollowing = false;
  }
}
