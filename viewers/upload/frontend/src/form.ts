/** Whose files they are: a study that is here, or a new one with its patient. */

import type { Api } from "@common/api";
import { h } from "@common/dom";
import { dicomDate } from "@common/i18n";

import { birthDate } from "./birthdate";
import type { Spoken } from "./spoken";
import type { Key } from "./texts";
import type { Facts } from "./tus";

interface Study {
  study_instance_uid: string;
  patient_id: string;
  patient_name: string;
  study_date: string;
  accession_number: string;
  modalities: string[];
}

const NEW = "";
const PATIENT = ["patient_id", "patient_name", "patient_birth_date", "patient_sex", "accession_number"];

export class Form {
  readonly element: HTMLElement;
  private readonly fields = new Map<string, HTMLInputElement | HTMLSelectElement>();
  private readonly study: HTMLSelectElement;
  // Slides of one visit to this page without an accession number are one study.
  private readonly batch = Array.from(crypto.getRandomValues(new Uint32Array(4))).join(".");

  constructor(
    private readonly api: Api,
    private readonly spoken: Spoken,
    private readonly onChange: () => void,
  ) {
    this.study = h("select", { name: "study_instance_uid", onchange: () => this.changed() });
    this.study.append(h("option", { value: NEW }, spoken.words("newStudy")));
    const sexes = [
      h("option", { value: "" }, spoken.words("unknown")),
      h("option", { value: "F" }, spoken.words("female")),
      h("option", { value: "M" }, spoken.words("male")),
      h("option", { value: "O" }, spoken.words("other")),
    ];
    this.element = h(
      "section",
      {},
      h("h2", {}, spoken.words("whose")),
      h(
        "div",
        { class: "up-fields" },
        h("label", { class: "up-wide" }, spoken.words("study"), this.study),
        this.field("patient_id", "patientId", 64),
        this.field("patient_name", "patientName", 64),
        this.field("patient_birth_date", "birthDate", 10, { inputmode: "numeric" }, "birthDateHint"),
        this.select("patient_sex", "sex", sexes),
        this.field("accession_number", "accession", 16),
        this.field("specimen_description", "specimen", 1024, {}, "specimenHint"),
        this.field("mpp", "mpp", 8, { inputmode: "decimal" }, "mppHint"),
      ),
    );
    spoken.attribute(this.element, "aria-label", "whose");
  }

  /** Ask for the studies of the sender's hospital; without them a new one can still be made. */
  async load(): Promise<void> {
    const { items } = await this.api.get<{ items: Study[] }>("/studies?limit=200");
    for (const study of items) {
      const name = study.patient_name.split("=")[0]?.replaceAll("^", " ").trim() ?? "";
      const parts = [
        name,
        study.patient_id,
        dicomDate(study.study_date),
        study.modalities.join(" "),
        study.accession_number,
      ];
      const value = study.study_instance_uid;
      this.study.append(h("option", { value }, parts.filter(Boolean).join(" · ")));
    }
  }

  /** What a slide may not be sent without, or null. */
  get lack(): Key | null {
    if (this.study.value !== NEW) return null;
    if (birthDate(this.value("patient_birth_date")) === null) return "badBirthDate";
    return this.value("patient_id") && this.value("patient_name") ? null : "needPatient";
  }

  get facts(): Facts {
    const facts: Facts = { batch: this.batch };
    if (this.study.value) facts.study_instance_uid = this.study.value;
    for (const name of this.fields.keys()) {
      const value = this.value(name);
      if (value && !(this.study.value && PATIENT.includes(name))) facts[name] = value;
    }
    if (facts.patient_birth_date) facts.patient_birth_date = birthDate(facts.patient_birth_date) ?? "";
    return facts;
  }

  private value(name: string): string {
    return this.fields.get(name)?.value.trim() ?? "";
  }

  private changed(): void {
    for (const name of PATIENT) {
      const field = this.fields.get(name);
      if (field) field.disabled = this.study.value !== NEW;
    }
    this.onChange();
  }

  private field(
    name: string,
    label: Key,
    maxlength: number,
    more: Record<string, string> = {},
    hint?: Key,
  ): HTMLElement {
    const oninput = (): void => this.onChange();
    const input = h("input", { name, maxlength, autocomplete: "off", ...more, oninput });
    if (hint) this.spoken.attribute(input, "placeholder", hint);
    this.fields.set(name, input);
    return h("label", {}, this.spoken.words(label), input);
  }

  private select(name: string, label: Key, options: HTMLOptionElement[]): HTMLElement {
    const select = h("select", { name }, ...options);
    this.fields.set(name, select);
    return h("label", {}, this.spoken.words(label), select);
  }
}
