/** Looks at a slide field after field, to and fro, so that nothing is left out. */

import { isMixed } from "./look";
import type { Point } from "./geometry";
import type { Slide } from "./types";

/** Neighbouring fields share a tenth, so that nothing falls between two. */
const STEP = 0.9;
/** A field with less tissue than this share of the overview's pixels in it is passed over. */
const LEAST_TISSUE = 0.004;

/** Middles of the fields that hold tissue, row by row, every other row backwards. */
export function fieldsOf(slide: Slide, field: Point, overview: ImageData | undefined): Point[] {
  const [w, t] = [field[0] * STEP, field[1] * STEP];
  const columns = Math.max(1, Math.ceil((slide.width - (field[0] - w)) / w));
  const rows = Math.max(1, Math.ceil((slide.height - (field[1] - t)) / t));
  // Fields are spread evenly: the last one ends where the slide ends.
  const at = (index: number, count: number, size: number, own: number): number =>
    count === 1 ? size / 2 : own / 2 + (index * (size - own)) / (count - 1);
  const tissue = overview ? tissueOf(slide, overview) : undefined;
  const all: Point[] = [];
  const withTissue: Point[] = [];
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) {
      const column = row % 2 ? columns - 1 - i : i;
      const middle: Point = [at(column, columns, slide.width, field[0]), at(row, rows, slide.height, field[1])];
      all.push(middle);
      if (tissue?.(middle, field)) withTissue.push(middle);
    }
  }
  return withTissue.length ? withTissue : all;
}

/** Tissue is coloured or dark on glass; bright on the black of fluorescence. */
export function isTissue(red: number, green: number, blue: number, onBlack: boolean): boolean {
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  return onBlack ? most > 40 : most - least > 18 || most < 200;
}

function tissueOf(slide: Slide, overview: ImageData): (middle: Point, field: Point) => boolean {
  const onBlack = isMixed(slide);
  const { width, height, data } = overview;
  const scale = width / slide.width;
  return ([x, y], [w, t]) => {
    const [left, right] = [Math.max(0, Math.floor((x - w / 2) * scale)), Math.min(width, Math.ceil((x + w / 2) * scale))];
    const [top, bottom] = [Math.max(0, Math.floor((y - t / 2) * scale)), Math.min(height, Math.ceil((y + t / 2) * scale))];
    let found = 0;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const i = 4 * (row * width + column);
        if (isTissue(data[i]!, data[i + 1]!, data[i + 2]!, onBlack)) found++;
      }
    }
    return found > LEAST_TISSUE * Math.max(1, (right - left) * (bottom - top));
  };
}

/** A walk over fields; knows where it is. */
export class Raster {
  private index = 0;

  constructor(private readonly fields: readonly Point[]) {}

  get place(): Point {
    return this.fields[this.index]!;
  }

  get position(): number {
    return this.index + 1;
  }

  get total(): number {
    return this.fields.length;
  }

  /** False at the end. */
  step(by: number): boolean {
    const wanted = this.index + by;
    if (wanted < 0 || wanted >= this.fields.length) return false;
    this.index = wanted;
    return true;
  }
}
