/** The results of the case, asked for while something is being computed and now and then else. */

import { type Api, ApiError } from "@common/api";
import type { Text } from "@common/i18n";
import { Model } from "./model";
import type { ResultJson, Startable } from "./types";

const BUSY_MS = 700;
const QUIET_MS = 10_000;

interface Answer {
  items: ResultJson[];
  startable: Startable[];
}

export interface FeedHooks {
  /** The list or one of its results changed. */
  changed(): void;
  /** A result is there that was not when the page was opened. */
  arrived(model: Model): void;
}

export class Feed {
  readonly models: Model[] = [];
  startable: readonly Startable[] = [];
  trouble: Text | null = null;
  isLoaded = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isGone = false;

  constructor(
    private readonly api: Api,
    private readonly caseId: string,
    private readonly hooks: FeedHooks,
  ) {}

  start(): void {
    void this.ask();
  }

  stop(): void {
    this.isGone = true;
    clearTimeout(this.timer);
    for (const model of this.models) model.destroy();
  }

  async begin({ analysis, study_instance_uid }: Startable): Promise<void> {
    try {
      this.merge([await this.api.post<ResultJson>(this.path, { analysis, study_instance_uid })]);
      this.startable = this.startable.filter((one) => one.analysis !== analysis);
      this.trouble = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.trouble = error.text;
    }
    this.hooks.changed();
    this.soon();
  }

  private get path(): string {
    return `/cases/${encodeURIComponent(this.caseId)}/results`;
  }

  private async ask(): Promise<void> {
    try {
      const { items, startable } = await this.api.poll<Answer>(this.path);
      if (this.isGone) return;
      this.merge(items);
      this.startable = startable;
      this.trouble = null;
      for (const model of this.models) model.retry();
    } catch (error) {
      if (this.isGone) return;
      if (!(error instanceof ApiError)) throw error;
      this.trouble = error.text;
    }
    this.isLoaded = true;
    this.hooks.changed();
    this.soon();
  }

  private soon(): void {
    clearTimeout(this.timer);
    const isBusy = this.models.some((model) => model.isBusy);
    // A read that was stored opens what other results withheld.
    const isOpened = this.models.some((model) => model.takesNewReads());
    this.timer = setTimeout(() => void this.ask(), isOpened ? 0 : isBusy ? BUSY_MS : QUIET_MS);
  }

  private merge(items: readonly ResultJson[]): void {
    for (const json of items) {
      const known = this.models.find((model) => model.key === Model.key(json));
      if (known) {
        const wasReady = known.content !== null;
        known.take(json);
        if (!wasReady && known.content) this.hooks.arrived(known);
        continue;
      }
      const model = new Model(this.api, this.caseId, json, () => {
        this.hooks.changed();
        this.soon();
      });
      this.models.push(model);
      if (this.isLoaded && model.content) this.hooks.arrived(model);
    }
  }
}
