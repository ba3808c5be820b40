/** The list of marks of the case: which go into the opinion, and their numbers as text. */

import type { Api } from "@common/api";
import { ApiError } from "@common/api";
import { h } from "@common/dom";
import { listen, tell } from "@common/events";
import type { Language } from "@common/host";
import { number, type Translate } from "@common/i18n";

import type { Person } from "./draft";
import { TEXTS, type Key } from "./texts";

/** The part of an annotation's JSON that the list needs. */
export interface Mark {
  id: string;
  kind: string;
  text: string;
  study_instance_uid: string;
  series_instance_uid: string;
  sop_instance_uid: string;
  frame_number: number;
  measurements: { name: string; value: number; unit: string }[];
  author: Person;
  deleted: boolean;
  classification?: { name?: string };
}

/** Of a point set, thousands of points that another program found: it goes in like a mark. */
interface PointSet extends Omit<Mark, "kind" | "text" | "frame_number" | "measurements" | "deleted"> {
  name: string;
  count: number;
}

export interface MarksOptions {
  api: Api;
  caseId: string;
  username: string;
  language: Language;
  t: Translate<Key>;
  place: HTMLElement;
  included(): readonly string[];
  /** The chosen marks changed (also when a mark was deleted on the image). */
  choose(ids: string[]): void;
  insert(text: string): void;
  /** New marks of the reader go in by themselves. */
  fresh: boolean;
}

const POLL_MS = 10000;
const POINT_SET = "point set";
const KINDS: Record<string, Key> = {
  length: "markLength",
  angle: "markAngle",
  ellipse: "markEllipse",
  rectangle: "markRectangle",
  probe: "markProbe",
  arrow: "markArrow",
  polygon: "markPolygon",
  freehand: "markFreehand",
  polyline: "markPolyline",
  point: "markPoint",
  counter: "markCounter",
  "point set": "markPointSet",
};
/** UCUM as people write it. */
const UNITS: Record<string, string> = { "[hnsf'U]": "HU", mm2: "mm²", cm2: "cm²", mm3: "mm³", deg: "°", "%": "%", um: "µm", um2: "µm²", "/mm2": "/mm²", "{count}": "" };
/** Below so many, the smaller unit says it better: what a cell measures is no 0.0 mm. */
const SMALLER: Record<string, readonly [number, number, string]> = { mm: [0.1, 1e3, "um"], mm2: [0.01, 1e6, "um2"] };
const UNDERSTOOD = ["length", "angle", "count", "density", "area", "mean", "standard_deviation", "value", "minimum", "maximum"];

export class Marks {
  private readonly marks = new Map<string, Mark>();
  private revision = 0;
  private first = true;
  private readonly timer: number;
  private readonly deaf: () => void;

  constructor(private readonly options: MarksOptions) {
    this.timer = window.setInterval(() => void (document.hidden || this.ask()), POLL_MS);
    this.deaf = listen("hoichan:annotations", (detail) => {
      if (detail.case_id === options.caseId) void this.ask();
    });
    void this.ask();
  }

  close(): void {
    clearInterval(this.timer);
    this.deaf();
  }

  private async ask(): Promise<void> {
    const { api, caseId } = this.options;
    try {
      const path = `/cases/${encodeURIComponent(caseId)}`;
      const [answer, sets] = await Promise.all([
        api.poll<{ items: Mark[]; revision: number }>(`${path}/annotations?since=${this.revision}`),
        api.poll<{ items: PointSet[] }>(`${path}/point-sets`),
      ]);
      const changed = this.changedSets(sets.items);
      if (answer.revision === this.revision && changed.length === 0 && !this.first) return;
      this.revision = answer.revision;
      this.take([...answer.items, ...changed]);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // asked again in a few seconds
    }
    this.show();
  }

  /** Point sets that came or went, as marks. */
  private changedSets(sets: readonly PointSet[]): Mark[] {
    const held = new Set(sets.map((set) => set.id));
    const gone = [...this.marks.values()].filter((mark) => mark.kind === POINT_SET && !held.has(mark.id));
    const come = sets.filter((set) => !this.marks.has(set.id));
    return [
      ...gone.map((mark) => ({ ...mark, deleted: true })),
      ...come.map((set) => ({
        ...set,
        kind: POINT_SET,
        text: set.name,
        frame_number: 1,
        measurements: [{ name: "count", value: set.count, unit: "{count}" }],
        deleted: false,
      })),
    ];
  }

  private take(items: Mark[]): void {
    const { included, username, choose, fresh } = this.options;
    const chosen = new Set(included());
    for (const mark of items) {
      const isNew = !this.marks.has(mark.id) && (!this.first || fresh);
      if (mark.deleted) {
        this.marks.delete(mark.id);
        chosen.delete(mark.id);
      } else {
        this.marks.set(mark.id, mark);
        if (isNew && mark.author.username === username) chosen.add(mark.id);
      }
    }
    this.first = false;
    if (chosen.size !== included().length || included().some((id) => !chosen.has(id))) choose([...chosen]);
  }

  show(): void {
    const { place, t } = this.options;
    if (this.marks.size === 0) {
      place.replaceChildren(h("p", { class: "hc-muted" }, t("noMarks")));
      return;
    }
    place.replaceChildren(...[...this.marks.values()].map((mark) => this.line(mark)));
  }

  private line(mark: Mark): HTMLElement {
    const { t, included, choose, insert, username } = this.options;
    const kind = t(KINDS[mark.kind] ?? "markOther");
    const name = [mark.text || kind, mark.classification?.name].filter(Boolean).join(" · ");
    const numbers = this.numbers(mark);
    const box = h("input", {
      type: "checkbox",
      title: t("include"),
      "aria-label": `${t("include")}: ${name}`,
      checked: included().includes(mark.id),
      onchange: () =>
        choose(box.checked ? [...included(), mark.id] : included().filter((id) => id !== mark.id)),
    });
    return h(
      "div",
      { class: "rp-mark" },
      box,
      h(
        "button",
        {
          type: "button",
          class: "rp-jump",
          title: t("show"),
          onclick: () =>
            tell("hoichan:show", {
              case_id: this.options.caseId,
              study_instance_uid: mark.study_instance_uid,
              series_instance_uid: mark.series_instance_uid,
              sop_instance_uid: mark.sop_instance_uid,
              frame_number: mark.frame_number,
              annotation_id: mark.id,
            }),
        },
        h("span", {}, name),
        h("b", {}, numbers),
        mark.author.username !== username && h("small", { class: "hc-muted" }, mark.author.name),
      ),
      numbers !== "" &&
        h(
          "button",
          {
            type: "button",
            class: "hc-button hc-quiet",
            title: t("insert"),
            "aria-label": `${t("insert")}: ${name} ${numbers}`,
            onclick: () => insert(mark.text ? `${mark.text}: ${numbers}` : numbers),
          },
          "↳",
        ),
    );
  }

  private numbers(mark: Mark): string {
    const { language, t } = this.options;
    return UNDERSTOOD.flatMap((name) => mark.measurements.filter((m) => m.name === name))
      .slice(0, 3)
      .map((m) => {
        const [limit, factor, smaller] = SMALLER[m.unit] ?? [0, 1, m.unit];
        const small = m.value !== 0 && Math.abs(m.value) < limit;
        const [value, code] = small ? [m.value * factor, smaller] : [m.value, m.unit];
        const unit = UNITS[code] ?? code;
        const label = m.name === "value" || !(m.name in TEXTS) ? "" : `${t(m.name as Key)} `;
        const space = unit === "" || unit === "°" || unit.startsWith("/") ? "" : " ";
        // An area on a slide is most often a small part of a square millimetre.
        const decimals = m.name === "count" ? 0 : code === "mm2" && Math.abs(value) < 1 ? 3 : 1;
        return `${label}${number(value, decimals, language)}${space}${unit}`;
      })
      .join(", ");
  }
}
