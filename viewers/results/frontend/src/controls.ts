/** Parameters a reader may turn. A slider under a hand is not built anew. */

import { h } from "@common/dom";
import { number } from "@common/i18n";
import type { Model } from "./model";
import type { Content, Control, ParameterValue } from "./types";
import type { Speech } from "./words";

export class Controls {
  readonly root = h("section", { class: "rs-part", hidden: true });
  private shown = "";
  private readonly settle = new Map<string, (value: ParameterValue) => void>();

  show(model: Model, content: Content, speech: Speech): void {
    const { controls } = content;
    const facts = JSON.stringify([
      controls.map(({ value: _value, ...rest }) => rest),
      model.mayEdit,
      speech.language,
    ]);
    if (facts !== this.shown) {
      this.shown = facts;
      this.settle.clear();
      this.root.hidden = controls.length === 0;
      this.root.replaceChildren(
        h("h3", {}, speech.t("controls")),
        ...controls.map((control) => this.row(model, control, speech)),
      );
    }
    for (const control of controls) {
      this.settle.get(control.key)?.(model.edits.parameters?.[control.key] ?? control.value);
    }
  }

  hide(): void {
    this.root.hidden = true;
    this.shown = "";
  }

  private row(model: Model, control: Control, speech: Speech): HTMLElement {
    const { language } = speech;
    const input =
      control.kind === "number"
        ? this.slider(model, control, speech)
        : control.kind === "choice"
          ? this.choice(model, control, speech)
          : this.toggle(model, control);
    return h(
      "label",
      { class: `rs-control rs-${control.kind}`, "data-control": control.key },
      h("span", {}, control.label[language]),
      ...input,
      control.help && h("small", { class: "hc-muted" }, control.help[language]),
    );
  }

  private slider(model: Model, control: Control, { language }: Speech): HTMLElement[] {
    const { low, high, step, unit, key } = control;
    const digits = Math.max(0, Math.min(3, Math.ceil(-Math.log10(step))));
    const shown = h("output", {});
    const input = h("input", {
      type: "range",
      min: low,
      max: high,
      step,
      disabled: !model.mayEdit,
      "data-focus": `control-${key}`,
      oninput: () => {
        write(Number(input.value));
        model.setParameter(key, Number(input.value));
      },
    });
    const write = (value: number): void => {
      shown.textContent = `${number(value, digits, language)} ${unit}`.trim();
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    this.settle.set(key, (value) => {
      if (typeof value !== "number") return;
      input.value = String(value);
      write(value);
    });
    return [input, shown];
  }

  private choice(model: Model, control: Control, { language }: Speech): HTMLElement[] {
    const input = h(
      "select",
      {
        disabled: !model.mayEdit,
        "data-focus": `control-${control.key}`,
        onchange: () => model.setParameter(control.key, input.value),
      },
      ...control.choices.map(([value, label]) => h("option", { value }, label[language])),
    );
    this.settle.set(control.key, (value) => (input.value = String(value)));
    return [input];
  }

  private toggle(model: Model, control: Control): HTMLElement[] {
    const input = h("input", {
      type: "checkbox",
      role: "switch",
      disabled: !model.mayEdit,
      "data-focus": `control-${control.key}`,
      onchange: () => model.setParameter(control.key, input.checked),
    });
    this.settle.set(control.key, (value) => (input.checked = value === true));
    return [input];
  }
}
