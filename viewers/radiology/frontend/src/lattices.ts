/** The values under a mark: of an original image, or of a plane through a volume. */

import { cache } from "@cornerstonejs/core";
import type { Plane } from "./geometry";
import { type BuiltVolume, NOTHING, type Series } from "./series";
import { HOUNSFIELD, type Lattice } from "./statistics";
import type { Vector } from "./types";
import { add, cross, dot, scale, subtract, unit } from "./vectors";

/** The pixels of an original image, after the Modality LUT. */
export function imageLattice(series: Series, index: number): Lattice | null {
  const drawn = series.drawnPlane(index);
  const image = cache.getImage(series.imageIds[index]!);
  if (!drawn) return null;
  const { plane, isCalibrated } = drawn;
  const scalars =
    image && !image.color ? (image.voxelManager!.getScalarData() as ArrayLike<number>) : undefined;
  return {
    plane,
    isCalibrated,
    unit: series.isCtAt(index) ? HOUNSFIELD : "1",
    value: (x, y) =>
      !scalars || x < 0 || y < 0 || x >= plane.columns || y >= plane.rows
        ? undefined
        : scalars[y * plane.columns + x],
  };
}

/** A plane through a volume, sampled as finely as its finest spacing. */
export function volumeLattice(
  volume: BuiltVolume,
  axis: Vector,
  points: readonly Vector[],
  isCt: boolean,
): Lattice {
  const { grid } = volume;
  const fine = Math.min(...grid.spacing);
  const turned = Math.abs(axis[2]) > 0.9 ? ([1, 0, 0] as const) : ([0, 0, 1] as const);
  const row = unit(cross(turned, axis));
  const column = unit(cross(axis, row));
  const centre = scale(points.reduce((a, b) => add(a, b)), 1 / points.length);
  const plane: Plane = {
    origin: centre,
    row,
    column,
    columnSpacing: fine,
    rowSpacing: fine,
    columns: 0,
    rows: 0,
    thickness: null,
  };
  const voxels = cache.getVolume(volume.id)!.voxelManager!;
  const [nx, ny, nz] = grid.dimensions;
  const read = (i: number, j: number, k: number): number =>
    voxels.getAtIJK(
      Math.min(nx - 1, Math.max(0, i)),
      Math.min(ny - 1, Math.max(0, j)),
      Math.min(nz - 1, Math.max(0, k)),
    ) as number;
  return {
    plane,
    isCalibrated: true,
    unit: isCt ? HOUNSFIELD : "1",
    value: (x, y) => {
      const at = add(centre, add(scale(row, x * fine), scale(column, y * fine)));
      const from = subtract(at, grid.origin);
      const i = dot(from, grid.row) / grid.spacing[0];
      const j = dot(from, grid.column) / grid.spacing[1];
      const k = dot(from, grid.axis) / grid.spacing[2];
      if (i < -0.5 || j < -0.5 || k < -0.5 || i > nx - 0.5 || j > ny - 0.5 || k > nz - 0.5) {
        return undefined;
      }
      return trilinear(read, i, j, k);
    },
  };
}

function trilinear(
  read: (i: number, j: number, k: number) => number,
  x: number,
  y: number,
  z: number,
): number | undefined {
  const [i, j, k] = [Math.floor(x), Math.floor(y), Math.floor(z)];
  const [u, v, w] = [x - i, y - j, z - k];
  let sum = 0;
  for (const [di, a] of [[0, 1 - u], [1, u]] as const)
    for (const [dj, b] of [[0, 1 - v], [1, v]] as const)
      for (const [dk, c] of [[0, 1 - w], [1, w]] as const) {
        const weight = a * b * c;
        if (weight === 0) continue;
        const value = read(i + di, j + dj, k + dk);
        if (value === NOTHING) return undefined;
        sum += weight * value;
      }
  return sum;
}
