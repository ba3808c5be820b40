/** The veil over a component whose session has ended; what was typed stays underneath. */

import type { Api } from "./api";
import { h } from "./dom";
import type { Language } from "./host";
import { translator } from "./i18n";

const TEXTS = {
  title: { vi: "Phiên làm việc đã kết thúc", en: "Your session has ended" },
  kept: {
    vi: "Nội dung đã nhập vẫn được giữ trên máy này. Đăng nhập lại để tiếp tục.",
    en: "What you typed is kept on this computer. Sign in again to continue.",
  },
  signIn: { vi: "Đăng nhập lại", en: "Sign in again" },
};

/** Cover `root` while the session is over; return the function that stops watching. */
export function coverWhenSignedOut(root: HTMLElement, api: Api, language: () => Language): () => void {
  const t = translator(TEXTS, language);
  let veil: HTMLElement | null = null;
  return api.onSession((signedIn) => {
    veil?.remove();
    veil = null;
    if (signedIn) return;
    const link = h("a", { href: api.signInUrl, class: "hc-button hc-primary" }, t("signIn"));
    veil = h(
      "div",
      { class: "hc-veil", role: "alertdialog", "aria-label": t("title") },
      h("div", { class: "hc-dialog" }, h("h2", {}, t("title")), h("p", {}, t("kept")), link),
    );
    root.append(veil);
    link.focus();
  });
}
