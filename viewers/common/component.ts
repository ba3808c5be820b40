/** The shape of a Streamlit v2 component, and of what the page hands to it. */

export type Language = "vi" | "en";

export interface CommonData {
  /** URL prefix of the installation: "" or "/hoichan". */
  base: string;
  language: Language;
}

export interface Mount<Data> {
  parentElement: HTMLElement | ShadowRoot;
  data: Data;
  setStateValue: (name: string, value: unknown) => void;
  setTriggerValue: (name: string, value: unknown) => void;
}

interface Living<Data> {
  update(mount: Mount<Data>): void;
  destroy(): void;
}

/**
 * Make an entry's default export out of `start`.
 *
 * Streamlit calls the export again with the same parent for every change of `data` or theme: the
 * first call starts an instance, later ones only update it.
 */
export function entry<Data>(
  start: (mount: Mount<Data>) => Living<Data>,
): (mount: Mount<Data>) => () => void {
  const living = new WeakMap<object, Living<Data>>();
  return (mount) => {
    const parent = mount.parentElement;
    const found = living.get(parent);
    if (found) found.update(mount);
    else living.set(parent, start(mount));
    return () => {
      living.get(parent)?.destroy();
      living.delete(parent);
    };
  };
}
