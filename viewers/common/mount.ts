/** A viewer in its place on the page: opened, opened anew for another case, told what changed. */

import { Api, ApiError, UNREACHABLE } from "./api";
import { adoptStyles, h } from "./dom";
import type { HostData, Language, MountArguments, Mounted } from "./host";
import { inLanguage } from "./i18n";
import theme from "./theme.css?inline";

/** What is mounted, as far as its host has a say in it. */
export interface MountedViewer {
  readonly root: HTMLElement;
  rewrite(): void;
  allowDrawing(canDraw: boolean): void;
  destroy(): void;
}

export interface CaseData extends HostData {
  case_id: string;
  study_instance_uids?: readonly string[];
  permissions?: readonly string[];
}

/** Right to draw on a case, as the API names it. */
export const DRAW = "annotate";

const HEIGHT = "calc(100dvh - 7rem)";

/** `open` gives what makes the viewer once everything has come, or a sentence why there is none. */
export abstract class ViewerMount<Data extends CaseData> implements Mounted<Data> {
  protected readonly root: HTMLElement;
  protected language: Language;
  private viewer: MountedViewer | undefined;
  private attempt = 0;

  constructor(
    private args: MountArguments<Data>,
    private readonly prefix: string,
    style: string,
  ) {
    this.language = args.data.language;
    this.root = h("section", { class: `hc ${prefix}` });
    adoptStyles(args.parentElement, theme, style);
    args.parentElement.append(this.root);
    // The words of the one who mounts are there after its own constructor.
    queueMicrotask(() => void this.start());
  }

  protected abstract say(what: "viewer" | "loading" | "failed" | "retry" | "sign_in"): string;
  protected abstract open(api: Api, data: Data): Promise<(() => MountedViewer) | string>;

  private async start(): Promise<void> {
    const attempt = ++this.attempt;
    const { data } = this.args;
    this.root.style.height = data.height ?? HEIGHT;
    this.root.setAttribute("aria-label", this.say("viewer"));
    this.viewer?.destroy();
    this.viewer = undefined;
    this.root.replaceChildren(h("p", { class: `${this.prefix}-waiting` }, this.say("loading")));
    const api = new Api(data.base);
    try {
      const opened = await this.open(api, data);
      if (attempt !== this.attempt) return;
      if (typeof opened === "string") {
        this.refuse(opened);
        return;
      }
      this.root.replaceChildren();
      this.viewer = opened();
      this.root.append(this.viewer.root);
    } catch (error) {
      if (attempt !== this.attempt) return;
      console.error(error);
      const reason = error instanceof ApiError ? error.text : UNREACHABLE;
      const signedOut = error instanceof ApiError && error.status === 401;
      this.refuse(`${this.say("failed")} ${inLanguage(reason, this.language)}`, signedOut ? api.signInUrl : undefined);
    }
  }

  private refuse(sentence: string, signIn?: string): void {
    this.root.replaceChildren(
      h(
        "div",
        { class: `${this.prefix}-waiting`, role: "alert" },
        h("p", {}, sentence),
        h("button", { type: "button", class: "hc-button", onclick: () => void this.start() }, this.say("retry")),
        signIn ? h("a", { class: "hc-button", href: signIn }, this.say("sign_in")) : null,
      ),
    );
  }

  update(args: MountArguments<Data>): void {
    const before = this.args.data;
    const { data } = args;
    this.args = args;
    this.root.style.height = data.height ?? HEIGHT;
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
