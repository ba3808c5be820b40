/** The commands that move the view of the slide in hand, and nothing else. */

import type { Desk } from "./desk";

export abstract class Navigation {
  protected abstract readonly desk: Desk;

  magnify(magnification: number): void {
    this.desk.stage?.pane.magnify(magnification);
  }

  magnifyNative(): void {
    const pane = this.desk.stage?.pane;
    if (pane) pane.setView({ ...pane.view(true), scale: 1 });
  }

  zoomBy(factor: number): void {
    this.desk.stage?.pane.zoomBy(factor);
  }

  fit(): void {
    this.desk.stage?.pane.fit();
  }

  pan(right: number, down: number): void {
    this.desk.stage?.pane.pan(right, down);
  }

  turnBy(degrees: number): void {
    const pane = this.desk.stage?.pane;
    pane?.turnTo(pane.view(true).degrees + degrees);
  }

  turnBack(): void {
    this.desk.stage?.pane.turnTo(0);
  }

  nextPane(): void {
    this.desk.next();
  }

  stepSlide(by: number): void {
    this.desk.step(by);
  }
}
