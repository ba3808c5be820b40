/** The slide viewer. Light on purpose: OpenSeadragon loads while the first answers are coming. */

import { Api, ApiError, UNREACHABLE } from "@common/api";
import { adoptStyles, h } from "@common/dom";
import { entry, type Language, type MountArguments, type Mounted } from "@common/host";
import { inLanguage, translator } from "@common/i18n";
import theme from "@common/theme.css?inline";
import { MESSAGES } from "./messages";
import { DRAW, prepare } from "./prepare";
import style from "./style.css?inline";
import type { SlideData } from "./types";
import type { Viewer } from "./viewer";

class Mount implements Mounted<SlideData> {
  private readonly root = h("section", { class: "hc hs" });
  private language: Language;
  private viewer: Viewer | undefined;
  private attempt = 0;
  private readonly t = translator(MESSAGES, () => this.language);

  constructor(private args: MountArguments<SlideData>) {
    this.language = args.data.language;
    adoptStyles(args.parentElement, theme, style);
    args.parentElement.append(this.root);
    void this.start();
  }

  private async start(): Promise<void> {
    const attempt = ++this.attempt;
    const { data } = this.args;
    this.root.style.height = data.height ?? "calc(100dvh - 7rem)";
    this.root.setAttribute("aria-label", this.t("viewer"));
    this.viewer?.destroy();
    this.viewer = undefined;
    this.root.replaceChildren(h("p", { class: "hs-waiting" }, this.t("loading")));
    const api = new Api(data.base);
    try {
      const heavy = import("./viewer");
      heavy.catch(() => undefined);
      const prepared = await prepare(api, data);
      const { Viewer } = await heavy;
      if (attempt !== this.attempt) return;
      if (prepared.items.length === 0) {
        this.say(this.t("no_slides"));
        return;
      }
      this.root.replaceChildren();
      this.viewer = new Viewer(data, api, prepared, this.t, () => this.language, this.root);
      this.root.append(this.viewer.root);
    } catch (error) {
      if (attempt !== this.attempt) return;
      console.error(error);
      const reason = error instanceof ApiError ? error.text : UNREACHABLE;
      const signedOut = error instanceof ApiError && error.status === 401;
      this.say(`${this.t("tray_failed")} ${inLanguage(reason, this.language)}`, signedOut ? api.signInUrl : undefined);
    }
  }

  private say(sentence: string, signIn?: string): void {
    this.root.replaceChildren(
      h(
        "div",
        { class: "hs-waiting", role: "alert" },
        h("p", {}, sentence),
        h("button", { type: "button", class: "hc-button", onclick: () => void this.start() }, this.t("retry")),
        signIn ? h("a", { class: "hc-button", href: signIn }, this.t("sign_in")) : null,
      ),
    );
  }

  update(args: MountArguments<SlideData>): void {
    const before = this.args.data;
    const { data } = args;
    this.args = args;
    this.root.style.height = data.height ?? "calc(100dvh - 7rem)";
    if (
      before.case_id !== data.case_id ||
      before.base !== data.base ||
      String(before.study_instance_uids) !== String(data.study_instance_uids)
    ) {
      void this.start();
      return;
    }
    if (before.language !== data.language) {
      this.language = data.language;
      this.viewer?.rewrite();
    }
    if (data.permissions && String(before.permissions) !== String(data.permissions)) {
      this.viewer?.allowDrawing(data.permissions.includes(DRAW));
    }
  }

  destroy(): void {
    this.attempt++;
    this.viewer?.destroy();
    this.root.remove();
  }
}

export default entry<SlideData>((args) => new Mount(args));
