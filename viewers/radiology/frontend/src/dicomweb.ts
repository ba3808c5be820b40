/** Addresses and headers of PS3.18 under `${base}/dicom-web`. */

import type { Api } from "@common/api";
import { type Header, numeric, personName, TAG, text, values } from "@common/dicomjson";
import type { DisplaySet } from "./types";

export { type Header, numeric, personName, TAG, text, values };

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
