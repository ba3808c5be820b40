/**
 * What a host (the Streamlit loader or a stand-alone page) gives an entry.
 *
 * An entry's default export is called once to mount and again, with the same `parentElement`,
 * whenever `data` changes. It returns its cleanup; only the last one returned is called.
 */
export interface HostData {
  /** URL prefix of the product: "" or "/prefix", never ending in "/". */
  base: string;
  language: Language;
  theme?: "dark" | "light";
  /** CSS height of the mounted element; the entry chooses when absent. */
  height?: string;
}

export type Language = "vi" | "en";

export interface MountArguments<Data extends HostData> {
  parentElement: HTMLElement | ShadowRoot;
  data: Data;
  setStateValue(name: string, value: unknown): void;
  setTriggerValue(name: string, value: unknown): void;
}

export type Cleanup = () => void;

/** One living mount of an entry: told of new data, and told to go. */
export interface Mounted<Data extends HostData> {
  update(args: MountArguments<Data>): void;
  destroy(): void;
}

/**
 * Make an entry's default export from a function that mounts it the first time.
 *
 * Later calls with the same `parentElement` reach `update`, so that a Streamlit rerun never
 * remounts anything.
 */
export function entry<Data extends HostData>(
  start: (args: MountArguments<Data>) => Mounted<Data>,
): (args: MountArguments<Data>) => Cleanup {
  const living = new WeakMap<object, Mounted<Data>>();
  return (args) => {
    const place = args.parentElement;
    const found = living.get(place);
    if (found) found.update(args);
    else living.set(place, start(args));
    return () => {
      living.get(place)?.destroy();
      living.delete(place);
    };
  };
}
