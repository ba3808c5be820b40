/** The CT viewer. Light on purpose: Cornerstone loads while the first answers are on their way. */

import { Api, ApiError, UNREACHABLE } from "@common/api";
import { adoptStyles, h } from "@common/dom";
import { entry, type Language, type MountArguments, type Mounted } from "@common/host";
import { inLanguage, translator } from "@common/i18n";
import theme from "@common/theme.css?inline";
import { MESSAGES } from "./messages";
import { DRAW, prepare } from "./prepare";
import style from "./style.css?inline";
import type { ViewerData } from "./types";
import type { Viewer } from "./viewer";

const heavy = (): Promise<[typeof import("./engine"), typeof import("./viewer")]> =>
  Promise.all([import("./engine"), import("./viewer")]);

class Mount implements Mounted<ViewerData> {
  private readonly root = h("section", { class: "hc hv" });
  private language: Language;
  private viewer: Viewer | undefined;
  private attempt = 0;
  private readonly t = translator(MESSAGES, () => this.language);

  constructor(private args: MountArguments<ViewerData>) {
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
    this.root.replaceChildren(h("p", { class: "hv-waiting" }, this.t("loading")));
    const api = new Api(data.base);
    try {
      const modules = heavy();
      const engine = modules.then(([{ engine }]) => engine());
      // A failed answer is reported first; the engine's own failure must not go unheard either.
      engine.catch(() => undefined);
      const prepared = await prepare(api, data);
      const { rendering, hasGpu } = await engine;
      const [, { Viewer }] = await modules;
      if (attempt !== this.attempt) return;
      if (!prepared.sets.some((set) => set.kind === "stack")) {
        this.say(this.t("no_images"), true);
        return;
      }
      this.root.replaceChildren();
      const viewer = new Viewer(data, api, rendering, hasGpu, prepared, this.t, () => this.language);
      this.viewer = viewer;
      this.root.append(viewer.root);
    } catch (error) {
      if (attempt !== this.attempt) return;
      console.error(error);
      const reason = error instanceof ApiError ? error.text : UNREACHABLE;
      this.say(`${this.t("list_failed")} ${inLanguage(reason, this.language)}`, true, api.signInUrl);
    }
  }

  private say(sentence: string, canRetry: boolean, signIn?: string): void {
    this.root.replaceChildren(
      h(
        "div",
        { class: "hv-waiting", role: "alert" },
        h("p", {}, sentence),
        canRetry &&
          h("button", { type: "button", class: "hc-button", onclick: () => void this.start() }, this.t("retry")),
        signIn ? h("a", { class: "hc-button", href: signIn }, this.t("sign_in")) : null,
      ),
    );
  }

  update(args: MountArguments<ViewerData>): void {
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

export default entry<ViewerData>((args) => new Mount(args));
