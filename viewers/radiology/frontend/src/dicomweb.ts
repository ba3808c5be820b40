/** Addresses and headers of PS3.18 under `${base}/dicom-web`. */

import type { Api } from "@common/api";
import type { DisplaySet } from "./types";

interface Attribute {
  vr: string;
  Value?: readonly unknown[];
  InlineBinary?: string;
}

/** One instance's header in the DICOM JSON model (PS3.18 F.2). */
export type Header = Readonly<Record<string, Attribute>>;

export const TAG = {
  sopClassUid: "00080016",
  sopInstanceUid: "00080018",
  studyDate: "00080020",
  modality: "00080060",
  institutionName: "00080080",
  studyDescription: "00081030",
  availableTransferSyntaxUid: "00083002",
  patientName: "00100010",
  patientId: "00100020",
  patientBirthDate: "00100030",
  patientSex: "00100040",
  patientAge: "00101010",
  sliceThickness: "00180050",
  frameOfReferenceUid: "00200052",
  samplesPerPixel: "00280002",
  rescaleIntercept: "00281052",
  lossyImageCompression: "00282110",
  lossyImageCompressionRatio: "00282112",
  cineRate: "00180040",
  recommendedFrameRate: "00082144",
  frameTime: "00181063",
} as const;

export function values(header: Header | undefined, tag: string): readonly unknown[] {
  return header?.[tag]?.Value ?? [];
}

export function text(header: Header | undefined, tag: string): string {
  const value = values(header, tag)[0];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

export function numeric(header: Header | undefined, tag: string): number | null {
  const raw = values(header, tag)[0];
  if (raw === undefined || raw === null || raw === "") return null;
  const value = Number(raw);
  return Number.isFinite(value) ? value : null;
}

/** A person name as read: its alphabetic group, components joined by spaces (PS3.5 6.2.1). */
export function personName(header: Header | undefined, tag: string): string {
  const value = values(header, tag)[0];
  const groups = (typeof value === "object" && value !== null ? value : {}) as {
    Alphabetic?: string;
    Ideographic?: string;
  };
  return (groups.Alphabetic ?? groups.Ideographic ?? "")
    .split("^")
    .map((part) => part.trim())
    .filter(Boolean)
    .join(" ");
}

const ROOT = "/dicom-web";

function seriesPath(set: DisplaySet): string {
  return `${ROOT}/studies/${set.study_instance_uid}/series/${set.series_instance_uid}`;
}

function framePath(set: DisplaySet, index: number): string {
  const [instance, frame] = set.frames[index]!;
  return `${seriesPath(set)}/instances/${instance}/frames/${frame}`;
}

/** What Cornerstone calls a frame: its WADO-RS address behind a scheme. */
export function imageId(base: string, set: DisplaySet, index: number): string {
  return `wadors:${base}${framePath(set, index)}`;
}

export function thumbnailUrl(base: string, set: DisplaySet): string {
  return `${base}${framePath(set, set.frames.length >> 1)}/thumbnail?viewport=160,160`;
}

/** Headers of a series by SOP Instance UID. */
export async function seriesHeaders(api: Api, set: DisplaySet): Promise<Map<string, Header>> {
  const response = await api.request(`${seriesPath(set)}/metadata`, {
    headers: { Accept: "application/dicom+json" },
  });
  const headers = (await response.json()) as Header[];
  return new Map(headers.map((header) => [text(header, TAG.sopInstanceUid), header]));
}

// Transfer syntaxes that lose information (PS3.5 A.4): JPEG 8- and 12-bit, JPEG-LS near-lossless,
// JPEG 2000 and HTJ2K without the lossless promise, JPEG XL, and MPEG/HEVC video.
const LOSSY = new Set([
  ...["50", "51", "53", "55", "81", "91", "93", "112", "203"].map((n) => `1.2.840.10008.1.2.4.${n}`),
  ...["100", "101", "102", "103", "104", "105", "106", "107", "108"].map(
    (n) => `1.2.840.10008.1.2.4.${n}`,
  ),
]);

/** The lossy badge: null when lossless, else the ratio (or 0 when it is not told). */
export function lossyRatio(header: Header | undefined, transferSyntax: string): number | null {
  const told = text(header, TAG.lossyImageCompression) === "01";
  // .91 may hold lossless data; only the flag tells, and its absence is no promise.
  if (!told && !LOSSY.has(transferSyntax)) return null;
  return numeric(header, TAG.lossyImageCompressionRatio) ?? 0;
}
