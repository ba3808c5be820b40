import type { Cleanup, HostData, MountArguments } from "@common/host";

/** Mounts the entry named by the page's `<script type="application/json" id="hoichan-NAME">`. */

type Entry = { default: (args: MountArguments<HostData>) => Cleanup };

const entries = import.meta.glob<Entry>([
  "../../../*/frontend/src/index.ts",
  "!../../../standalone/**",
]);

async function start(): Promise<void> {
  const script = document.querySelector<HTMLScriptElement>(
    'script[type="application/json"][id^="hoichan-"]',
  );
  if (!script) throw new Error("the page names no entry");
  const load = entries[`../../../${script.id.slice("hoichan-".length)}/frontend/src/index.ts`];
  if (!load) throw new Error(`the bundle has no ${script.id}`);
  const data = { height: "100dvh", standalone: true, ...(JSON.parse(script.textContent ?? "{}") as HostData) };
  const parentElement = document.createElement("main");
  document.body.append(parentElement);
  const tell = (name: string, value: unknown): void => {
    window.dispatchEvent(new CustomEvent(`hoichan:${name}`, { detail: value }));
  };
  const module = await load();
  module.default({ parentElement, data, setStateValue: tell, setTriggerValue: tell });
}

start().catch((error: unknown) => {
  const vietnamese = document.documentElement.lang !== "en";
  const sentence = document.createElement("p");
  sentence.setAttribute("role", "alert");
  sentence.style.cssText = "color:#f2736b;font:16px system-ui;padding:2rem";
  sentence.textContent = vietnamese
    ? "Không tải được trình xem. Hãy tải lại trang."
    : "The viewer could not be loaded. Reload the page.";
  document.body.append(sentence);
  console.error(error);
});
