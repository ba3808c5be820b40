/**
 * Asking the server to count within what the reader drew.
 *
 * Nuclei in closed outlines, mitoses marked by the counter in fixed boxes. What comes back is shown,
 * corrected and confirmed in the panel of results; a mark that moved is sent anew with the next press.
 */

import type { Api } from "@common/api";
import { isFixedBox } from "./shapes";
import type { Kind, Mark } from "./types";

export type Counting = "nuclei_count" | "mitoses";

interface Sent {
  annotation_id: string;
  series_instance_uid: string;
  kind: Kind;
  label: string;
  points_mm: (readonly [number, number])[];
}

type Form = Partial<Record<"regions" | "boxes" | "counters", Sent[]>>;

interface Started {
  id: string;
  revision: number;
  edits: { form?: Form } & Readonly<Record<string, unknown>>;
}

const AREAS: readonly Kind[] = ["polygon", "freehand", "rectangle", "ellipse"];
/** What a form may hold is limited; no outline needs more. */
const MOST_CORNERS = 300;
const MOST_REGIONS = 6;
/** A hundredth of a micrometre. */
const rounded = (mm: number): number => Math.round(mm * 1e5) / 1e5;

/** What can be counted in that mark. */
export function countingOf(mark: Mark | undefined): Counting | undefined {
  if (!mark) return undefined;
  if (mark.content.kind === "counter" || isFixedBox(mark.content)) return "mitoses";
  return AREAS.includes(mark.content.kind) ? "nuclei_count" : undefined;
}

/** Ask for it. `marks` are those of the slide, `find` finds any mark of the case. */
export async function count(
  api: Api,
  caseId: string,
  mark: Mark,
  marks: readonly Mark[],
  find: (id: string) => Mark | undefined,
): Promise<void> {
  const analysis = countingOf(mark);
  if (!analysis) return;
  const { study_instance_uid } = mark.content;
  const started = await api.post<Started>(`/cases/${caseId}/results`, { analysis, study_instance_uid });
  const { edits } = started;
  const form: Form =
    analysis === "mitoses"
      ? {
          boxes: marks.filter(({ content }) => isFixedBox(content)).map(sent),
          counters: marks.filter(({ content }) => content.kind === "counter").map(sent),
        }
      : { regions: regionsWith(mark, edits.form?.regions ?? [], find) };
  await api.put(`/cases/${caseId}/results/${started.id}/edits`, {
    edits: { ...edits, form },
    revision: started.revision,
  });
}

/** The regions counted before that are still there, where they are now, and this one. */
function regionsWith(mark: Mark, before: readonly Sent[], find: (id: string) => Mark | undefined): Sent[] {
  const known = before
    .filter(({ annotation_id }) => annotation_id !== mark.id)
    .map(({ annotation_id }) => find(annotation_id))
    .filter((one): one is Mark => one !== undefined);
  return [...known, mark].slice(-MOST_REGIONS).map(sent);
}

function sent({ id, content }: Mark): Sent {
  const { kind, points_mm, series_instance_uid, text } = content;
  const step = kind === "counter" ? 1 : Math.ceil(points_mm.length / MOST_CORNERS);
  return {
    annotation_id: id,
    series_instance_uid,
    kind,
    label: isFixedBox(content) ? "" : text,
    points_mm: points_mm.filter((_, at) => at % step === 0).map(([x, y]) => [rounded(x), rounded(y)] as const),
  };
}
