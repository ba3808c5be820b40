/** Bulk points of a case: listed, fetched as bare numbers, laid over the slides they belong to. */

import type { Api } from "@common/api";
import type { Bulk } from "./bulk";
import { FIRST_COLOUR } from "./classes";
import type { PointLayer } from "./pointlayer";
import type { PointSet } from "./types";

/** Of their names in a layer. */
const PREFIX = "set ";

export class PointSets {
  private sets: PointSet[] = [];
  private readonly off = new Set<string>();
  private readonly numbers = new Map<string, Promise<Bulk>>();

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
    layer.keep(PREFIX, new Set(mine.map((set) => PREFIX + set.id)));
    await Promise.all(
      mine.map(async (set) => {
        const id = PREFIX + set.id;
        layer.show(id, !this.off.has(set.id));
        if (this.off.has(set.id) || layer.has(id)) return;
        try {
          const bulk = await this.load(set);
          if (!layer.has(id)) layer.set(id, bulk, set.classification?.colour ?? FIRST_COLOUR);
        } catch {
          this.failed();
        }
      }),
    );
  }

  private load(set: PointSet): Promise<Bulk> {
    let found = this.numbers.get(set.id);
    if (!found) {
      found = this.fetch(set);
      found.catch(() => this.numbers.delete(set.id));
      this.numbers.set(set.id, found);
    }
    return found;
  }

  private async fetch({ id, graphic_type }: PointSet): Promise<Bulk> {
    const bytes = async (part: string): Promise<ArrayBuffer> => {
      const address = `/api/v1/cases/${this.caseId}/point-sets/${id}/${part}`;
      return (await this.api.request(address)).arrayBuffer();
    };
    const [points, starts] = await Promise.all([
      bytes("points"),
      graphic_type === "POINT" ? undefined : bytes("starts"),
    ]);
    return {
      points: new Float32Array(points),
      starts: starts && new Uint32Array(starts),
      isClosed: graphic_type === "POLYGON",
    };
  }
}
