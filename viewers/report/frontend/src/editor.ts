/** The fields of the opinion. Reading and writing them never touches the network. */

import { append, h } from "@common/dom";
import { imageId, type KeyImage } from "@common/events";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";

import type { Content, Draft } from "./draft";
import type { Key } from "./texts";

export interface Choice {
  value: string;
  title: string;
}

export interface EditorOptions {
  draft: Draft;
  content: Content;
  base: string;
  language: Language;
  concordance: Choice[];
  transfer: Choice[];
  t: Translate<Key>;
  changed(content: Content): void;
  showImage(image: KeyImage): void;
  askKeyImage(): void;
  /** The key images are others now. */
  keyImages(images: readonly KeyImage[]): void;
}

type Field = HTMLTextAreaElement | HTMLSelectElement;

export class Editor {
  readonly element: HTMLElement;
  /** Where the measurement list is put by its owner. */
  readonly marksPlace = h("div");
  private readonly fields = new Map<string, Field>();
  private readonly imagesPlace = h("div", { class: "rp-images" });
  private content: Content;
  private lastText: HTMLTextAreaElement | null = null;

  constructor(private readonly options: EditorOptions) {
    const { draft, t } = options;
    this.content = structuredClone(options.content);
    this.element = h(
      "div",
      { class: "rp-editor" },
      ...draft.template.sections.map((section) =>
        this.text(
          `sections.${section.key}`,
          inLanguage(section.title, options.language),
          section.required,
          inLanguage(section.placeholder, options.language),
        ),
      ),
      draft.questions.length > 0 && h("h3", {}, t("answers")),
      ...draft.questions.map((question, at) => this.answer(question, at + 1)),
      h(
        "div",
        { class: "rp-pair" },
        this.select("concordance", t("concordance"), options.concordance),
        this.select("transfer", t("transfer"), options.transfer),
      ),
      h("h3", {}, t("marks")),
      this.marksPlace,
      h(
        "div",
        { class: "rp-heading" },
        h("h3", {}, t("keyImages")),
        h("button", { type: "button", class: "hc-button hc-quiet", onclick: () => options.askKeyImage() }, t("addKeyImage")),
      ),
      this.imagesPlace,
    );
    this.show(this.content);
  }

  /** Show `content`; fields that already say it keep their caret. */
  show(content: Content): void {
    this.content = structuredClone(content);
    for (const [place, field] of this.fields) {
      const value = this.value(place);
      if (field.value !== value) field.value = value;
      if (field instanceof HTMLTextAreaElement) grow(field);
    }
    this.showImages();
  }

  /** Heights depend on the width, which is known once the element is on the page. */
  fit(): void {
    for (const field of this.fields.values()) if (field instanceof HTMLTextAreaElement) grow(field);
  }

  title(place: string): string {
    return this.fields.get(place)?.dataset.title ?? place;
  }

  /** Put whole texts into sections, as if they had been typed. */
  fill(sections: Record<string, string>): void {
    this.update({ sections });
    this.show(this.content);
  }

  get sections(): Record<string, string> {
    return this.content.sections;
  }

  addKeyImage(image: KeyImage): void {
    if (this.content.key_images.some((known) => imageId(known) === imageId(image))) return;
    this.update({ key_images: [...this.content.key_images, image] });
    this.showImages();
  }

  setAnnotations(ids: string[]): void {
    this.update({ annotation_ids: ids });
  }

  get annotationIds(): readonly string[] {
    return this.content.annotation_ids;
  }

  /** Put `text` where the caret last stood, or at the end of the first section. */
  insert(text: string): void {
    const field =
      this.lastText ??
      [...this.fields.values()].find((f): f is HTMLTextAreaElement => f instanceof HTMLTextAreaElement);
    if (!field) return;
    const at = this.lastText ? field.selectionStart : field.value.length;
    const before = field.value.slice(0, at);
    const glue = before === "" || /\s$/.test(before) ? "" : " ";
    field.setRangeText(glue + text, at, this.lastText ? field.selectionEnd : at, "end");
    field.focus();
    this.read(field);
  }

  disable(disabled: boolean): void {
    for (const field of this.fields.values()) field.disabled = disabled;
  }

  private text(place: string, title: string, required: boolean, placeholder: string): HTMLElement {
    const id = `rp-${place}`;
    const field = h("textarea", {
      id,
      rows: 2,
      "data-place": place,
      "data-title": title,
      placeholder,
      spellcheck: "false",
      oninput: () => this.read(field),
      onfocus: () => {
        this.lastText = field;
      },
    });
    this.fields.set(place, field);
    return h(
      "div",
      { class: "rp-field" },
      h("label", { for: id }, title, required && h("span", { class: "rp-required", title: this.options.t("required") }, " *")),
      field,
    );
  }

  private answer(question: { id: string; text: string }, n: number): HTMLElement {
    const field = this.text(`answers.${question.id}`, this.options.t("answerTo", { n }), true, "");
    const label = field.querySelector("label") as HTMLLabelElement;
    label.replaceChildren(h("b", {}, `${n}. `), question.text, h("span", { class: "rp-required" }, " *"));
    label.className = "rp-question";
    return field;
  }

  private select(place: string, title: string, choices: Choice[]): HTMLElement {
    const id = `rp-${place}`;
    const field = h(
      "select",
      { id, "data-place": place, "data-title": title, onchange: () => this.read(field) },
      h("option", { value: "" }, this.options.t("choose")),
      ...choices.map((choice) => h("option", { value: choice.value }, choice.title)),
    );
    this.fields.set(place, field);
    return h("div", { class: "rp-field" }, h("label", { for: id }, title, h("span", { class: "rp-required" }, " *")), field);
  }

  private value(place: string): string {
    const [group, key = ""] = split(place);
    if (group === "sections" || group === "answers") return this.content[group][key] ?? "";
    return group === "concordance" ? this.content.concordance : this.content.transfer;
  }

  private read(field: Field): void {
    const [group, key = ""] = split(field.dataset.place ?? "");
    const value = field.value.normalize("NFC");
    if (field instanceof HTMLTextAreaElement) grow(field);
    if (group === "sections") this.update({ sections: { ...this.content.sections, [key]: value } });
    else if (group === "answers") this.update({ answers: { ...this.content.answers, [key]: value } });
    else if (group === "concordance") this.update({ concordance: value });
    else this.update({ transfer: value });
  }

  private update(change: Partial<Content>): void {
    this.content = { ...this.content, ...change };
    this.options.changed(structuredClone(this.content));
  }

  private showImages(): void {
    const { t, base } = this.options;
    this.options.keyImages(this.content.key_images);
    this.imagesPlace.replaceChildren();
    if (!this.content.key_images.length) {
      this.imagesPlace.append(h("p", { class: "hc-muted" }, t("noKeyImages")));
      return;
    }
    append(
      this.imagesPlace,
      this.content.key_images.map((image, at) => {
        const caption = h("input", {
          value: image.caption,
          placeholder: t("caption"),
          "aria-label": t("caption"),
          oninput: () => {
            const images = structuredClone(this.content.key_images);
            (images[at] as KeyImage).caption = caption.value.normalize("NFC");
            this.update({ key_images: images });
          },
        });
        return h(
          "div",
          { class: "rp-image" },
          h(
            "button",
            { type: "button", class: "rp-thumb", title: t("show"), onclick: () => this.options.showImage(image) },
            picture(base, image, `${t("keyImages")} ${at + 1}`),
          ),
          caption,
          h(
            "button",
            {
              type: "button",
              class: "hc-button hc-quiet",
              title: t("remove"),
              "aria-label": t("remove"),
              onclick: () => {
                this.update({ key_images: this.content.key_images.filter((_, index) => index !== at) });
                this.showImages();
              },
            },
            "✕",
          ),
        );
      }),
    );
  }
}

function split(place: string): [string, string | undefined] {
  const at = place.indexOf(".");
  return at < 0 ? [place, undefined] : [place.slice(0, at), place.slice(at + 1)];
}

function grow(field: HTMLTextAreaElement): void {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

/** A small picture of a key image, on its way. */
export function picture(base: string, image: KeyImage, alt: string): HTMLImageElement {
  const made = h("img", { alt, loading: "lazy" });
  thumbnail(base, image).then(
    (address) => (made.src = address),
    () => undefined, // the words in its place stay
  );
  return made;
}

const EDGE = 96;

async function thumbnail(base: string, image: KeyImage): Promise<string> {
  const { region, window_center: center, window_width: width } = image;
  if (region) {
    const slide = `${base}/slides/v1/${region.slide}`;
    const { version } = (await (await fetch(slide)).json()) as { version: string };
    const scale = Math.min(1, EDGE / Math.max(region.width, region.height));
    const { x, y } = region;
    return `${slide}/${version}/rendered?x=${x}&y=${y}&width=${region.width}&height=${region.height}&scale=${scale}`;
  }
  const window = center !== null && width !== null ? `&window=${center},${width},linear` : "";
  return (
    `${base}/dicom-web/studies/${image.study_instance_uid}/series/${image.series_instance_uid}` +
    `/instances/${image.sop_instance_uid}/frames/${image.frame_number}/rendered?viewport=${EDGE},${EDGE}${window}`
  );
}
