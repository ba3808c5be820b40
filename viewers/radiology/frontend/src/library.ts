/** All series of the case, and the order in which they are fetched. */

import { Enums, eventTarget } from "@cornerstonejs/core";
import type { Api } from "@common/api";
import type { Place } from "./board";
import { line } from "./engine";
import { failureOf } from "./loading";
import { Series } from "./series";
import type { DisplaySet } from "./types";

// Beyond this many images (about 800 MB) a series waits until somebody looks at it.
const MOST_AHEAD = 1500;

export class Library {
  readonly all: readonly Series[];
  /** Those a viewport can show. */
  readonly stacks: readonly Series[];
  private readonly byImage = new Map<string, [Series, number]>();
  private readonly stopListening: () => void;
  private isGone = false;

  constructor(
    api: Api,
    sets: readonly DisplaySet[],
    hasGpu: boolean,
    changed: (series: Series) => void,
  ) {
    this.all = sets.map((set) => new Series(api, set, hasGpu, changed));
    this.stacks = this.all.filter((series) => series.set.kind === "stack");
    for (const series of this.all) {
      series.imageIds.forEach((id, i) => this.byImage.set(id, [series, i]));
    }
    const loaded = (event: Event): void => {
      const { image } = (event as CustomEvent<{ image: { imageId: string } }>).detail;
      const found = this.byImage.get(image.imageId);
      found?.[0].queue.noteLoaded(found[1]);
    };
    const failed = (event: Event): void => {
      const { imageId, error } = (event as CustomEvent<{ imageId: string; error: unknown }>).detail;
      const found = this.byImage.get(imageId);
      found?.[0].queue.noteFailed(found[1], failureOf(error));
    };
    eventTarget.addEventListener(Enums.Events.IMAGE_LOADED, loaded);
    eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_FAILED, failed);
    this.stopListening = () => {
      eventTarget.removeEventListener(Enums.Events.IMAGE_LOADED, loaded);
      eventTarget.removeEventListener(Enums.Events.IMAGE_LOAD_FAILED, failed);
    };
  }

  destroy(): void {
    this.isGone = true;
    this.stopListening();
    for (const series of this.all) series.queue.stop();
  }

  byId(displaySetId: string): Series | undefined {
    return this.all.find((series) => series.set.id === displaySetId);
  }

  at(place: Place): Series | undefined {
    return this.all.find(
      (series) =>
        series.set.series_instance_uid === place.series_instance_uid &&
        series.indexOf(place.sop_instance_uid, place.frame_number) >= 0,
    );
  }

  /** The series `by` places after `series`, round and round. */
  neighbour(series: Series | undefined, by: number): Series | undefined {
    const now = series ? this.stacks.indexOf(series) : -1;
    return this.stacks[(now + by + this.stacks.length) % this.stacks.length];
  }

  retry(): void {
    for (const series of this.all) series.queue.retry();
  }

  /** Fetch the rest, one series after the other, once all of `first` has come. */
  async fetchAhead(first: Series): Promise<void> {
    let ahead = 0;
    for (const series of this.stacks) {
      await first.queue.whenSettled();
      ahead += series.imageIds.length;
      if (this.isGone || line.isSlow || ahead > MOST_AHEAD) return;
      await series.open().catch(() => undefined);
      if (this.isGone || !series.isOpen) continue;
      series.queue.start();
      await series.queue.whenSettled();
    }
  }
}
