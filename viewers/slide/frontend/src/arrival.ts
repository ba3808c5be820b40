/** A slide of which the larger levels are still on their way: what is here, and how to say so. */

import type { Language } from "@common/host";
import { inLanguage, number, type Text } from "@common/i18n";
import { magnificationWords, nativeOf } from "./scale";
import type { Level, Slide } from "./types";

const WORDS = {
  coming: { vi: "Đang nhận tiêu bản: {percent} %", en: "The slide is arriving: {percent} %" },
  waiting: { vi: "Tiêu bản chưa nhận đủ", en: "The slide is not complete" },
  upTo: { vi: "hiện xem nét đến {power}", en: "sharp up to {power} for now" },
  stretched: {
    vi: "đang phóng quá mức đã nhận: ảnh kéo giãn",
    en: "zoomed beyond what has come: the picture is stretched",
  },
  first: { vi: "chỗ này được gửi trước", en: "this place is sent first" },
  here: { vi: "riêng chỗ này đã nét", en: "this place is sharp already" },
} as const satisfies Record<string, Text>;

/** The levels of which something has come; of a slide that does not say, all. */
export function levelsHere(slide: Slide): readonly Level[] {
  const here = slide.levels.filter((level) => level.received !== 0);
  return here.length ? here : slide.levels;
}

/** Pixels of level 0 in one of the largest level that has come: 1 when the base is here. */
export function finestHere(slide: Slide): number {
  return Math.min(...levelsHere(slide).map((level) => level.downsample[0]));
}

/** The place in sight, of a slide that is still arriving. */
export interface Place {
  /** Pixels of level 0 in one of the largest level of which all of it has come. */
  finest: number;
  /** It is sent before the rest. */
  isFirst: boolean;
}

/** What is seen sharp at most at this magnification. */
export function sharpAt(slide: Slide, magnification: number, { finest }: Place): number {
  const native = nativeOf(slide);
  return native === undefined ? magnification : Math.min(magnification, native / finest);
}

/** One sentence for the reader; nothing when the base is here. */
export function arrivalWords(
  slide: Slide,
  share: number | null | undefined,
  magnification: number | undefined,
  place: Place,
  language: Language,
): string {
  const finest = finestHere(slide);
  if (finest <= 1) return "";
  const say = (key: keyof typeof WORDS, name = "", value = ""): string =>
    inLanguage(WORDS[key], language).replace(`{${name}}`, value);
  // All bytes may be here a while before they are worked through.
  const percent = number(Math.min(99, Math.floor((share ?? 0) * 100)), 0, language);
  const said = [typeof share === "number" ? say("coming", "percent", percent) : say("waiting")];
  const native = nativeOf(slide);
  if (native !== undefined) {
    said.push(say("upTo", "power", magnificationWords(native / finest, language)));
    const isBeyond = (level: number): boolean => magnification !== undefined && magnification > (native / level) * 1.08;
    if (isBeyond(place.finest)) {
      said.push(say("stretched"));
      if (place.isFirst && typeof share === "number") said.push(say("first"));
    } else if (isBeyond(finest)) {
      said.push(say("here"));
    }
  }
  return said.join(" · ");
}
