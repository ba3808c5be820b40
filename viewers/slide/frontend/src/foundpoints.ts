/** Points that a program counted, laid over the slides as the panel of results wants them. */

import type { Api } from "@common/api";
import { h } from "@common/dom";
import { listen, type Region, tell } from "@common/events";
import type { Language } from "@common/host";
import { type DrawnLayer, fetchLayer } from "@common/layers";
import { css } from "@common/palettes";
import type { Stage } from "./stage";

export interface FoundHooks {
  language(): Language;
  stages(): readonly Stage[];
  failed(): void;
}

const PREFIX = "found ";

export class FoundPoints {
  private layers: readonly DrawnLayer[] = [];

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    private readonly hooks: FoundHooks,
  ) {}

  /** Hear the panel until the returned function is called. */
  listen(): () => void {
    const stop = listen("hoichan:layers", ({ case_id, layers }) => {
      if (case_id !== this.caseId) return;
      this.layers = layers.filter(({ kind }) => kind === "points");
      this.refill();
    });
    tell("hoichan:ask-layers", { case_id: this.caseId });
    return stop;
  }

  /** Bring every slide to what the panel said last. */
  refill(): void {
    for (const stage of this.hooks.stages()) void this.fill(stage);
  }

  async fill(stage: Stage): Promise<void> {
    const mine = this.layers.filter((one) => one.series_instance_uid === stage.pane.slide.series_instance_uid);
    const ids = mine.flatMap((layer) => layer.segments.map(({ number }) => idOf(layer, number)));
    stage.points.keep(PREFIX, new Set(ids));
    this.writeLegend(stage, mine.filter(({ visible }) => visible));
    await Promise.all(mine.map((layer) => this.lay(stage, layer)));
  }

  private async lay(stage: Stage, layer: DrawnLayer): Promise<void> {
    try {
      const { values } = await fetchLayer(this.api, layer);
      // Another list may have come meanwhile.
      const now = this.layers.find(({ url }) => url === layer.url);
      if (!now) return;
      for (const { number, colour } of layer.segments) {
        const id = idOf(layer, number);
        if (!stage.points.has(id)) stage.points.set(id, { points: placesOf(values, number), starts: undefined, isClosed: false }, hex(colour));
        stage.points.show(id, now.visible, now.opacity);
      }
    } catch {
      this.hooks.failed();
    }
  }

  private writeLegend({ legend }: Stage, shown: readonly DrawnLayer[]): void {
    legend.hidden = shown.length === 0;
    legend.replaceChildren(
      ...shown.flatMap(({ segments }) =>
        segments.map(({ colour, label }) =>
          h("li", {}, h("i", { style: `background:${css(colour)}` }), label[this.hooks.language()]),
        ),
      ),
    );
  }

  /** The slide and the part of it that holds all points of a layer. */
  async regionOf(resultId: string, key: string): Promise<{ series: string; region: Region } | undefined> {
    const layer = this.layers.find((one) => one.result_id === resultId && one.key === key);
    if (!layer) return undefined;
    const { values } = await fetchLayer(this.api, layer);
    const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]] as [[number, number], [number, number]];
    for (let at = 0; at < values.length; at += 3) {
      for (const axis of [0, 1] as const) {
        low[axis] = Math.min(low[axis], values[at + axis]!);
        high[axis] = Math.max(high[axis], values[at + axis]!);
      }
    }
    const region = { slide: "", x: low[0], y: low[1], width: high[0] - low[0] + 1, height: high[1] - low[1] + 1 };
    return { series: layer.series_instance_uid, region };
  }
}

/** Other content has another address. */
function idOf({ url }: DrawnLayer, segment: number): string {
  return `${PREFIX}${url} ${segment}`;
}

/** Pairs of those triples whose third number is the segment's. */
function placesOf(values: ArrayLike<number>, segment: number): Float32Array {
  const found: number[] = [];
  for (let at = 0; at < values.length; at += 3) {
    if (values[at + 2] === segment) found.push(values[at]!, values[at + 1]!);
  }
  return new Float32Array(found);
}

function hex(colour: readonly number[]): string {
  return `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
