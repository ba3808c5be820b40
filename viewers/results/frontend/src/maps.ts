/** Maps side by side, on the slice the viewer shows; one of them lies over the image. */

import type { Api } from "@common/api";
import { h } from "@common/dom";
import type { RoomEvents } from "@common/events";
import { type DrawnLayer, fetchLayer, layerArray } from "@common/layers";
import { sliceCanvas } from "@common/slices";
import { legend } from "./layerlist";
import type { Overview } from "./overview";
import type { Layer } from "./types";
import type { Speech } from "./words";

/** From this many maps on they are shown side by side. */
const LEAST_MAPS = 2;

export class Maps {
  readonly root = h("section", { class: "rs-part rs-maps", hidden: true });
  private place: RoomEvents["hoichan:at"] | undefined;
  private pictures: { layer: DrawnLayer; hold: HTMLElement; slice: number }[] = [];
  private shown = "";

  constructor(private readonly api: Api) {}

  show(overview: Overview, layers: readonly Layer[], speech: Speech): void {
    const maps = layers.filter((layer) => layer.kind === "map");
    const drawn = maps.map((layer) => overview.drawn(layer));
    const facts = JSON.stringify([drawn.map(({ url, visible }) => [url, visible]), speech.language]);
    this.root.hidden = maps.length < LEAST_MAPS;
    if (this.root.hidden || facts === this.shown) return;
    this.shown = facts;
    this.pictures = [];
    const tiles = maps.map((layer, i) => this.tile(overview, layer, drawn[i]!, speech));
    this.root.replaceChildren(h("h3", {}, speech.t("maps")), h("div", { class: "rs-tiles" }, ...tiles));
    for (const one of drawn) fetchLayer(this.api, one).then(() => this.draw(), () => undefined);
    this.draw();
  }

  hide(): void {
    this.root.hidden = true;
  }

  /** The viewer shows another image. */
  turnTo(place: RoomEvents["hoichan:at"]): void {
    this.place = place;
    if (!this.root.hidden) this.draw();
  }

  private tile(overview: Overview, layer: Layer, drawn: DrawnLayer, speech: Speech): HTMLElement {
    const hold = h("span", { class: "rs-picture" });
    this.pictures.push({ layer: drawn, hold, slice: -1 });
    return h(
      "button",
      {
        type: "button",
        class: "rs-map",
        "data-focus": `map-${layer.key}`,
        "data-map": layer.key,
        "aria-pressed": String(drawn.visible),
        title: speech.t("map_show"),
        onclick: () => overview.showMap(layer, !overview.isVisible(layer)),
      },
      hold,
      h("b", {}, layer.title[speech.language]),
      legend(layer, speech),
    );
  }

  private draw(): void {
    for (const picture of this.pictures) {
      const { layer, hold } = picture;
      const array = layerArray(layer);
      if (!array) continue;
      const slice = this.sliceOf(layer);
      // On an image of another series the pictures stay as they are.
      const wanted = slice >= 0 ? slice : picture.slice >= 0 ? picture.slice : array.slices >> 1;
      if (wanted === picture.slice) continue;
      picture.slice = wanted;
      hold.replaceChildren(sliceCanvas(layer, array, wanted, array.columns));
    }
  }

  private sliceOf(layer: DrawnLayer): number {
    const { place } = this;
    if (!place) return -1;
    const frames = place.same_place ?? [[place.sop_instance_uid, place.frame_number] as const];
    const here = new Set(frames.map(([sop, frame]) => `${sop}/${frame}`));
    return layer.frames.findIndex(([sop, frame]) => here.has(`${sop}/${frame}`));
  }
}
