/** The image a reader looks at, as a key image of the opinion. */

import type { KeyImage } from "@common/events";
import type { Cell } from "./cell";
import { windowOf } from "./windows";

/** What `cell` shows, with its window; undefined when that is no original image. */
export function keyImageAt(cell: Cell): KeyImage | undefined {
  const { series, index } = cell;
  if (!series || index < 0) return undefined;
  const [instance, frame] = series.set.frames[index]!;
  const window = cell.range && !series.isColourAt(index) ? windowOf(cell.range) : undefined;
  return {
    study_instance_uid: series.set.study_instance_uid,
    series_instance_uid: series.set.series_instance_uid,
    sop_instance_uid: instance,
    sop_class_uid: series.sopClass(index),
    frame_number: frame,
    window_center: window?.centre ?? null,
    window_width: window?.width ?? null,
    caption: "",
  };
}
