/** The slide viewer. Light on purpose: OpenSeadragon loads while the first answers are coming. */

import type { Api } from "@common/api";
import { entry } from "@common/host";
import { translator } from "@common/i18n";
import { type MountedViewer, ViewerMount } from "@common/mount";
import { MESSAGES } from "./messages";
import { prepare } from "./prepare";
import style from "./style.css?inline";
import type { SlideData } from "./types";

class Mount extends ViewerMount<SlideData> {
  private readonly t = translator(MESSAGES, () => this.language);

  protected say(what: "viewer" | "loading" | "failed" | "retry" | "sign_in"): string {
    return this.t(what === "failed" ? "tray_failed" : what);
  }

  protected async open(api: Api, data: SlideData): Promise<(() => MountedViewer) | string> {
    const heavy = import("./viewer");
    heavy.catch(() => undefined);
    const prepared = await prepare(api, data);
    const { Viewer } = await heavy;
    if (prepared.items.length === 0) return this.t("no_slides");
    return () => new Viewer(data, api, prepared, this.t, () => this.language, this.root);
  }
}

export default entry<SlideData>((args) => new Mount(args, "hs", style));
