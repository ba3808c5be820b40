/** Bulk points and outlines, put in an order that draws quickly. */

export interface Bulk {
  /** x, y pairs in level-0 pixels. */
  points: Float32Array;
  /** Index of each outline's first point; undefined for single points. */
  starts: Uint32Array | undefined;
  isClosed: boolean;
}

/** Sort points by cell: their order, and the place of each cell's first in it. */
export function sortByCell(
  points: Float32Array,
  columns: number,
  rows: number,
  cell: number,
): { order: Uint32Array; starts: Uint32Array } {
  const count = points.length / 2;
  const cellOf = new Uint32Array(count);
  const starts = new Uint32Array(columns * rows + 1);
  for (let i = 0; i < count; i++) {
    const column = Math.min(columns - 1, Math.max(0, Math.floor(points[2 * i]! / cell)));
    const row = Math.min(rows - 1, Math.max(0, Math.floor(points[2 * i + 1]! / cell)));
    cellOf[i] = row * columns + column;
    starts[cellOf[i]! + 1]!++;
  }
  for (let i = 0; i < columns * rows; i++) starts[i + 1]! += starts[i]!;
  const next = starts.slice();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[next[cellOf[i]!]!++] = i;
  return { order, starts };
}

/** The middle of each outline's points. */
export function middlesOf(points: Float32Array, starts: Uint32Array): Float32Array {
  const middles = new Float32Array(2 * starts.length);
  for (let i = 0; i < starts.length; i++) {
    const [first, end] = [starts[i]!, starts[i + 1] ?? points.length / 2];
    for (let j = first; j < end; j++) {
      middles[2 * i]! += points[2 * j]! / (end - first);
      middles[2 * i + 1]! += points[2 * j + 1]! / (end - first);
    }
  }
  return middles;
}

/** Outlines in `order` as pairs of ends; where each one's last pair ends. */
export function linesOf({ points, starts, isClosed }: Bulk, order: Uint32Array): { lines: Float32Array; ends: Uint32Array } {
  const first = starts!;
  const total = points.length / 2;
  const lines = new Float32Array(4 * total);
  const ends = new Uint32Array(order.length + 1);
  let at = 0;
  for (const [place, index] of order.entries()) {
    const [from, to] = [first[index]!, first[index + 1] ?? total];
    for (let j = from; j < (isClosed ? to : to - 1); j++) {
      const next = j + 1 < to ? j + 1 : from;
      lines.set([points[2 * j]!, points[2 * j + 1]!, points[2 * next]!, points[2 * next + 1]!], 2 * at);
      at += 2;
    }
    ends[place + 1] = at;
  }
  return { lines: lines.subarray(0, 2 * at), ends };
}
