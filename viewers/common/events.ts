/**
 * What the parts of the reading room tell each other, on `window`: no server, no page rerun.
 *
 * The viewer tells `hoichan:annotations` after the server took a mark, and `hoichan:key-image`
 * when the reader chose one (or when the report asked). The report tells `hoichan:show` to bring
 * the viewer to an image, and `hoichan:ask-key-image` to get the one in the active viewport.
 */

export interface KeyImage {
  study_instance_uid: string;
  series_instance_uid: string;
  sop_instance_uid: string;
  sop_class_uid: string;
  frame_number: number;
  window_center: number | null;
  window_width: number | null;
  caption: string;
}

export interface RoomEvents {
  "hoichan:annotations": { case_id: string; revision: number };
  "hoichan:key-image": { case_id: string; key_image: KeyImage };
  "hoichan:ask-key-image": { case_id: string };
  "hoichan:show": {
    case_id: string;
    study_instance_uid: string;
    series_instance_uid: string;
    sop_instance_uid: string;
    frame_number: number;
    annotation_id?: string;
  };
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
