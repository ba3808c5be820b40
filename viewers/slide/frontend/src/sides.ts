/** What lies beside the slides: the tray, the colours, the list of marks; which of them are shown. */

/** As in the style sheet: beside a report two panels would leave less than half of the slide. */
const NARROW_PX = 860;

export type Side = "tray" | "colours" | "marks";

export class Sides {
  constructor(
    private readonly roots: Readonly<Record<Side, HTMLElement>>,
    /** Of the viewer, in pixels of the page. */
    private readonly width: () => number,
  ) {}

  shows(side: Side): boolean {
    return !this.roots[side].hidden;
  }

  /** True when it is shown from now on. */
  toggle(side: Side): boolean {
    const { roots } = this;
    roots[side].hidden = !roots[side].hidden;
    const isShown = this.shows(side);
    if (isShown && side !== "tray" && this.width() <= NARROW_PX) {
      roots[side === "marks" ? "colours" : "marks"].hidden = true;
    }
    return isShown;
  }
}
