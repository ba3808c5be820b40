/** The field on the screen as a key image: level 0, and which part of it. */

import type { KeyImage } from "@common/events";
import type { Language } from "@common/host";
import type { Pane } from "./pane";
import { magnificationWords } from "./scale";

export function fieldOf(pane: Pane, name: string, language: Language): KeyImage {
  const { slide } = pane;
  const magnification = pane.magnification();
  const power = magnification === undefined ? "" : magnificationWords(magnification, language);
  return {
    study_instance_uid: slide.study_instance_uid,
    series_instance_uid: slide.series_instance_uid,
    sop_instance_uid: slide.sop_instance_uid,
    sop_class_uid: slide.sop_class_uid,
    frame_number: 1,
    window_center: null,
    window_width: null,
    caption: [name, power].filter(Boolean).join(" · "),
    region: { slide: slide.slide, ...pane.region },
  };
}
