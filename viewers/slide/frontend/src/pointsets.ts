/** Bulk points of a case: listed, fetched as bare numbers, laid over the slides they belong to. */

import type { Api } from "@common/api";
import { FIRST_COLOUR } from "./classes";
import type { PointLayer } from "./pointlayer";
import type { PointSet } from "./types";

export class PointSets {
  private sets: PointSet[] = [];
  private readonly off = new Set<string>();
  private readonly numbers = new Map<string, Promise<Float32Array>>();

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    private readonly changed: () => void,
    private readonly failed: () => void,
  ) {}

  /** Ask what there is; a server or a reader without point sets has none. */
  async refresh(): Promise<void> {
    if (!this.caseId) return;
    try {
      const { items } = await this.api.poll<{ items: PointSet[] }>(`/cases/${this.caseId}/point-sets`);
      if (JSON.stringify(items) === JSON.stringify(this.sets)) return;
      this.sets = items;
      this.changed();
    } catch {
      // Asked again with the next change of the case's marks.
    }
  }

  of(seriesInstanceUid: string): PointSet[] {
    return this.sets.filter((set) => set.series_instance_uid === seriesInstanceUid);
  }

  get on(): ReadonlySet<string> {
    return new Set(this.sets.map((set) => set.id).filter((id) => !this.off.has(id)));
  }

  turn(id: string, isOn: boolean): void {
    if (isOn) this.off.delete(id);
    else this.off.add(id);
    this.changed();
  }

  /** Bring a layer to what is listed and turned on. */
  async fill(layer: PointLayer, seriesInstanceUid: string): Promise<void> {
    const mine = this.of(seriesInstanceUid);
    layer.keep(new Set(mine.map((set) => set.id)));
    await Promise.all(
      mine.map(async (set) => {
        layer.show(set.id, !this.off.has(set.id));
        if (this.off.has(set.id) || layer.has(set.id)) return;
        try {
          const points = await this.load(set.id);
          if (!layer.has(set.id)) layer.set(set.id, points, set.classification?.colour ?? FIRST_COLOUR);
        } catch {
          this.failed();
        }
      }),
    );
  }

  private load(id: string): Promise<Float32Array> {
    let found = this.numbers.get(id);
    if (!found) {
      found = this.api
        .request(`/api/v1/cases/${this.caseId}/point-sets/${id}/points`)
        .then(async (response) => new Float32Array(await response.arrayBuffer()));
      found.catch(() => this.numbers.delete(id));
      this.numbers.set(id, found);
    }
    return found;
  }
}
