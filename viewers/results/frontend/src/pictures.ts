/** Pictures a program made of what it found: `detail.pictures`, each with its caption. */

import { h } from "@common/dom";
import type { Text } from "@common/i18n";
import type { Content } from "./types";
import type { Speech } from "./words";

interface Picture {
  caption: Text;
  /** An address of kind `data:`; nothing is fetched for a result. */
  data: string;
}

export function picturesOf(content: Content): readonly Picture[] {
  const found = content.detail["pictures"];
  if (!Array.isArray(found)) return [];
  return (found as Picture[]).filter(({ data }) => /^data:image\/(jpeg|png);base64,/.test(data));
}

export function pictures(content: Content, { language }: Speech): HTMLElement[] {
  return picturesOf(content).map(({ caption, data }) =>
    h("figure", { class: "rs-shot" }, h("img", { src: data, alt: caption[language] }), h("figcaption", {}, caption[language])),
  );
}
