/** Whose slides these are, from the study's own header. */

import type { Api } from "@common/api";
import { type Header, personName, TAG, text } from "@common/dicomjson";
import { h } from "@common/dom";
import { dicomDate, type Translate } from "@common/i18n";
import type { MessageKey } from "./messages";
import { fetchJson } from "./prepare";

export class Banner {
  readonly root = h("div", { class: "hs-banner" });
  private readonly known = new Map<string, Promise<Header | undefined>>();
  private study = "";

  constructor(
    private readonly api: Api,
    private readonly t: Translate<MessageKey>,
  ) {}

  show(studyInstanceUid: string): void {
    this.study = studyInstanceUid;
    this.rewrite();
  }

  rewrite(): void {
    const { study } = this;
    this.header(study).then(
      (header) => study === this.study && header && this.write(header),
      // The case's own head names the patient too.
      () => this.known.delete(study),
    );
  }

  private header(study: string): Promise<Header | undefined> {
    let found = this.known.get(study);
    if (!found) {
      found = fetchJson<Header[]>(this.api, `/dicom-web/studies?StudyInstanceUID=${study}`).then(([first]) => first);
      this.known.set(study, found);
    }
    return found;
  }

  private write(header: Header): void {
    const { t } = this;
    const sex = text(header, TAG.patientSex);
    const birth = dicomDate(text(header, TAG.patientBirthDate));
    const person = [
      text(header, TAG.patientId),
      birth ? `${t("born")} ${birth}` : "",
      sex === "M" || sex === "F" || sex === "O" ? t(`sex_${sex}`) : "",
    ];
    const study = [dicomDate(text(header, TAG.studyDate)), text(header, TAG.studyDescription)];
    this.root.replaceChildren(
      h("strong", {}, personName(header, TAG.patientName) || t("no_name")),
      h("span", {}, person.filter(Boolean).join(" · ")),
      h("span", { class: "hs-study" }, study.filter(Boolean).join(" · ")),
    );
  }
}
