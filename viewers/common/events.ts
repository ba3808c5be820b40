/**
 * What the parts of the reading room tell each other, on `window`: no server, no page rerun.
 *
 * The viewer tells `hoichan:annotations` after the server took a mark, and `hoichan:key-image`
 * when the reader chose one (or when the report asked). The report tells `hoichan:show` to bring
 * the viewer to an image, `hoichan:ask-key-image` to get the one in the active viewport, and
 * `hoichan:key-images` whenever those of the opinion become others.
 *
 * The panel of results tells what to draw over the images (`hoichan:layers`, `hoichan:handles`),
 * and what the reader's next drag or click means (`hoichan:brush`, `hoichan:pick`; the viewer
 * tells them too, when the reader dropped them there). Back come `hoichan:handle-moved`,
 * `hoichan:stroke`, `hoichan:ask-layers`, and `hoichan:at` with the image in the active viewport.
 * It tells the report `hoichan:results` when another set of results is confirmed.
 */

import type { DrawnHandle, DrawnLayer, FrameKey, Point } from "./layers";

/** A part of a slide, in pixels of its level 0; `slide` is its opaque name in addresses. */
export interface Region {
  slide: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface KeyImage {
  study_instance_uid: string;
  series_instance_uid: string;
  sop_instance_uid: string;
  sop_class_uid: string;
  frame_number: number;
  window_center: number | null;
  window_width: number | null;
  caption: string;
  /** What of a slide it shows; absent for images that are shown whole. */
  region?: Region | null;
}

/** Tells key images apart. */
export function imageId(
  image: Pick<KeyImage, "sop_instance_uid" | "frame_number" | "region">,
): string {
  const { region } = image;
  const part = region ? [region.x, region.y, region.width, region.height].map(Math.round).join(",") : "";
  return `${image.sop_instance_uid}/${image.frame_number}/${part}`;
}

export interface RoomEvents {
  "hoichan:annotations": { case_id: string; revision: number };
  "hoichan:key-image": { case_id: string; key_image: KeyImage };
  "hoichan:ask-key-image": { case_id: string };
  "hoichan:key-images": { case_id: string; key_images: readonly KeyImage[] };
  "hoichan:show": {
    case_id: string;
    study_instance_uid: string;
    series_instance_uid: string;
    sop_instance_uid: string;
    frame_number: number;
    annotation_id?: string;
    region?: Region | null;
  };
  /** A result was confirmed, or a confirmation withdrawn. */
  "hoichan:results": { case_id: string };
  "hoichan:layers": { case_id: string; layers: readonly DrawnLayer[] };
  "hoichan:handles": { case_id: string; handles: readonly DrawnHandle[] };
  "hoichan:handle-moved": {
    case_id: string;
    result_id: string;
    key: string;
    points_mm: readonly Point[];
  };
  "hoichan:brush": {
    case_id: string;
    result_id: string;
    layer: string;
    radius_mm: number;
    erase: boolean;
    on: boolean;
  };
  "hoichan:stroke": { case_id: string; result_id: string } & Stroke;
  /** The next click in the series sets the handle's only point. */
  "hoichan:pick": { case_id: string; result_id: string; key: string; on: boolean };
  /** Bring the viewer to the slice where a layer (or one segment of it, not 0) is largest. */
  "hoichan:show-layer": {
    case_id: string;
    result_id: string;
    key: string;
    segment: number;
    /** Only when no viewport shows the layer's series. */
    if_hidden?: boolean;
  };
  /** Bring the viewer to the slice of a handle. */
  "hoichan:show-handle": { case_id: string; result_id: string; key: string };
  /** A viewer that has just come wants to hear layers and handles again. */
  "hoichan:ask-layers": { case_id: string };
  /** Show two images beside each other. */
  "hoichan:compare": { case_id: string; places: readonly ImagePlace[] };
  /** The image in the active viewport; in a series of several times, also all frames of its place. */
  "hoichan:at": { case_id: string; same_place?: readonly FrameKey[] | undefined } & ImagePlace;
}

/** A frame of the case. */
export interface ImagePlace {
  series_instance_uid: string;
  sop_instance_uid: string;
  frame_number: number;
}

/** One movement of the brush on a slice of a layer, as the edits keep it. */
export interface Stroke {
  layer: string;
  slice: number;
  erase: boolean;
  radius_mm: number;
  points_mm: readonly Point[];
}

export function tell<Name extends keyof RoomEvents>(name: Name, detail: RoomEvents[Name]): void {
  window.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Listen until the returned function is called. */
export function listen<Name extends keyof RoomEvents>(
  name: Name,
  heard: (detail: RoomEvents[Name]) => void,
): () => void {
  const listener = (event: Event): void => heard((event as CustomEvent<RoomEvents[Name]>).detail);
  window.addEventListener(name, listener);
  return () => window.removeEventListener(name, listener);
}
