/** JSON of the slide and point-set APIs, and of marks on slides. */

import type { HostData } from "@common/host";
import type { Text } from "@common/i18n";
import type { Mark as KeptMark } from "@common/marks";

/** What the host tells the viewer; only `case_id` is needed, the rest saves a request. */
export interface SlideData extends HostData {
  /** "" when studies are only looked at: then nothing is drawn or saved. */
  case_id: string;
  study_instance_uids?: readonly string[];
  permissions?: readonly string[];
  user?: { username: string; name: string; site: string };
  /** True on a page of its own: there is no report beside the viewer. */
  standalone?: boolean;
}

export interface Level {
  level: number;
  downsample: readonly [number, number];
  width: number;
  height: number;
  tile_width: number;
  tile_height: number;
  columns: number;
  rows: number;
  complete: boolean;
  /** Frames that have come. */
  received?: number;
}

export interface OpticalPath {
  id: string;
  description: string;
  /** 0 to 255. */
  colour: readonly [number, number, number];
  monochrome: boolean;
  /** Grey values of its tiles shown black and full, 0 to 255. */
  window: readonly [number, number];
}

export interface Specimen {
  id: string;
  part: string;
  block: string;
  description: string;
}

/** `GET /slides/v1/{slide}`. Level 0 is the largest; its pixel i covers [i, i + 1). */
export interface Slide {
  slide: string;
  version: string;
  study_instance_uid: string;
  series_instance_uid: string;
  frame_of_reference_uid: string;
  sop_instance_uid: string;
  sop_class_uid: string;
  width: number;
  height: number;
  mpp: readonly [number, number] | null;
  objective_power: number | null;
  levels: readonly Level[];
  optical_paths: readonly OpticalPath[];
  focal_planes: readonly { index: number; z_um: number }[];
  icc: boolean;
  to_slide_mm: readonly (readonly [number, number, number])[];
  z_mm: number;
  label: boolean;
  overview: boolean;
  /** False: no label or overview is for this reader. */
  sees_labels: boolean;
  /** What bare places look like, 0 to 255. */
  background: readonly [number, number, number];
  container_id: string;
  specimens: readonly Specimen[];
  stain: string;
  series_description: string;
  lossy: boolean;
  received: { frames: number; expected: number };
  /** The largest level was made from a larger one, which is not here and may never come. */
  resampled: boolean;
  /** Which share of it has come, 0 to 1, while it is on its way; null of all others. */
  arriving?: number | null;
  problems: readonly Text[];
}

/** One line of the tray, `GET /slides/v1/studies/{uid}`. */
export type TrayItem = Pick<
  Slide,
  "slide" | "version" | "series_instance_uid" | "container_id" | "specimens" | "stain" | "received" | "problems" | "label" | "overview" | "sees_labels"
> & { title: string };

export const KINDS = [
  "point",
  "polyline",
  "polygon",
  "freehand",
  "rectangle",
  "ellipse",
  "text",
  "length",
  "angle",
  "counter",
  "arrow",
] as const;
export type Kind = (typeof KINDS)[number];

export interface Classification {
  name?: string;
  colour?: string;
  code?: { value: string; scheme_designator: string; meaning: string };
}

export type Vector = readonly [number, number, number];

/** What we say of a mark; the server computes its measurements. */
export interface MarkContent {
  readonly kind: Kind;
  readonly study_instance_uid: string;
  readonly series_instance_uid: string;
  readonly sop_instance_uid: string;
  readonly sop_class_uid: string;
  readonly frame_number: number;
  readonly frame_of_reference_uid: string;
  readonly points_mm: readonly Vector[];
  readonly text: string;
  readonly measurements: readonly { name: string; value: number; unit: string }[];
  readonly origin: Readonly<Record<string, unknown>>;
  readonly classification: Classification & Readonly<Record<string, unknown>>;
}

export type Mark = KeptMark<MarkContent>;

export interface PointSet {
  id: string;
  series_instance_uid: string;
  name: string;
  classification: Classification;
  count: number;
  graphic_type: "POINT" | "POLYLINE" | "POLYGON";
}
