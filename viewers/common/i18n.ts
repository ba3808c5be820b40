import type { Language } from "./host";

/** One string in both languages, as `plugins.nouns.Text` writes it in JSON. */
export interface Text {
  vi: string;
  en: string;
}

export type Label = Text | string;

/** A catalogue: both languages are there or it does not compile. */
export type Catalogue<Key extends string> = Readonly<Record<Key, Text>>;

export type Translate<Key extends string> = (
  key: Key,
  values?: Readonly<Record<string, string | number>>,
) => string;

/** Return a function that looks up `catalogue` and fills places: `{n}`, and `{n|slice|slices}` by number. */
export function translator<Key extends string>(
  catalogue: Catalogue<Key>,
  language: () => Language,
): Translate<Key> {
  return (key, values = {}) =>
    catalogue[key][language()].replace(
      /\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g,
      (place, name: string, one?: string, many?: string) => {
        if (!(name in values)) return place;
        const value = String(values[name]);
        return many === undefined ? value : value === "1" ? one! : many;
      },
    );
}

export function inLanguage(label: Label | null | undefined, language: Language): string {
  if (label === null || label === undefined) return "";
  return typeof label === "string" ? label : label[language];
}

const LOCALES: Record<Language, string> = { vi: "vi-VN", en: "en-GB" };

/** A number with a fixed count of decimals in the reader's notation (12,5 or 12.5). */
export function number(value: number, decimals: number, language: Language): string {
  return value.toLocaleString(LOCALES[language], {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
    useGrouping: false,
  });
}

/** A DICOM date (YYYYMMDD) as dd/mm/yyyy; anything else unchanged. */
export function dicomDate(value: string): string {
  const found = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(value.trim());
  return found ? `${found[3]}/${found[2]}/${found[1]}` : value;
}
