/** The CT viewer. Light on purpose: Cornerstone loads while the first answers are on their way. */

import type { Api } from "@common/api";
import { entry } from "@common/host";
import { translator } from "@common/i18n";
import { type MountedViewer, ViewerMount } from "@common/mount";
import { MESSAGES } from "./messages";
import { prepare } from "./prepare";
import style from "./style.css?inline";
import type { ViewerData } from "./types";

const heavy = (): Promise<[typeof import("./engine"), typeof import("./viewer")]> =>
  Promise.all([import("./engine"), import("./viewer")]);

class Mount extends ViewerMount<ViewerData> {
  private readonly t = translator(MESSAGES, () => this.language);

  protected say(what: "viewer" | "loading" | "failed" | "retry" | "sign_in"): string {
    return this.t(what === "failed" ? "list_failed" : what);
  }

  protected async open(api: Api, data: ViewerData): Promise<(() => MountedViewer) | string> {
    const modules = heavy();
    const engine = modules.then(([{ engine }]) => engine());
    // A failed answer is reported first; the engine's own failure must not go unheard either.
    engine.catch(() => undefined);
    const prepared = await prepare(api, data);
    const { rendering, hasGpu } = await engine;
    const [, { Viewer }] = await modules;
    if (!prepared.sets.some((set) => set.kind === "stack")) return this.t("no_images");
    return () => new Viewer(data, api, rendering, hasGpu, prepared, this.t, () => this.language);
  }
}

export default entry<ViewerData>((args) => new Mount(args, "hv", style));
