/** What a worklist row says, which rows a filter shows and in which order; nothing is drawn here. */

import { fold } from "@common/format";

export interface Person {
  username: string;
  name: string;
  site: string;
}

/** One item of `GET /api/v1/cases`. */
export interface Row {
  id: string;
  number: string;
  state: string;
  priority: string;
  area: string;
  requesting_site: string;
  requesting_site_name: string;
  consulted_site: string | null;
  consulted_site_name: string;
  requester: Person | null;
  assignee: Person | null;
  patient_name: string;
  patient_id: string;
  patient_birth_date: string;
  patient_sex: string;
  questions: { id: string; text: string }[];
  modalities: string[];
  instance_count: number;
  submitted_at: string | null;
  updated_at: string;
  time_left_seconds: number | null;
  columns: Record<string, string>;
  permissions: string[];
  /** When this row came, in seconds of the page's own clock; not the server's word. */
  received: number;
}

export type Filter = "todo" | "active" | "mine" | "queue" | "overdue" | "all";
export type SortKey = "urgency" | "patient" | "site" | "number" | "state";

const FINISHED = new Set(["closed", "cancelled", "declined", "redirected"]);
const WAITING = new Set(["submitted", "incomplete", "queued"]);
const UNSIGNED = new Set([...WAITING, "assigned", "reading", "preliminary"]);
const EMERGENCY = new Set(["P0", "P1", "PF"]);

export const isEmergency = (row: Row): boolean => EMERGENCY.has(row.priority);

/** An emergency that nobody has started to read. */
export const awaitsReader = (row: Row): boolean =>
  isEmergency(row) && (WAITING.has(row.state) || row.state === "assigned");

/** Whose clock matters: a signed case's clock is the asking side's (acknowledge, decide, report). */
export interface View {
  username: string;
  asking: boolean;
  /** Seconds of the page's own clock. */
  now: number;
}

/** Seconds until the case's clock runs out, or null when none runs for this side. */
export function timeLeft(row: Row, { asking, now }: View): number | null {
  if (row.time_left_seconds === null || FINISHED.has(row.state)) return null;
  if (!asking && !UNSIGNED.has(row.state)) return null;
  // while something is missing the clock waits, but never in an emergency
  const waits = row.state === "incomplete" && !isEmergency(row);
  return row.time_left_seconds - (waits ? 0 : now - row.received);
}

export type Task = "taskSubmit" | "taskComplete" | "taskAcknowledge" | "taskDecide" | "taskOutcome";

/** State → the task, and the permission of whoever it is for. */
const TASKS: Record<string, [Task, string]> = {
  draft: ["taskSubmit", "submit"],
  incomplete: ["taskComplete", "complete"],
  final: ["taskAcknowledge", "acknowledge"],
  delivered: ["taskAcknowledge", "acknowledge"],
  acknowledged: ["taskDecide", "decide"],
  "outcome due": ["taskOutcome", "close"],
};

/** What this user, of the asking side, has to do next, if anything. */
export function task(row: Row): Task | null {
  const [found, permission] = TASKS[row.state] ?? [null, ""];
  return row.permissions.includes(permission) ? found : null;
}

export function shows(filter: Filter, row: Row, view: View): boolean {
  const { username } = view;
  switch (filter) {
    case "all":
      return true;
    case "active":
      return !FINISHED.has(row.state) && (view.asking || row.state !== "draft");
    case "mine":
      return (
        (row.assignee?.username === username || row.requester?.username === username) &&
        !FINISHED.has(row.state)
      );
    case "queue":
      return WAITING.has(row.state);
    case "overdue":
      return (timeLeft(row, view) ?? 1) < 0;
    case "todo":
      return task(row) !== null;
  }
}

/** Text that a search runs over, folded once per answer. */
export const haystack = (row: Row): string =>
  fold(
    [
      row.patient_name.replaceAll("^", " "),
      row.patient_id,
      row.number,
      row.requesting_site,
      row.requesting_site_name,
      row.assignee?.name ?? "",
      row.questions[0]?.text ?? "",
      ...Object.values(row.columns),
    ].join(" "),
  );

/** Every word of the search must be there, in any order. */
export function matches(folded: string, search: string): boolean {
  return fold(search).split(/\s+/).every((word) => folded.includes(word));
}

/** Vietnamese order: given name (the last word) first, then the rest. */
export function nameKey(name: string): string {
  const words = name.replaceAll("^", " ").trim().split(/\s+/);
  return `${words.at(-1) ?? ""} ${words.slice(0, -1).join(" ")}`;
}

const collator = new Intl.Collator("vi", { numeric: true });

function urgency(row: Row): number {
  if (awaitsReader(row)) return 0;
  if (UNSIGNED.has(row.state)) return isEmergency(row) ? 1 : 2;
  return FINISHED.has(row.state) ? 4 : 3;
}

const end = (row: Row): number =>
  row.time_left_seconds === null ? Number.MAX_VALUE : row.received + row.time_left_seconds;

/** `rows` with what came since in the place of what was known. */
export function merged(rows: readonly Row[], news: readonly Row[]): Row[] {
  const known = new Map([...rows, ...news].map((row) => [row.id, row]));
  return [...known.values()];
}

export function compare(key: SortKey): (a: Row, b: Row) => number {
  switch (key) {
    case "urgency":
      return (a, b) =>
        urgency(a) - urgency(b) ||
        end(a) - end(b) ||
        b.number.localeCompare(a.number);
    case "patient":
      return (a, b) => collator.compare(nameKey(a.patient_name), nameKey(b.patient_name));
    case "site":
      return (a, b) => collator.compare(a.requesting_site_name, b.requesting_site_name);
    case "number":
      return (a, b) => collator.compare(b.number, a.number);
    case "state":
      return (a, b) => collator.compare(a.state, b.state) || urgency(a) - urgency(b);
  }
}

/** Age in whole years, or months below two years; null when the birth date is not known. */
export function age(birth: string, now: Date): { years: number } | { months: number } | null {
  const found = /^(\d{4})(\d{2})?(\d{2})?/.exec(birth);
  if (!found) return null;
  const year = Number(found[1]);
  const month = Number(found[2] ?? "1");
  const day = Number(found[3] ?? "1");
  const months =
    (now.getFullYear() - year) * 12 + now.getMonth() + 1 - month - (now.getDate() < day ? 1 : 0);
  if (months < 0 || months > 1800) return null;
  return months < 24 ? { months } : { years: Math.floor(months / 12) };
}
