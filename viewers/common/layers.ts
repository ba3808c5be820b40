/**
 * Layers of results: what the panel asks the viewer to draw, and their arrays.
 *
 * Arrays are fetched once a page: the viewer and the panel's pictures share them, and no slice
 * that is turned to asks the server for anything.
 */

import type { Api } from "./api";
import type { Text } from "./i18n";
import type { Rgb, Segment } from "./palettes";

export type Point = readonly [number, number, number];
/** "points" are triples on a slide: column and row of its level 0, and a segment's number. */
export type LayerKind = "mask" | "map" | "picture" | "points";
export type HandleKind = "point" | "line" | "polygon";
export type FrameKey = readonly [string, number];

/** A layer as `hoichan:layers` tells it; one array slice for each of `frames`. */
export interface DrawnLayer {
  result_id: string;
  key: string;
  title: Text;
  kind: LayerKind;
  /** As the server gives it, with the product's prefix; another address for other content. */
  url: string;
  dtype: string;
  shape: readonly number[];
  series_instance_uid: string;
  frames: readonly FrameKey[];
  segments: readonly Segment[];
  unit: string;
  range: readonly [number, number];
  palette: string;
  opacity: number;
  visible: boolean;
}

/** A thing to drag as `hoichan:handles` tells it. */
export interface DrawnHandle {
  result_id: string;
  key: string;
  kind: HandleKind;
  label: Text;
  colour: Rgb;
  points_mm: readonly Point[];
  series_instance_uid: string;
  editable: boolean;
}

export interface LayerArray {
  values: Uint8Array | Int16Array | Float32Array;
  slices: number;
  rows: number;
  columns: number;
  /** Values of one slice. */
  stride: number;
}

const MOST_BYTES = 600 * 1024 ** 2;

interface Kept {
  loading: Promise<LayerArray>;
  ready: LayerArray | undefined;
}

const kept = new Map<string, Kept>();

/** The array of `layer`, fetched at most once. Rejects with an `ApiError`. */
export function fetchLayer(api: Api, layer: DrawnLayer): Promise<LayerArray> {
  const address = layer.url;
  const known = kept.get(address);
  if (known) {
    // The one asked for last is dropped last.
    kept.delete(address);
    kept.set(address, known);
    return known.loading;
  }
  const one: Kept = { loading: load(api, layer), ready: undefined };
  kept.set(address, one);
  one.loading.then(
    (array) => {
      one.ready = array;
      makeRoom(address);
    },
    () => kept.delete(address),
  );
  return one.loading;
}

/** The array, when it is already here. */
export function layerArray(layer: DrawnLayer): LayerArray | undefined {
  return kept.get(layer.url)?.ready;
}

async function load(api: Api, layer: DrawnLayer): Promise<LayerArray> {
  const response = await api.request(layer.url.slice(api.base.length));
  const bytes = await response.arrayBuffer();
  const [slices = 0, rows = 0, columns = 0] = layer.shape;
  const values = read(layer.dtype, bytes);
  const size = layer.shape.reduce((a, b) => a * b, 1);
  if (values.length !== size) throw new RangeError(`layer ${layer.key}: ${values.length} of ${size} values`);
  return { values, slices, rows, columns, stride: slices ? size / slices : 0 };
}

function read(dtype: string, bytes: ArrayBuffer): LayerArray["values"] {
  switch (dtype.replace(/^[<|=]/, "")) {
    case "uint8":
    case "u1":
      return new Uint8Array(bytes);
    case "int16":
    case "i2":
      return new Int16Array(bytes);
    case "float32":
    case "f4":
      return new Float32Array(bytes);
    default:
      throw new TypeError(`layers of ${dtype} are not drawn`);
  }
}

function makeRoom(newest: string): void {
  let sum = [...kept.values()].reduce((all, one) => all + (one.ready?.values.byteLength ?? 0), 0);
  for (const [address, one] of kept) {
    if (sum <= MOST_BYTES) return;
    if (address === newest || !one.ready) continue;
    sum -= one.ready.values.byteLength;
    kept.delete(address);
  }
}
