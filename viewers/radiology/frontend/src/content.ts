/** What a viewport shows. */

import type { View } from "./geometry";
import type { BuiltVolume, Series } from "./series";

export type Content =
  | { kind: "empty" }
  | { kind: "message"; sentence: string }
  | { kind: "stack"; series: Series }
  | {
      kind: "volume";
      series: Series;
      volume: BuiltVolume;
      view: View;
      /** Slices count against Cornerstone's order. */
      isReversed: boolean;
    };
