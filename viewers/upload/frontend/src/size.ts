import { number } from "@common/i18n";
import type { Language } from "@common/host";

/** Bytes as people read them: 1,2 GB. */
export function bytes(count: number, language: Language): string {
  if (count >= 1e9) return `${number(count / 1e9, 1, language)} GB`;
  if (count >= 1e6) return `${number(count / 1e6, 1, language)} MB`;
  return `${number(Math.max(1, Math.round(count / 1e3)), 0, language)} kB`;
}
