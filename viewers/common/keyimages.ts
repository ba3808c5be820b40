/** Key images on their way to the opinion: told to the report beside us, or put into its draft. */

import { type Api, ApiError } from "./api";
import { imageId, type KeyImage, listen, tell } from "./events";
import type { Text } from "./i18n";

interface Draft {
  content: { key_images?: KeyImage[] } & Record<string, unknown>;
  revision: number;
}

const TRIES = 3;

export class KeyImages {
  private marked = new Set<string>();
  /** The report knows better than the draft it has not saved yet. */
  private isToldByReport = false;
  private readonly stop: () => void;

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    /** Nobody listens on a page of its own: the draft is ours to change. */
    private readonly standalone: boolean,
    /** The report took one in or left one out. */
    changed: () => void = () => undefined,
  ) {
    this.stop = listen("hoichan:key-images", (detail) => {
      if (detail.case_id !== caseId) return;
      this.isToldByReport = true;
      this.marked = new Set(detail.key_images.map(imageId));
      changed();
    });
  }

  destroy(): void {
    this.stop();
  }

  private get path(): string {
    return `/cases/${this.caseId}/draft`;
  }

  has(image: Parameters<typeof imageId>[0]): boolean {
    return this.marked.has(imageId(image));
  }

  /** Those that the opinion's draft has already: a page that is loaded anew knows them again. */
  async restore(): Promise<void> {
    const draft = await this.api.get<Draft>(this.path);
    if (this.isToldByReport) return;
    for (const image of draft.content.key_images ?? []) this.marked.add(imageId(image));
  }

  /** Hand one over; rejects with an `ApiError` when it did not arrive. */
  async add(image: KeyImage): Promise<void> {
    if (this.standalone) await this.addToDraft(image);
    else tell("hoichan:key-image", { case_id: this.caseId, key_image: image });
    this.marked.add(imageId(image));
  }

  /** The report in the other window may save between our reading and writing: then again. */
  private async addToDraft(image: KeyImage): Promise<void> {
    const { path } = this;
    for (let attempt = 1; ; attempt++) {
      const draft = await this.api.get<Draft>(path);
      const present = draft.content.key_images ?? [];
      if (present.some((one) => imageId(one) === imageId(image))) return;
      try {
        await this.api.put(path, {
          content: { ...draft.content, key_images: [...present, image] },
          revision: draft.revision,
        });
        return;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 409 || attempt === TRIES) throw error;
      }
    }
  }
}

export function reasonOf(error: unknown, other: Text): Text {
  return error instanceof ApiError ? error.text : other;
}
