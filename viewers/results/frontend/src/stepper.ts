/** The three reads in their order: which are locked, by whom and when, with what score. */

import { h } from "@common/dom";
import { clockTime, span } from "@common/format";
import type { Language } from "@common/host";
import type { Translate } from "@common/i18n";
import type { FormKey } from "./formtexts";
import { totalsOf } from "./scales";
import type { Read, Reads } from "./types";

export type ReadName = "independent" | "aided" | "final";
export const READS: readonly ReadName[] = ["independent", "aided", "final"];

export function stepper(
  reads: Reads,
  stage: ReadName | undefined,
  language: Language,
  t: Translate<FormKey>,
): HTMLElement {
  const item = (name: ReadName, i: number): HTMLElement => {
    const read = reads[name];
    const { declined } = reads;
    if (name === "independent" && declined) return declinedItem(declined, t);
    return h(
      "li",
      { class: read ? "rs-done" : "", "aria-current": name === stage ? "step" : null, "data-read": name },
      h("b", {}, `${read ? "✓" : i + 1} ${t(name)}`),
      read && h("span", {}, totalsLine(read, t)),
      read &&
        h(
          "small",
          { class: "hc-muted" },
          t("read_by", { by: read.by, when: clockTime(read.at), time: span(read.seconds, language) }),
        ),
    );
  };
  return h("ol", { class: "rs-stepper" }, ...READS.map(item));
}

function declinedItem(
  { by, at }: NonNullable<Reads["declined"]>,
  t: Translate<FormKey>,
): HTMLElement {
  return h(
    "li",
    { class: "rs-done", "data-read": "declined" },
    h("b", {}, `✕ ${t("declined")}`),
    h("small", { class: "hc-muted" }, t("declined_by", { by, when: at ? clockTime(at) : "…" })),
  );
}

/** The scores of a read in one line. */
export function totalsLine(read: Pick<Read, "regions">, t: Translate<FormKey>): string {
  const { right, left, posterior } = totalsOf(read);
  return [
    right && `${t("right")} ${right}`,
    left && `${t("left")} ${left}`,
    posterior && `pc ${posterior}`,
  ].filter(Boolean).join(" · ");
}
