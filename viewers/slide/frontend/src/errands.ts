/** What the viewer asks of others, and what it says came of it: key images, and counting. */

import type { Api } from "@common/api";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";
import { KeyImages, reasonOf } from "@common/keyimages";
import type { Board } from "./board";
import { count, countingOf } from "./counting";
import { fieldOf } from "./keyfield";
import type { MessageKey } from "./messages";
import type { Pane } from "./pane";

export interface ErrandHooks {
  t: Translate<MessageKey>;
  language(): Language;
  say(sentence: string): void;
}

export class Errands {
  private readonly keyImages: KeyImages;

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    standalone: boolean,
    private readonly hooks: ErrandHooks,
  ) {
    this.keyImages = new KeyImages(api, caseId, standalone);
  }

  destroy(): void {
    this.keyImages.destroy();
  }

  /** Keep the field on the screen for the opinion. */
  takeKeyImage(pane: Pane, name: string): void {
    const { t, language, say } = this.hooks;
    const image = fieldOf(pane, name, language());
    if (this.keyImages.has(image)) say(t("key_image_known"));
    else this.tell(this.keyImages.add(image), "key_image_added", "key_image_failed");
  }

  /** Count in the chosen mark. */
  count(board: Board): void {
    const mark = board.selected === undefined ? undefined : board.get(board.selected);
    // What the server does not have yet it may still refuse.
    if (!mark || !countingOf(mark) || mark.state !== "saved") {
      this.hooks.say(this.hooks.t("count_none"));
      return;
    }
    const marks = board.of(mark.content.series_instance_uid);
    this.tell(count(this.api, this.caseId, mark, marks, (id) => board.get(id)), "count_asked", "count_failed");
  }

  private tell(work: Promise<unknown>, done: MessageKey, failed: "key_image_failed" | "count_failed"): void {
    const { t, language, say } = this.hooks;
    work.then(
      () => say(t(done)),
      (error: unknown) => {
        const reason = reasonOf(error, { vi: "lỗi không rõ", en: "unknown error" });
        say(t(failed, { reason: inLanguage(reason, language()) }));
      },
    );
  }
}
