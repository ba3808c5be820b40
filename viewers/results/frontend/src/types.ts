/** JSON of results, field for field `plugins.results`; arrays are addresses. */

import type { HostData } from "@common/host";
import type { Text } from "@common/i18n";
import type { FrameKey, HandleKind, LayerKind, Point } from "@common/layers";
import type { Rgb, Segment } from "@common/palettes";
import type { Stroke } from "@common/events";

export interface ResultsData extends HostData {
  case_id: string;
  username: string;
  /** The reader's name as the confirmation bears it. */
  name: string;
}

/** An analysis a reader may start by hand. */
export interface Startable {
  analysis: string;
  title: Text;
  study_instance_uid: string;
}

export type State = "due" | "running" | "computed" | "edited" | "confirmed" | "failed" | "cancelled";
export type Grade = "green" | "amber" | "red";

export interface Coded {
  value: string;
  scheme_designator: string;
  meaning: string;
}

export interface Value {
  key: string;
  label: Text;
  value: number | null;
  unit: Coded;
  /** Concept in the report; null: the value stays on the screen. */
  name: Coded | null;
  low: number | null;
  high: number | null;
  note: Text | null;
  method: Text | null;
  group: string;
  group_label: Text | null;
  layer: string;
  segment: number;
  digits: number;
  is_main: boolean;
}

export interface Layer {
  key: string;
  title: Text;
  kind: LayerKind;
  series_instance_uid: string;
  frames: readonly FrameKey[];
  segments: readonly Segment[];
  unit: Coded | null;
  range: readonly [number, number];
  palette: string;
  is_editable: boolean;
  is_shown: boolean;
  dtype: string;
  shape: readonly number[];
  url: string;
}

export interface Handle {
  key: string;
  kind: HandleKind;
  label: Text;
  points_mm: readonly Point[];
  series_instance_uid: string;
  colour: Rgb;
  is_editable: boolean;
  group: string;
}

export type ParameterValue = number | string | boolean;

export interface Control {
  key: string;
  label: Text;
  kind: "number" | "choice" | "switch";
  value: ParameterValue;
  unit: string;
  low: number;
  high: number;
  step: number;
  choices: readonly (readonly [string, Text])[];
  help: Text | null;
}

export interface Chart {
  key: string;
  title: Text;
  x_label: Text;
  y_label: Text;
  curves: readonly { label: Text; x: readonly number[]; y: readonly number[]; colour: Rgb }[];
  marks: readonly (readonly [number, Text])[];
}

export interface Table {
  key: string;
  title: Text;
  columns: readonly Text[];
  rows: readonly (readonly Text[])[];
  note: Text | null;
}

export interface Step {
  title: Text;
  seconds: number;
  outcome: Text | null;
}

export interface Content {
  analysis: string;
  title: Text;
  version: string;
  study_instance_uid: string;
  series_instance_uids: readonly string[];
  grade: Grade;
  reasons: readonly Text[];
  reason: Text | null;
  summary: Text | null;
  values: readonly Value[];
  layers: readonly Layer[];
  handles: readonly Handle[];
  controls: readonly Control[];
  charts: readonly Chart[];
  tables: readonly Table[];
  steps: readonly Step[];
  alternatives: readonly (readonly [string, Text])[];
  form: string;
  detail: Readonly<Record<string, unknown>>;
}

/** The corrections a reader made; `docs/reference/results-forms.md` tells what forms add. */
export interface Edits {
  series?: string;
  parameters?: Readonly<Record<string, ParameterValue>>;
  handles?: Readonly<Record<string, readonly Point[]>>;
  strokes?: readonly Stroke[];
  rejected?: readonly string[];
  reads?: Reads;
}

export type RegionState = "normal" | "early" | "old" | "not_assessable";
export type Side = "right" | "left" | "midline";
export type ScaleRegions = Partial<Record<Side, Readonly<Record<string, RegionState>>>>;

export interface Read {
  by: string;
  at: string;
  seconds: number;
  regions: Partial<Record<string, ScaleRegions>>;
}

export interface Reads {
  independent?: Read;
  /** In place of the independent one: the reader will not score before seeing the arithmetic. */
  declined?: { by: string; at?: string };
  aided?: Read;
  final?: Read;
  earlier?: readonly Read[];
}

/** What the server keeps to itself until the case was read in the analysis `until`, or that was declined. */
export interface Withheld {
  until: string;
  title: Text;
  layers: readonly Text[];
}

/** A result as the server keeps it. `content` is absent until the first computation is done. */
export interface ResultJson {
  id: string;
  analysis: string;
  title: Text;
  study_instance_uid: string;
  case_id: string | null;
  state: State;
  revision: number;
  /** The revision `content` was computed for; it lags while a correction is computed. */
  content_revision: number;
  progress: number;
  message: Text | null;
  error: Text | null;
  confirmed_by: { username: string; name: string; site: string } | string | null;
  confirmed_at: string | null;
  edits: Edits;
  permissions: readonly string[];
  withheld: readonly Withheld[];
  content: Content | null;
}

export const isBusy = (result: ResultJson): boolean =>
  result.state === "due" || result.state === "running";
