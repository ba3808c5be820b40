/** What was chosen and not yet sent: a row each, slides with what is written on their label. */

import { h } from "@common/dom";
import type { Translate } from "@common/i18n";

import { dropped, sortOut, type Chosen, type Unit } from "./packing";
import { bytes } from "./size";
import type { Spoken } from "./spoken";
import { STAINS, type Key } from "./texts";
import type { Facts } from "./tus";

interface Row {
  unit: Unit;
  fields: Map<string, HTMLInputElement>;
}

const ON_LABEL = ["container_id", "part_id", "block_id", "stain"] as const;

export class Basket {
  readonly element: HTMLElement;
  private rows: Row[] = [];
  private readonly table = h("div", {});

  constructor(
    private readonly t: Translate<Key>,
    spoken: Spoken,
    private readonly language: () => "vi" | "en",
    /** Told of new units; those it takes (to go on with an upload) get no row. */
    private readonly takes: (unit: Unit) => boolean,
    private readonly onChange: () => void,
    private readonly complain: (sentence: string) => void,
  ) {
    const files = this.picker(false);
    const folder = this.picker(true);
    const drop = h(
      "div",
      { class: "up-drop" },
      h("b", {}, spoken.words("drop")),
      h("span", { class: "hc-muted" }, spoken.words("formats")),
      h(
        "div",
        { class: "up-buttons" },
        h("button", { type: "button", class: "hc-button", onclick: () => files.click() }, spoken.words("chooseFiles")),
        h("button", { type: "button", class: "hc-button", onclick: () => folder.click() }, spoken.words("chooseFolder")),
      ),
      files,
      folder,
    );
    drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.toggleAttribute("data-over", true);
    });
    drop.addEventListener("dragleave", () => drop.removeAttribute("data-over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.removeAttribute("data-over");
      if (event.dataTransfer) void dropped(event.dataTransfer).then((chosen) => this.add(chosen));
    });
    const stains = h("datalist", { id: "up-stains" }, ...STAINS.map((value) => h("option", { value })));
    this.element = h(
      "section",
      {},
      h("h2", {}, spoken.words("files")),
      drop,
      stains,
      this.table,
    );
    spoken.attribute(this.element, "aria-label", "files");
  }

  get count(): number {
    return this.rows.length;
  }

  get hasSlides(): boolean {
    return this.rows.some((row) => row.unit.kind === "slide");
  }

  /** Empty the basket; each unit with what was written beside it. */
  take(): { unit: Unit; facts: Facts }[] {
    const taken = this.rows.map(({ unit, fields }) => {
      const facts: Facts = {};
      for (const [name, input] of fields) {
        if (input.value.trim()) facts[name] = input.value.trim();
      }
      return { unit, facts };
    });
    this.rows = [];
    this.show();
    return taken;
  }

  private add(chosen: Chosen[]): void {
    let units: Unit[];
    try {
      units = sortOut(chosen);
    } catch {
      this.complain(this.t("tooLong", { name: chosen[0]?.path ?? "" }));
      return;
    }
    for (const unit of units) {
      const known = this.rows.some((row) => row.unit.name === unit.name && row.unit.blob.size === unit.blob.size);
      if (!known && unit.blob.size && !this.takes(unit)) this.rows.push(this.row(unit));
    }
    this.show();
  }

  private row(unit: Unit): Row {
    const fields = new Map<string, HTMLInputElement>();
    if (unit.kind === "slide") {
      for (const name of ON_LABEL) {
        const input = h("input", { name, maxlength: 64, autocomplete: "off" });
        if (name === "stain") input.setAttribute("list", "up-stains");
        if (name === "container_id") input.value = unit.name.replace(/\.[^.]+$/, "").replace(/\.ome$/i, "").slice(0, 64);
        fields.set(name, input);
      }
    }
    return { unit, fields };
  }

  show(): void {
    const t = this.t;
    this.table.replaceChildren();
    if (this.rows.length) {
      const heads: Key[] = ["file", "size", "container", "part", "block", "stain"];
      this.table.append(
        h(
          "table",
          {},
          h("thead", {}, h("tr", {}, ...heads.map((key) => h("th", {}, t(key))), h("th", {}))),
          h("tbody", {}, ...this.rows.map((row) => this.line(row))),
        ),
      );
    }
    this.onChange();
  }

  private line(row: Row): HTMLElement {
    const t = this.t;
    const labels: Record<string, Key> = { container_id: "container", part_id: "part", block_id: "block", stain: "stain" };
    const cells = [...row.fields].map(([name, input]) => {
      input.setAttribute("aria-label", `${t(labels[name] ?? "file")}: ${row.unit.name}`);
      return h("td", {}, input);
    });
    if (!cells.length) {
      const key = row.unit.kind === "dicom" ? "dicomFiles" : "zipHint";
      cells.push(h("td", { colspan: 4, class: "hc-muted" }, t(key)));
    }
    const leave = (): void => {
      this.rows = this.rows.filter((one) => one !== row);
      this.show();
    };
    return h(
      "tr",
      {},
      h("td", { class: "up-name", title: row.unit.name }, row.unit.name),
      h("td", {}, bytes(row.unit.blob.size, this.language())),
      ...cells,
      h("td", {}, h("button", { type: "button", class: "hc-button hc-quiet", onclick: leave }, t("leaveOut"))),
    );
  }

  private picker(folder: boolean): HTMLInputElement {
    const input = h("input", { type: "file", multiple: true, hidden: true, webkitdirectory: folder });
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      input.value = "";
      this.add(files.map((file) => ({ path: file.webkitRelativePath || file.name, file })));
    });
    return input;
  }
}
