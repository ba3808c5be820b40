// Watches the session of the page it stands on. When the session ends (signed out elsewhere, or a
// tab left open over night) the page is covered, with one way on: to sign in again. What was
// typed stays below the cover, because signing in happens in another tab.
(() => {
  const script = document.currentScript;
  const base = script.dataset.base;
  const english = script.dataset.language === "en";
  const watched = script.dataset.watch !== "no";
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("hoichan-session") : null;
  const USUAL_MS = 30000;
  const COVERED_MS = 2000;
  let username = null;
  let cover = null;
  let timer = 0;
  let active = false; // somebody touched the page since we last asked

  const words = english
    ? {
        title: "You are signed out",
        text: "Your session has ended. Sign in again to go on where you were; this page is kept.",
        button: "Sign in again",
      }
    : {
        title: "Phiên làm việc đã kết thúc",
        text: "Hãy đăng nhập lại để làm tiếp; trang này vẫn được giữ nguyên.",
        button: "Đăng nhập lại",
      };

  function signIn() {
    const done = `${base}/login?next=${encodeURIComponent(`${base}/session/done`)}`;
    const here = location.pathname + location.search;
    if (!window.open(done, "_blank")) {
      location.assign(`${base}/login?next=${encodeURIComponent(here)}`);
    }
  }

  function show() {
    if (cover) return;
    cover = document.createElement("div");
    cover.id = "hoichan-signed-out";
    cover.setAttribute("role", "alertdialog");
    cover.setAttribute("aria-modal", "true");
    cover.setAttribute("aria-labelledby", "hoichan-signed-out-title");
    cover.style.cssText =
      "position:fixed;inset:0;z-index:2147483647;display:grid;place-content:center;gap:16px;" +
      "justify-items:center;text-align:center;padding:24px;background:#0b0d10;color:#e7ecf1;" +
      "font:16px/1.5 system-ui,'Noto Sans',sans-serif";
    const title = document.createElement("h1");
    title.id = "hoichan-signed-out-title";
    title.textContent = words.title;
    title.style.cssText = "margin:0;font-size:24px;font-weight:600";
    const text = document.createElement("p");
    text.textContent = words.text;
    text.style.cssText = "margin:0;max-width:36em;color:#a8b3bf";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words.button;
    button.style.cssText =
      "font:inherit;font-weight:600;padding:10px 24px;border:0;border-radius:8px;cursor:pointer;" +
      "background:#4fb3d9;color:#05212d";
    button.addEventListener("click", signIn);
    cover.append(title, text, button);
    document.body.append(cover);
    button.focus();
  }

  function hide() {
    if (cover) cover.remove();
    cover = null;
  }

  async function check() {
    clearTimeout(timer);
    try {
      const used = active ? "?used=1" : "";
      active = false;
      const answer = await fetch(`${base}/session/status${used}`, { cache: "no-store" });
      if (answer.ok) {
        const session = await answer.json();
        if (!session.signed_in) {
          show();
        } else if (username !== null && username !== session.username) {
          // Somebody else signed in on this browser: nothing of the first user may stay.
          location.replace(`${base}/`);
          return;
        } else {
          username = session.username;
          hide();
        }
      }
    } catch {
      // The server is restarting or the line is down; that is no reason to sign anybody out.
    }
    timer = setTimeout(check, cover ? COVERED_MS : USUAL_MS);
  }

  if (channel) channel.postMessage("look again");
  if (location.pathname === `${base}/session/done` && window.opener) window.close();
  if (!watched) return;
  if (channel) channel.addEventListener("message", check);
  // Reading keeps a session alive; a page that only refreshes itself does not.
  for (const kind of ["keydown", "pointerdown", "wheel"]) {
    window.addEventListener(kind, () => { active = true; }, { capture: true, passive: true });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") check();
  });
  window.addEventListener("pageshow", check);
})();
