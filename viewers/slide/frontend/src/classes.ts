/** Classes of marks: a name, a colour, and a code where a standard has one. */

import type { Language } from "@common/host";
import type { Text } from "@common/i18n";
import type { Classification } from "./types";

interface Class {
  name: Text;
  colour: string;
  /** SNOMED CT, as DICOM uses it. */
  code?: { value: string; meaning: string };
}

export const CLASSES: readonly Class[] = [
  { name: { vi: "Không lớp", en: "No class" }, colour: "#ffd400" },
  { name: { vi: "U", en: "Tumour" }, colour: "#e6194b", code: { value: "108369006", meaning: "Neoplasm" } },
  { name: { vi: "Hoại tử", en: "Necrosis" }, colour: "#911eb4", code: { value: "6574001", meaning: "Necrosis" } },
  { name: { vi: "Viêm", en: "Inflammation" }, colour: "#f58231", code: { value: "409774005", meaning: "Inflammation" } },
  { name: { vi: "Mô lành", en: "Normal tissue" }, colour: "#3cb44b", code: { value: "85756007", meaning: "Tissue" } },
  { name: { vi: "Nhân phân chia", en: "Mitotic figure" }, colour: "#00c8ff" },
  { name: { vi: "Dương tính", en: "Positive" }, colour: "#a8541c" },
  { name: { vi: "Âm tính", en: "Negative" }, colour: "#3f6bff" },
  { name: { vi: "Bờ diện cắt", en: "Margin" }, colour: "#f032e6" },
];

export const FIRST_COLOUR = CLASSES[0]!.colour;

/** What is kept with a mark: the name as the reader says it, the code for other programs. */
export function classification(index: number, language: Language): Classification {
  if (index === 0) return {};
  const { name, colour, code } = CLASSES[index]!;
  return {
    name: name[language],
    colour,
    ...(code ? { code: { ...code, scheme_designator: "SCT" } } : {}),
  };
}

/** One of ours under either of its names, or named by nothing but its code, as files name it. */
function known({ name, code }: Classification): Class | undefined {
  return CLASSES.find(
    (one) =>
      one.name.vi === name ||
      one.name.en === name ||
      (one.code !== undefined && one.code.value === code?.value && code.meaning === name),
  );
}

/** The name of a class as the reader says it; foreign ones as they came. */
export function className(of: Classification, language: Language): string {
  return known(of)?.name[language] ?? of.name ?? "";
}

/** The same for marks of one class, in whatever language each was drawn. */
export function classKey(of: Classification): string {
  return className(of, "en");
}
