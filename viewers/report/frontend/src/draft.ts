/** The draft as it is saved: one content, one revision, and how two versions of it are merged. */

import { imageId, type KeyImage } from "@common/events";
import type { Text } from "@common/i18n";

export interface Person {
  username: string;
  name: string;
  site: string;
}

export interface Content {
  template_id: string;
  language: string;
  sections: Record<string, string>;
  answers: Record<string, string>;
  key_images: KeyImage[];
  annotation_ids: string[];
  concordance: string;
  transfer: string;
}

export interface Section {
  key: string;
  title: Text;
  required: boolean;
  placeholder: Text | null;
}

/** A confirmed result that would be signed with the opinion. */
export interface DraftResult {
  id: string;
  title: Text;
  content_hash: string;
  confirmed_by: Person;
  confirmed_at: string;
}

/** `GET /api/v1/cases/{id}/draft`. */
export interface Draft {
  content: Partial<Content>;
  revision: number;
  template: { id: string; title: Text | string; sections: Section[] };
  questions: { id: string; text: string }[];
  readers: Person[];
  results: DraftResult[];
  /** The template's text with the confirmed results in it, by section. */
  suggestions: Record<string, string>;
}

export function completed(draft: Draft, language: string): Content {
  const { content, template, questions } = draft;
  return {
    template_id: content.template_id || template.id,
    language: content.language || language,
    sections: Object.fromEntries(
      template.sections.map(({ key }) => [key, content.sections?.[key] ?? ""]),
    ),
    answers: Object.fromEntries(questions.map(({ id }) => [id, content.answers?.[id] ?? ""])),
    key_images: content.key_images ?? [],
    annotation_ids: content.annotation_ids ?? [],
    concordance: content.concordance ?? "",
    transfer: content.transfer ?? "",
  };
}

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export interface Merged {
  content: Content;
  /** Places that both sides changed, differently: `sections.findings`, `transfer` … */
  clashes: string[];
}

/** Three-way merge, field by field: a side that left a field as it was in `base` gives way. */
export function merge(base: Content, mine: Content, theirs: Content): Merged {
  const clashes: string[] = [];
  const pick = <T>(place: string, b: T, m: T, t: T): T => {
    if (same(m, t) || same(t, b)) return m;
    if (same(m, b)) return t;
    clashes.push(place);
    return m;
  };
  const texts = (name: "sections" | "answers"): Record<string, string> =>
    Object.fromEntries(
      Object.keys({ ...theirs[name], ...mine[name] }).map((key) => [
        key,
        pick(`${name}.${key}`, base[name][key] ?? "", mine[name][key] ?? "", theirs[name][key] ?? ""),
      ]),
    );
  const content: Content = {
    template_id: mine.template_id,
    language: mine.language,
    sections: texts("sections"),
    answers: texts("answers"),
    key_images: mergeLists(base.key_images, mine.key_images, theirs.key_images, imageId),
    annotation_ids: mergeLists(base.annotation_ids, mine.annotation_ids, theirs.annotation_ids, (id) => id),
    concordance: pick("concordance", base.concordance, mine.concordance, theirs.concordance),
    transfer: pick("transfer", base.transfer, mine.transfer, theirs.transfer),
  };
  return { content, clashes };
}

/** Mine, with what they added, without what they took away. */
function mergeLists<T>(base: T[], mine: T[], theirs: T[], id: (item: T) => string): T[] {
  const [known, there, here] = [base, theirs, mine].map((list) => new Set(list.map(id)));
  const kept = mine.filter((item) => there?.has(id(item)) || !known?.has(id(item)));
  const added = theirs.filter((item) => !here?.has(id(item)) && !known?.has(id(item)));
  return [...kept, ...added];
}
