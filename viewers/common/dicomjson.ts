/** Headers in the DICOM JSON model (PS3.18 F.2). */

interface Attribute {
  vr: string;
  Value?: readonly unknown[];
  InlineBinary?: string;
}

/** The header of an instance, a series or a study. */
export type Header = Readonly<Record<string, Attribute>>;

export const TAG = {
  sopClassUid: "00080016",
  sopInstanceUid: "00080018",
  acquisitionDateTime: "0008002A",
  acquisitionTime: "00080032",
  contentTime: "00080033",
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
