/** Which slice of a layer lies under an image, and where in the patient each slice is. */

import type { DrawnLayer } from "@common/layers";
import { normal, type Plane } from "../geometry";
import type { Library } from "../library";
import type { Series } from "../series";
import type { Vector } from "../types";
import { dot } from "../vectors";

/** Slices at one place (phases of a perfusion series) are told from neighbours by this, mm. */
const SAME_PLACE_MM = 0.1;

export interface Placed {
  slice: number;
  plane: Plane;
}

interface Places {
  planes: readonly (Plane | null)[];
  byFrame: ReadonlyMap<string, number>;
}

const frameKey = (sop: string, frame: number): string => `${sop}/${frame}`;

export class Placing {
  private readonly known = new Map<string, Places>();

  constructor(
    private readonly library: Library,
    /** Planes that were not known before are known now. */
    private readonly ready: () => void,
  ) {}

  /** The slice of `layer` on frame `index` of `series`. */
  under(layer: DrawnLayer, series: Series, index: number): Placed | undefined {
    if (series.set.series_instance_uid !== layer.series_instance_uid) return undefined;
    const frame = series.set.frames[index];
    const places = this.places(layer);
    const drawn = series.drawnPlane(index)?.plane;
    if (!frame || !places || !drawn) return undefined;
    const exact = places.byFrame.get(frameKey(...frame));
    if (exact !== undefined) return { slice: exact, plane: drawn };
    const plane = series.plane(index);
    if (!plane) return undefined;
    const axis = normal(plane);
    const at = dot(plane.origin, axis);
    const slice = places.planes.findIndex(
      (other) =>
        other !== null &&
        Math.abs(dot(other.origin, axis) - at) < SAME_PLACE_MM &&
        dot(normal(other), axis) > 0.9999,
    );
    return slice < 0 ? undefined : { slice, plane: places.planes[slice]! };
  }

  /** The planes of all slices; undefined until every one is known. */
  planes(layer: DrawnLayer): readonly Plane[] | undefined {
    const planes = this.places(layer)?.planes;
    return planes?.every((plane) => plane !== null) ? (planes as readonly Plane[]) : undefined;
  }

  private places(layer: DrawnLayer): Places | undefined {
    const found = this.known.get(layer.url);
    if (found) return found;
    const owners = layer.frames.map(([sop, frame]) => this.owner(layer, sop, frame));
    const closed = new Set(owners.flatMap((owner) => (owner && !owner[0].isOpen ? [owner[0]] : [])));
    for (const series of closed) series.open().then(this.ready, () => undefined);
    if (closed.size > 0) return undefined;
    const made: Places = {
      planes: owners.map((owner) => (owner ? owner[0].plane(owner[1]) : null)),
      byFrame: new Map(layer.frames.map(([sop, frame], slice) => [frameKey(sop, frame), slice])),
    };
    this.known.set(layer.url, made);
    return made;
  }

  private owner(layer: DrawnLayer, sop: string, frame: number): [Series, number] | undefined {
    for (const series of this.library.all) {
      if (series.set.series_instance_uid !== layer.series_instance_uid) continue;
      const index = series.indexOf(sop, frame);
      if (index >= 0) return [series, index];
    }
    return undefined;
  }
}

/** How far `point` is from frame `index`, and from the frame nearest to it, mm; null: no geometry. */
export function depth(
  series: Series,
  index: number,
  point: Vector,
): { here: number; least: number; nearest: number } | null {
  const plane = series.plane(index);
  if (!plane) return null;
  const axis = normal(plane);
  const at = dot(point, axis);
  let least = Infinity;
  let nearest = index;
  series.set.frames.forEach((_, i) => {
    const other = series.plane(i);
    const away = other ? Math.abs(dot(other.origin, axis) - at) : Infinity;
    if (away < least) [least, nearest] = [away, i];
  });
  return { here: Math.abs(dot(plane.origin, axis) - at), least, nearest };
}

/** Whether a point belongs to frame `index`: no other frame is nearer. */
export function isOn(series: Series, index: number, point: Vector): boolean {
  const found = depth(series, index, point);
  return found !== null && found.here < found.least + SAME_PLACE_MM;
}
