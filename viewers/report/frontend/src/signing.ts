/** The sign dialog: what is missing, the password asked again, the reason where one is due. */

import { ApiError } from "@common/api";
import { h } from "@common/dom";
import type { Language } from "@common/host";
import { inLanguage, type Translate } from "@common/i18n";

import type { Key } from "./texts";

export type Kind = "preliminary" | "final" | "addendum" | "amended";

export interface SigningOptions {
  kind: Kind;
  language: Language;
  t: Translate<Key>;
  /** What keeps the opinion from being signed; empty when nothing does. */
  missing: string[];
  /** What the author should know before signing: tissue that was not looked at. */
  remark?: Promise<string>;
  sign(password: string, reason: string): Promise<void>;
}

const TITLES: Record<Kind, Key> = {
  preliminary: "dialogPreliminary",
  final: "dialogFinal",
  addendum: "dialogAddendum",
  amended: "dialogAmended",
};

/** Open the dialog over `root`; it removes itself when signed or cancelled. */
export function openSigning(root: HTMLElement, options: SigningOptions): void {
  const { kind, t, missing } = options;
  const back = root.ownerDocument.activeElement;
  const problem = h("p", { class: "hc-notice hc-bad", role: "alert", hidden: true });
  const complain = (text: string): void => {
    problem.textContent = text;
    problem.hidden = false;
  };
  const password = h("input", { type: "password", id: "rp-password", autocomplete: "current-password" });
  const remark = h("p", { class: "hc-notice", "data-remark": "coverage", hidden: true });
  void options.remark?.then((words) => {
    remark.textContent = words;
    remark.hidden = words === "";
  });
  const needsReason = kind === "amended" || kind === "addendum";
  const reason = h("textarea", { id: "rp-reason", rows: 2 });
  const close = (): void => {
    veil.remove();
    if (back instanceof HTMLElement) back.focus();
  };
  const submit = h("button", { type: "submit", class: "hc-button hc-primary", disabled: missing.length > 0 }, t("sign"));
  const form = h(
    "form",
    { class: "hc-dialog", novalidate: true },
    h("h2", {}, t(TITLES[kind])),
    missing.length > 0 &&
      h("div", { class: "hc-notice rp-missing" }, h("b", {}, t("missing")), h("ul", {}, ...missing.map((m) => h("li", {}, m)))),
    remark,
    h("p", { class: "hc-muted" }, t("signNote")),
    needsReason && h("label", { for: "rp-reason" }, t(kind === "amended" ? "reason" : "addendumReason")),
    needsReason && reason,
    h("label", { for: "rp-password" }, t("password")),
    password,
    problem,
    h(
      "div",
      { class: "hc-actions" },
      h("button", { type: "button", class: "hc-button", onclick: close }, t("back")),
      submit,
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (missing.length) return;
    if (needsReason && !reason.value.trim()) return complain(t("needReason"));
    if (!password.value) return complain(t("needPassword"));
    submit.disabled = true;
    submit.textContent = t("signing");
    problem.hidden = true;
    options
      .sign(password.value, reason.value.trim().normalize("NFC"))
      .then(close)
      .catch((error: unknown) => {
        submit.disabled = false;
        submit.textContent = t("sign");
        password.value = "";
        password.focus();
        complain(error instanceof ApiError ? inLanguage(error.text, options.language) : String(error));
      });
  });
  const veil = h("div", { class: "hc-veil", role: "dialog", "aria-modal": "true", "aria-label": t(TITLES[kind]) }, form);
  veil.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key === "Tab") trap(event, form);
  });
  root.append(veil);
  (needsReason ? reason : password).focus();
}

function trap(event: KeyboardEvent, form: HTMLElement): void {
  const stops = [...form.querySelectorAll<HTMLElement>("button:not(:disabled), input, textarea")];
  const at = stops.indexOf((form.getRootNode() as ShadowRoot | Document).activeElement as HTMLElement);
  const next = stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length];
  event.preventDefault();
  next?.focus();
}
