/**
 * Stain views as one 3 × 3 matrix on optical density: separation by fixed stain vectors, and
 * normalisation to a reference appearance by vectors found on the slide's own overview.
 *
 * References
 * ----------
 * Ruifrok, Johnston: Anal Quant Cytol Histol 23 (2001) 291–299 (separation, vectors).
 * Macenko et al.: ISBI 2009, doi:10.1109/ISBI.2009.5193250 (vectors from the slide).
 */

import type { StainView } from "./look";

type Row = readonly [number, number, number];
/** Rows. */
export type Matrix = readonly [Row, Row, Row];

const HEMATOXYLIN: Row = [0.65, 0.704, 0.286];
const EOSIN: Row = [0.072, 0.99, 0.105];
const DAB: Row = [0.268, 0.57, 0.776];

/** An H&E slide as most laboratories like it: vectors, and densities that 99 % stay below. */
const REFERENCE = {
  stains: [
    [0.5626, 0.7201, 0.4062],
    [0.2159, 0.8012, 0.5581],
  ] as const,
  most: [1.9705, 1.0308] as const,
};

export interface Fit {
  stains: readonly [Row, Row];
  most: readonly [number, number];
}

/** The matrix to multiply optical densities (columns) with; undefined when none is needed. */
export function densityMatrix(view: StainView, fit: Fit | undefined): Matrix | undefined {
  if (view === "none") return undefined;
  if (view === "normalised") return fit && normalising(fit);
  const stains = view === "dab" ? [HEMATOXYLIN, DAB] : [HEMATOXYLIN, EOSIN];
  const index = view === "hematoxylin" ? 0 : 1;
  const [one, other] = [unit(stains[0]!), unit(stains[1]!)];
  const unmix = inverse([one, other, unit(cross(one, other))]);
  return outer([one, other][index]!, unmix, index);
}

function normalising({ stains, most }: Fit): Matrix {
  const [one, other] = stains;
  const unmix = inverse([one, other, unit(cross(one, other))]);
  const parts = [0, 1].map((index) => {
    const gain = REFERENCE.most[index]! / Math.max(most[index]!, 0.05);
    return outer(scale(unit(REFERENCE.stains[index]!), gain), unmix, index);
  });
  return add(parts[0]!, parts[1]!);
}

/**
 * Stain vectors and densities of an overview; undefined when there is too little tissue.
 *
 * `pixels` is RGBA, 8 bits each.
 */
export function fitStains(pixels: Uint8ClampedArray): Fit | undefined {
  const densities: Row[] = [];
  for (let i = 0; i < pixels.length; i += 4) {
    const od = [0, 1, 2].map((c) => -Math.log((pixels[i + c]! + 1) / 256)) as unknown as Row;
    if (Math.min(...od) > 0.15) densities.push(od);
  }
  if (densities.length < 500) return undefined;
  const [first, second] = plane(densities);
  const angles = densities.map((od) => Math.atan2(dot(od, second), dot(od, first)));
  const [low, high] = [share(angles, 0.01), share(angles, 0.99)];
  const at = (angle: number): Row =>
    unit(add3(scale(first, Math.cos(angle)), scale(second, Math.sin(angle))));
  const ends = [at(low), at(high)] as const;
  // Hematoxylin takes more red light away than eosin does.
  const stains: readonly [Row, Row] = ends[0][0] > ends[1][0] ? ends : [ends[1], ends[0]];
  const unmix = inverse([stains[0], stains[1], unit(cross(stains[0], stains[1]))]);
  const amounts = [0, 1].map((index) =>
    share(densities.map((od) => dot(od, column(unmix, index))), 0.99),
  );
  return { stains, most: [amounts[0]!, amounts[1]!] };
}

/** The two directions of most variance, by power iteration; the first points to more density. */
function plane(densities: readonly Row[]): [Row, Row] {
  const mean = densities.reduce<Row>((sum, od) => add3(sum, scale(od, 1 / densities.length)), [0, 0, 0]);
  const spread = [0, 1, 2].map((i) =>
    [0, 1, 2].map(
      (j) => densities.reduce((sum, od) => sum + (od[i]! - mean[i]!) * (od[j]! - mean[j]!), 0) / densities.length,
    ),
  ) as unknown as Matrix;
  const power = (start: Row, without?: Row): Row => {
    let v = start;
    for (let i = 0; i < 60; i++) {
      v = [dot(spread[0], v), dot(spread[1], v), dot(spread[2], v)];
      if (without) v = add3(v, scale(without, -dot(v, without)));
      v = unit(v);
    }
    return v;
  };
  const first = power([1, 1, 1]);
  const second = power([1, -1, 0.5], first);
  return [dot(first, [1, 1, 1]) < 0 ? scale(first, -1) : first, second];
}

function share(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
}

/** Row vectors times `unmix` give amounts: density_out = stain · amount, as a column operation. */
function outer(stain: Row, unmix: Matrix, index: number): Matrix {
  const amount = column(unmix, index);
  return [scale(amount, stain[0]), scale(amount, stain[1]), scale(amount, stain[2])];
}

const dot = (a: Row, b: Row): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const scale = (a: Row, by: number): Row => [a[0] * by, a[1] * by, a[2] * by];
const add3 = (a: Row, b: Row): Row => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const unit = (a: Row): Row => scale(a, 1 / (Math.hypot(...a) || 1));
const cross = (a: Row, b: Row): Row => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const column = (m: Matrix, j: number): Row => [m[0][j]!, m[1][j]!, m[2][j]!];
const add = (a: Matrix, b: Matrix): Matrix => [add3(a[0], b[0]), add3(a[1], b[1]), add3(a[2], b[2])];

function inverse(m: Matrix): Matrix {
  const [a, b, c] = m;
  const det = dot(a, cross(b, c));
  const columns = [cross(b, c), cross(c, a), cross(a, b)].map((v) => scale(v, 1 / det)) as unknown as Matrix;
  return [column(columns, 0), column(columns, 1), column(columns, 2)];
}
