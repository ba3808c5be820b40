/** JSON of the API, field for field the nouns of `plugins.nouns`. */

import type { HostData } from "@common/host";
import type { Text } from "@common/i18n";
import type { Mark as KeptMark } from "@common/marks";

export type Vector = readonly [number, number, number];

/** What the host tells the viewer; only `case_id` is needed, the rest saves a request. */
export interface ViewerData extends HostData {
  /** "" when studies are only looked at: then nothing is drawn or saved. */
  case_id: string;
  /** Studies to show, first one first; the case's own when absent. */
  study_instance_uids?: readonly string[];
  /** What the reader may do with the case; asked of the server when absent. */
  permissions?: readonly string[];
  user?: { username: string; name: string; site: string };
  /** True on a page of its own: there is no report beside the viewer. */
  standalone?: boolean;
}

export interface DisplaySet {
  id: string;
  kind: "stack" | "slide" | "document" | "unsupported";
  study_instance_uid: string;
  series_instance_uid: string;
  modality: string;
  title: string;
  frames: readonly (readonly [string, number])[];
  positions_mm: readonly number[];
  tilt_deg: number;
  is_volume: boolean;
  problems: readonly Text[];
}

export type MarkKind = "length" | "angle" | "ellipse" | "rectangle" | "probe" | "arrow";

export const MARK_KINDS: readonly MarkKind[] = [
  "length",
  "angle",
  "ellipse",
  "rectangle",
  "probe",
  "arrow",
];

/** `name` of a fixed set, `unit` in UCUM. */
export interface Measured {
  name:
    | "length"
    | "angle"
    | "area"
    | "mean"
    | "standard_deviation"
    | "minimum"
    | "maximum"
    | "value";
  value: number;
  unit: string;
}

/** What a client may say of a mark. */
export interface MarkContent {
  kind: MarkKind;
  study_instance_uid: string;
  series_instance_uid: string;
  sop_instance_uid: string;
  sop_class_uid: string;
  frame_number: number;
  frame_of_reference_uid: string;
  points_mm: readonly Vector[];
  text: string;
  measurements: readonly Measured[];
  origin: Readonly<Record<string, unknown>>;
}

export type Mark = KeptMark<MarkContent>;
