/** The veil over a component whose session has ended. What was typed stays underneath. */

import type { Language } from "./component";
import { h } from "./dom";

const TEXTS = {
  title: { vi: "Phiên làm việc đã kết thúc", en: "Your session has ended" },
  kept: {
    vi: "Nội dung đã nhập vẫn được giữ. Đăng nhập lại để tiếp tục.",
    en: "What you typed is kept. Sign in again to continue.",
  },
  signIn: { vi: "Đăng nhập lại", en: "Sign in again" },
};

/** Cover `root` once; signing in brings the reader back to this very page. */
export function coverSignedOut(root: HTMLElement, base: string, language: Language): void {
  if (root.querySelector(".signed-out")) return;
  const next = encodeURIComponent(location.pathname + location.search);
  const link = h("a", { href: `${base}/login?next=${next}` }, TEXTS.signIn[language]);
  root.append(
    h("div", { class: "overlay signed-out", role: "alertdialog" },
      h("div", { class: "dialog" },
        h("h2", {}, TEXTS.title[language]),
        h("div", {}, TEXTS.kept[language]),
        link,
      ),
    ),
  );
  link.focus();
}
