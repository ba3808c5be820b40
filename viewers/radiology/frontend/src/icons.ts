/** Line icons, path data on a 24 × 24 grid; parts parted by "|". */

import type { ToolName } from "./toolgroups";

export const ICONS = {
  window: "M12 3a9 9 0 1 0 0 18z|M12 3a9 9 0 0 1 0 18|M15 7h3|M15 11h5|M15 15h4",
  pan: "M12 3v18|M3 12h18|M9 6l3-3 3 3|M9 18l3 3 3-3|M6 9l-3 3 3 3|M18 9l3 3-3 3",
  zoom: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z|M15.5 15.5L21 21|M8 10.5h5|M10.5 8v5",
  scroll: "M5 7h14v12H5z|M7 4h10|M9 1.8h6|M12 10v6|M10 12l2-2 2 2|M10 14l2 2 2-2",
  crosshairs: "M12 2v7|M12 15v7|M2 12h7|M15 12h7|M12 11.9v.2",
  length: "M3 17L17 3l4 4L7 21z|M7 13l2 2|M10 10l2.5 2.5|M13 7l2 2",
  angle: "M20 19H4L16 5|M11 19a8 8 0 0 0-2-5.5",
  ellipse: "M12 6c5 0 9 2.7 9 6s-4 6-9 6-9-2.7-9-6 4-6 9-6z|M8 12h.1|M12 10h.1|M12 14h.1|M16 12h.1",
  rectangle: "M4 6h16v12H4z|M8 10h.1|M12 10h.1|M16 10h.1|M8 14h.1|M12 14h.1|M16 14h.1",
  probe: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z|M12 2v4|M12 18v4|M2 12h4|M18 12h4",
  arrow: "M4 20L13 11|M4 20v-6|M4 20h6|M15 3h6|M18 3v7",
  layout_1x1: "M4 5h16v14H4z",
  layout_1x2: "M4 5h16v14H4z|M12 5v14",
  layout_2x2: "M4 5h16v14H4z|M12 5v14|M4 12h16",
  layout_mpr: "M4 5h16v14H4z|M13 5v14|M13 12h7|M8.5 8v8|M5.5 12h6",
  reset: "M4 9a8.5 8.5 0 1 1-.5 5|M4 4v5h5",
  invert: "M4 5h16v14H4z|M20 5L4 19|M13 15h4|M7 9h4|M9 7v4",
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14|M16 5v14",
  undo: "M8 5L4 9l4 4|M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M16 5l4 4-4 4|M20 9H10a6 6 0 0 0 0 12h3",
  delete: "M5 7h14|M9 7V4h6v3|M7 7l1 13h8l1-13|M10 11v5|M14 11v5",
  key_image: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9-4.3-4.1 5.9-.8z",
  marks: "M4 6h2|M9 6h11|M4 12h2|M9 12h11|M4 18h2|M9 18h11",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4.2 4.2 0 0 0-6-6l-1.6 1.6|M14 10a4 4 0 0 0-6-.4l-3 3a4.2 4.2 0 0 0 6 6l1.6-1.6",
  strip: "M4 5h16v14H4z|M9 5v14|M5.5 8.5h2|M5.5 12h2|M5.5 15.5h2",
  help: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z|M9.5 9.3a2.6 2.6 0 1 1 3.6 2.5c-.8.4-1.1.9-1.1 1.9|M12 16.8v.1",
  own_window: "M9 5H4v15h15v-5|M13 4h7v7|M20 4l-9 9",
  down: "M6 9l6 6 6-6",
  cross: "M6 6l12 12|M18 6L6 18",
  jump: "M5 12h13|M13 7l5 5-5 5",
  cloud_off: "M4 4l16 16|M8 8a5.5 5.5 0 0 0-1.5 10.9H17|M11 6.2A6 6 0 0 1 17.6 11 4 4 0 0 1 20.5 16.5",
  images: "M4 7h13v13H4z|M8 7V4h12v12h-3",
  document: "M6 3h8l4 4v14H6z|M14 3v4h4|M9 12h6|M9 16h6",
} as const satisfies Record<ToolName, string> & Record<string, string>;

export type IconName = keyof typeof ICONS;
