/** How a slide's colours are shown: corrected, parted by stain, mixed from channels. */

import type { OpticalPath, Slide } from "./types";

export type StainView = "none" | "hematoxylin" | "eosin" | "dab" | "normalised";

export const STAIN_VIEWS: readonly StainView[] = ["none", "hematoxylin", "eosin", "dab", "normalised"];

/** So many of a fluorescence slide's channels are shown at first; some have a hundred. */
export const FIRST_CHANNELS = 6;

export interface Channel {
  name: string;
  /** 0 to 1 each. */
  colour: readonly [number, number, number];
  /** Shares of the tile's own range. */
  window: readonly [number, number];
  isOn: boolean;
}

export interface Look {
  /** Colours corrected by the scanner's profile, where there is one. */
  corrected: boolean;
  stain: StainView;
  channels: Channel[];
}

/** Fluorescence: each optical path is grey, gets its colour here, and is added to the others. */
export function isMixed(slide: Slide): boolean {
  return slide.optical_paths[0]?.monochrome === true;
}

export function firstLook(slide: Slide): Look {
  return { corrected: slide.icc, stain: "none", channels: slide.optical_paths.map(channelOf) };
}

function channelOf(path: OpticalPath, index: number): Channel {
  const [red, green, blue] = path.colour;
  return {
    name: path.description || path.id || String(index + 1),
    colour: [red / 255, green / 255, blue / 255],
    window: [path.window[0] / 255, path.window[1] / 255],
    // Of colour, one path is shown at a time.
    isOn: index < (path.monochrome ? FIRST_CHANNELS : 1),
  };
}

/** True when a tile is shown just as it came. */
export function isPlain(slide: Slide, look: Look): boolean {
  return !isMixed(slide) && slide.optical_paths.length < 2 && !(look.corrected && slide.icc) && look.stain === "none";
}
