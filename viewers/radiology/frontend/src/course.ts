/** A series of several times: the same places again and again, each place with its own times. */

import { type Header, TAG, text } from "./dicomweb";
import { normal, type Plane } from "./geometry";
import { dot } from "./vectors";

/** Places nearer than this are one, mm: tables do not come back to the micrometre. */
const SAME_PLACE_MM = 0.2;
const DAY_S = 86_400;

interface Moment {
  /** Index of the frame in its series. */
  index: number;
  /** Seconds after the first image of the series. */
  seconds: number;
}

/** Where a frame stands: `place` of `places`, `time` of `times` at that place, `seconds` from the first image. */
export interface Standing {
  place: number;
  places: number;
  time: number;
  times: number;
  seconds: number;
}

export class Course {
  private readonly byIndex = new Map<number, { place: number; time: number }>();

  private constructor(
    /** Along the normal, and at each place in order of time. */
    private readonly places: readonly (readonly Moment[])[],
  ) {
    places.forEach((moments, place) =>
      moments.forEach(({ index }, time) => this.byIndex.set(index, { place, time })),
    );
  }

  /**
   * The course of a series, or undefined when it is none: most places must come again, at times
   * that are known and differ; a slice that was merely taken twice makes no course.
   */
  static of(
    planes: readonly (Plane | null)[],
    seconds: readonly (number | null)[],
  ): Course | undefined {
    const first = planes[0];
    if (!first || planes.some((plane) => plane === null) || seconds.includes(null)) return undefined;
    const axis = normal(first);
    const known = (planes as readonly Plane[]).map((plane, index) => ({
      index,
      at: dot(plane.origin, axis),
      isParallel: dot(normal(plane), axis) > 0.9999 && plane.rows === first.rows && plane.columns === first.columns,
      seconds: seconds[index]!,
    }));
    if (known.some(({ isParallel }) => !isParallel)) return undefined;
    const start = Math.min(...known.map((one) => one.seconds));
    const groups: { at: number; moments: Moment[] }[] = [];
    for (const one of [...known].sort((a, b) => a.at - b.at)) {
      const moment = { index: one.index, seconds: one.seconds - start };
      const last = groups.at(-1);
      if (last && one.at - last.at < SAME_PLACE_MM) last.moments.push(moment);
      else groups.push({ at: one.at, moments: [moment] });
    }
    const again = groups.filter(({ moments }) => moments.length > 1).length;
    if (groups.length < 2 || 2 * again <= groups.length) return undefined;
    const places = groups.map(({ moments }) => moments.sort((a, b) => a.seconds - b.seconds));
    if (places.some((moments) => moments.some((one, i) => one.seconds === moments[i - 1]?.seconds))) {
      return undefined;
    }
    // Scrolling down goes the way the series' own order does.
    const isFalling = known[0]!.at > known.at(-1)!.at;
    return new Course(isFalling ? places.reverse() : places);
  }

  at(index: number): Standing {
    const { place, time } = this.byIndex.get(index)!;
    const moments = this.places[place]!;
    return {
      place,
      places: this.places.length,
      time,
      times: moments.length,
      seconds: moments[time]!.seconds,
    };
  }

  /** The middle place, at its first time. */
  get middle(): number {
    return this.frame(this.places.length >> 1, 0);
  }

  /** The frame of a place that is nearest in time: places may have been imaged in turn. */
  frame(place: number, seconds: number): number {
    const moments = this.places[Math.max(0, Math.min(this.places.length - 1, place))]!;
    return moments.reduce((best, one) =>
      Math.abs(one.seconds - seconds) < Math.abs(best.seconds - seconds) ? one : best,
    ).index;
  }

  /** The frame `time` of the place of frame `index`. */
  turned(index: number, time: number): number {
    const moments = this.places[this.byIndex.get(index)!.place]!;
    return moments[Math.max(0, Math.min(moments.length - 1, time))]!.index;
  }

  /** The frames at the place of frame `index`, in order of time. */
  here(index: number): readonly number[] {
    return this.places[this.byIndex.get(index)!.place]!.map((one) => one.index);
  }

  /** How soon frame `index` is needed by a reader at `centre`: times here, slices now, the rest. */
  need(index: number, centre: number): number {
    const one = this.byIndex.get(index)!;
    const here = this.byIndex.get(centre)!;
    const places = Math.abs(one.place - here.place);
    const times = Math.abs(one.time - here.time);
    const most = this.byIndex.size;
    if (places === 0) return times;
    return times === 0 ? most + places : most * (1 + places) + times;
  }
}

/** When a frame was acquired, in seconds of some clock: the words `plugins` sort perfusion by. */
export function acquiredAt(header: Header | undefined, frame: number): number | null {
  const stamps = [
    frameContent(header, frame, "00189074"),
    text(header, "00189074"),
    text(header, TAG.acquisitionDateTime),
  ];
  for (const stamp of stamps) {
    const found = /^(\d{6})(\d{2})(\d{6}(?:\.\d+)?)/.exec(stamp);
    if (found) return Number(found[2]) * DAY_S + clock(found[3]!);
  }
  for (const stamp of [text(header, TAG.acquisitionTime), text(header, TAG.contentTime)]) {
    if (/^\d{6}(?:\.\d+)?/.test(stamp)) return clock(stamp);
  }
  return null;
}

/** An attribute of Frame Content of one frame of a multi-frame image (PS3.3 C.7.6.16.2.2). */
function frameContent(header: Header | undefined, frame: number, tag: string): string {
  const groups = header?.["52009230"]?.Value?.[frame - 1] as Header | undefined;
  const content = groups?.["00209111"]?.Value?.[0] as Header | undefined;
  return text(content, tag);
}

const clock = (text: string): number =>
  Number(text.slice(0, 2)) * 3600 + Number(text.slice(2, 4)) * 60 + Number.parseFloat(text.slice(4));
