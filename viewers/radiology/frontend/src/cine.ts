/** Plays the active viewport round and round: its stack, or the times at its place. */

import type { Cell } from "./cell";

const MOST_A_SECOND = 60;

export class Cine {
  private timer: ReturnType<typeof setInterval> | undefined;
  /** Images a second. */
  rate = 10;

  constructor(
    private readonly active: () => Cell,
    private readonly changed: () => void,
  ) {}

  get isPlaying(): boolean {
    return this.timer !== undefined;
  }

  toggle(): void {
    if (this.isPlaying) {
      this.stop();
      return;
    }
    const series = this.active().series;
    if (!series || series.imageIds.length < 2) return;
    this.rate = limited(series.cineRate);
    this.play();
  }

  setRate(rate: number): void {
    this.rate = limited(rate);
    if (this.isPlaying) this.play();
  }

  stop(): void {
    if (!this.isPlaying) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.changed();
  }

  private play(): void {
    clearInterval(this.timer);
    this.timer = setInterval(() => this.advance(), 1000 / this.rate);
    this.changed();
  }

  private advance(): void {
    const cell = this.active();
    const count = cell.series?.imageIds.length ?? 0;
    if (!cell.stackViewport || count < 2) {
      this.stop();
      return;
    }
    const here = cell.series!.course?.here(cell.index);
    const next = here ? here[(here.indexOf(cell.index) + 1) % here.length]! : (cell.index + 1) % count;
    // Wait for an image on its way rather than run ahead of it.
    if (cell.series!.queue.states[next] === "loading") return;
    const { standing } = cell;
    void (standing ? cell.turnTo((standing.time + 1) % standing.times) : cell.goTo(next));
  }
}

function limited(rate: number): number {
  return Math.min(MOST_A_SECOND, Math.max(1, rate));
}
