/** Line icons, path data on a 24 × 24 grid; parts parted by "|". */

import type { Tool } from "./sketch";

export const ICONS = {
  hand: "M5 4l6 15 2.2-6.2L19.5 10z|M13.5 13l5 6",
  point: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
  line: "M5 19L19 5",
  polyline: "M4 18l5-9 5 6 6-11",
  polygon: "M12 4l8 6-3 9H7l-3-9z",
  freehand: "M4 15c2-8 6-9 8-6s-3 8 1 9 7-3 7-9",
  rectangle: "M4 6h16v12H4z",
  ellipse: "M12 6c5 0 9 2.7 9 6s-4 6-9 6-9-2.7-9-6 4-6 9-6z",
  text: "M5 6h14|M12 6v13|M9 19h6",
  length: "M3 17L17 3l4 4L7 21z|M7 13l2 2|M10 10l2.5 2.5|M13 7l2 2",
  angle: "M20 19H4L16 5|M11 19a8 8 0 0 0-2-5.5",
  box: "M5 5h14v14H5z|M9 10h4v2H9v2h4|M16 9.5v1.5",
  counter: "M6 8a2 2 0 1 0 0-.1|M13 14a2 2 0 1 0 0-.1|M17 6a2 2 0 1 0 0-.1|M6 18h4|M8 16v4",
  tray: "M4 5h16v14H4z|M9 5v14|M5.5 8.5h2|M5.5 12h2|M5.5 15.5h2",
  single: "M4 5h16v14H4z",
  double: "M4 5h16v14H4z|M12 5v14",
  lock: "M6 11h12v9H6z|M8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  fit: "M4 9V4h5|M20 9V4h-5|M4 15v5h5|M20 15v5h-5",
  turn: "M19 9a7.5 7.5 0 1 0 .5 5|M20 4v5h-5",
  flip: "M12 3v18|M9 7L3 17h6z|M15 7l6 10h-6z",
  raster: "M4 6h15v4H5v4h14v4H5|M8 15.5L5 18l3 2.5",
  colours: "M12 3.5a8.5 8.5 0 1 0 0 17c1.5 0 2-1 1.5-2s0-2.5 1.5-2.5h2.5a3 3 0 0 0 3-3c0-5-4-9.5-8.5-9.5z|M8 11v.1|M11 7.5v.1|M15.5 8.5v.1",
  focus: "M4 8l8-4 8 4-8 4z|M4 12l8 4 8-4|M4 16l8 4 8-4",
  undo: "M8 5L4 9l4 4|M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M16 5l4 4-4 4|M20 9H10a6 6 0 0 0 0 12h3",
  delete: "M5 7h14|M9 7V4h6v3|M7 7l1 13h8l1-13|M10 11v5|M14 11v5",
  eye: "M2.5 12s3.5-6 9.5-6 9.5 6 9.5 6-3.5 6-9.5 6-9.5-6-9.5-6z|M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  eye_off: "M4 4l16 16|M9 6.4A10 10 0 0 1 12 6c6 0 9.5 6 9.5 6a17 17 0 0 1-3 3.6|M6 8a16 16 0 0 0-3.5 4s3.5 6 9.5 6c1.2 0 2.3-.2 3.3-.6",
  key_image: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9-4.3-4.1 5.9-.8z",
  marks: "M4 6h2|M9 6h11|M4 12h2|M9 12h11|M4 18h2|M9 18h11",
  label: "M4 6h16v12H4z|M7.5 9.500v5|M10.5 9.500v5|M12.5 9.500v5|M16.5 9.500v5",
  full: "M4 9V4h5|M20 9V4h-5|M4 15v5h5|M20 15v5h-5|M9 12h6|M12 9v6",
  own_window: "M9 5H4v15h15v-5|M13 4h7v7|M20 4l-9 9",
  help: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z|M9.5 9.3a2.6 2.6 0 1 1 3.6 2.500c-.8.4-1.1.9-1.1 1.9|M12 16.800v.1",
  cross: "M6 6l12 12|M18 6L6 18",
  cloud_off: "M4 4l16 16|M8 8a5.5 5.5 0 0 0-1.5 10.900H17|M11 6.200A6 6 0 0 1 17.6 11 4 4 0 0 1 20.5 16.5",
} as const satisfies Record<Tool, string> & Record<string, string>;

export type IconName = keyof typeof ICONS;
