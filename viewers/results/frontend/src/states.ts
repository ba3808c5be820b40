/** Signs and tones of the states: a sign and words beside every colour. */

import type { State } from "./types";

export const STATE_SIGNS: Readonly<Record<State, string>> = {
  due: "◌",
  running: "◔",
  computed: "◇",
  edited: "✎",
  confirmed: "✔",
  failed: "✕",
  cancelled: "■",
};

export const STATE_TONES: Readonly<Record<State, string>> = {
  due: "quiet",
  running: "info",
  computed: "warn",
  edited: "warn",
  confirmed: "good",
  failed: "bad",
  cancelled: "quiet",
};
