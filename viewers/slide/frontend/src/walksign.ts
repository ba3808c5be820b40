/** How far the walk over the fields of a slide has come. */

import { h } from "@common/dom";
import type { Translate } from "@common/i18n";
import type { MessageKey } from "./messages";
import type { Raster } from "./raster";

export class WalkSign {
  readonly root = h("div", { class: "hs-progress", role: "status", hidden: true });

  constructor(private readonly t: Translate<MessageKey>) {}

  /** Hidden without a walk. */
  show(walk: Raster | undefined): void {
    this.root.hidden = walk === undefined;
    if (!walk) return;
    const said = this.t("raster_at", { n: walk.position, total: walk.total });
    this.root.replaceChildren(h("b", {}, said), h("small", {}, this.t("raster_hint")));
    this.root.style.setProperty("--share", String(walk.position / walk.total));
  }
}
