/** Whose images these are, from the images' own header. */

import { h } from "@common/dom";
import { dicomDate, type Translate } from "@common/i18n";
import { type Header, personName, TAG, text } from "./dicomweb";
import type { MessageKey } from "./messages";

export class Banner {
  readonly root = h("div", { class: "hv-banner" });
  private header: Header | undefined;

  constructor(private readonly t: Translate<MessageKey>) {}

  show(header: Header | undefined): void {
    if (!header || header === this.header) return;
    this.header = header;
    this.rewrite();
  }

  rewrite(): void {
    const { t, header } = this;
    if (!header) {
      this.root.replaceChildren();
      return;
    }
    const sex = text(header, TAG.patientSex);
    const birth = dicomDate(text(header, TAG.patientBirthDate));
    const study = [
      dicomDate(text(header, TAG.studyDate)),
      text(header, TAG.studyDescription),
      text(header, TAG.institutionName),
    ].filter(Boolean);
    const person = [
      text(header, TAG.patientId),
      birth ? `${t("born")} ${birth}` : "",
      age(text(header, TAG.patientAge)),
      sex === "M" || sex === "F" || sex === "O" ? t(`sex_${sex}`) : "",
    ].filter(Boolean);
    this.root.replaceChildren(
      h("strong", {}, personName(header, TAG.patientName) || t("no_name")),
      h("span", {}, person.join(" · ")),
      h("span", { class: "hv-study" }, study.join(" · ")),
    );
  }
}

/** "056Y" as "56 Y"; months, weeks and days likewise (PS3.5 6.2, AS). */
function age(value: string): string {
  const found = /^0*(\d+)([DWMY])$/.exec(value);
  return found ? `${found[1]} ${found[2]}` : "";
}
