/** Colours of the chosen slide: profile, channels, stain views, and its focal planes. */

import { h, icon } from "@common/dom";
import type { Language } from "@common/host";
import { number, type Translate } from "@common/i18n";
import { ICONS } from "./icons";
import { type Channel, firstLook, isMixed, STAIN_VIEWS } from "./look";
import type { MessageKey } from "./messages";
import type { Pane } from "./pane";

export interface ColourHooks {
  t: Translate<MessageKey>;
  language(): Language;
  close(): void;
  focus(plane: number): void;
}

export class ColourPanel {
  readonly root = h("aside", { class: "hs-colours", hidden: true });
  private shown: Pane | undefined;

  constructor(private readonly hooks: ColourHooks) {}

  /** Controls of `pane`; made anew only when it is another one. */
  show(pane: Pane | undefined): void {
    if (pane === this.shown) return;
    this.rewrite(pane);
  }

  rewrite(pane = this.shown): void {
    const { t } = this.hooks;
    this.shown = pane;
    if (!pane) return;
    this.root.setAttribute("aria-label", t("colours"));
    this.root.replaceChildren(
      h(
        "header",
        {},
        h("strong", {}, t(isMixed(pane.slide) ? "channels_title" : "colours_short")),
        h(
          "button",
          { type: "button", class: "hs-tool", title: t("close"), "aria-label": t("close"), onclick: () => this.hooks.close() },
          icon(ICONS.cross, 15),
        ),
      ),
      pane.slide.focal_planes.length > 1 ? this.planes(pane) : "",
      isMixed(pane.slide) ? this.channels(pane) : this.corrections(pane),
    );
  }

  private planes(pane: Pane): HTMLElement {
    const { t, language } = this.hooks;
    const planes = pane.slide.focal_planes;
    const said = h("output", {});
    const write = (): void => {
      const plane = planes[pane.focus]!;
      said.textContent = `${plane.index + 1}/${planes.length} · ${number(plane.z_um, 1, language())} µm`;
    };
    const slider = h("input", {
      type: "range",
      min: 0,
      max: planes.length - 1,
      step: 1,
      value: pane.focus,
      "aria-label": t("focus"),
      oninput: () => {
        this.hooks.focus(Number(slider.value));
        write();
      },
    });
    write();
    return h("section", {}, h("h3", {}, t("focus"), said), slider);
  }

  private corrections(pane: Pane): HTMLElement {
    const { t } = this.hooks;
    const box = h("input", {
      type: "checkbox",
      checked: pane.look.corrected,
      disabled: !pane.slide.icc,
      "data-control": "correction",
      onchange: () => {
        pane.look.corrected = box.checked;
        pane.repaint();
      },
    });
    const views = STAIN_VIEWS.map((view) => {
      const input = h("input", {
        type: "radio",
        name: "stain",
        value: view,
        checked: pane.look.stain === view,
        onchange: () => {
          pane.look.stain = view;
          pane.repaint();
        },
      });
      return h("label", {}, input, t(`stain_${view}`));
    });
    return h(
      "section",
      {},
      h("label", {}, box, t("correction")),
      pane.slide.icc ? "" : h("p", { class: "hs-quiet" }, t("correction_none")),
      h("h3", {}, t("stains")),
      ...views,
      h("p", { class: "hs-quiet" }, t("stains_warning")),
    );
  }

  private channels(pane: Pane): HTMLElement {
    const { t } = this.hooks;
    const reset = (): void => {
      pane.look.channels.splice(0, Infinity, ...firstLook(pane.slide).channels);
      pane.repaint();
      this.rewrite();
    };
    return h(
      "section",
      {},
      h("h3", {}, t("channels"), h("button", { type: "button", class: "hs-plain", onclick: reset }, t("reset_channels"))),
      ...pane.look.channels.map((channel) => this.channel(pane, channel)),
    );
  }

  private channel(pane: Pane, channel: Channel): HTMLElement {
    const { t } = this.hooks;
    const change = (part: Partial<Channel>): void => {
      Object.assign(channel, part);
      pane.repaint();
    };
    const on = h("input", { type: "checkbox", checked: channel.isOn, onchange: () => change({ isOn: on.checked }) });
    const colour = h("input", {
      type: "color",
      value: hex(channel.colour),
      title: t("channel_colour"),
      "aria-label": `${t("channel_colour")}: ${channel.name}`,
      oninput: () => change({ colour: parts(colour.value) }),
    });
    const level = (index: 0 | 1, name: MessageKey): HTMLElement => {
      const slider = h("input", {
        type: "range",
        min: 0,
        max: 255,
        value: Math.round(channel.window[index] * 255),
        title: t(name),
        "aria-label": `${t(name)}: ${channel.name}`,
        oninput: () => {
          const value = Number(slider.value) / 255;
          const [low, high] = channel.window;
          change({ window: index === 0 ? [Math.min(value, high), high] : [low, Math.max(value, low)] });
        },
      });
      return h("div", { class: "hs-level" }, h("small", {}, t(name)), slider);
    };
    return h(
      "fieldset",
      { class: "hs-channel" },
      h("legend", {}, h("label", {}, on, channel.name), colour),
      level(0, "channel_low"),
      level(1, "channel_high"),
    );
  }
}

function hex(colour: readonly number[]): string {
  return `#${colour.map((part) => Math.round(part * 255).toString(16).padStart(2, "0")).join("")}`;
}

function parts(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}
