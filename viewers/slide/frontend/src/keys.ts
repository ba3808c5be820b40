/** Keys on the page become commands, where they are meant for the slides. */

import { isTyping } from "@common/dom";
import { type Actor, commandOf } from "./commands";

export interface KeyHooks {
  /** The part of the page that is the viewer's. */
  root: HTMLElement;
  actor: Actor;
  canDraw(): boolean;
  /** Something lies over the viewer: only closing it is a command. */
  isCovered(): boolean;
  /** The command needs a right that the reader has not. */
  refused(): void;
}

/** Listen until the returned function is called. */
export function listenKeys(hooks: KeyHooks): () => void {
  const heard = (event: KeyboardEvent): void => onKey(event, hooks);
  window.addEventListener("keydown", heard, { capture: true });
  return () => window.removeEventListener("keydown", heard, { capture: true });
}

function onKey(event: KeyboardEvent, { root, actor, canDraw, isCovered, refused }: KeyHooks): void {
  if (event.defaultPrevented || isTyping(event)) return;
  const path = event.composedPath();
  const target = path[0];
  // Keys pressed in another part of the page are that part's; on the bare page they are ours.
  if (!path.includes(root) && target !== document.body) return;
  const found = commandOf(event);
  const isButton = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
  const isSlider = target instanceof HTMLInputElement && event.key.startsWith("Arrow");
  // Once a tool was clicked, the space bar walks on; elsewhere it presses the button.
  const presses = isButton && (event.key === " " || event.key === "Enter") && !target.closest(".hs-toolbar");
  if (!found || presses || isSlider) return;
  if (isCovered() && found.id !== "escape" && found.id !== "help") return;
  if (found.draws && !canDraw()) {
    refused();
    return;
  }
  event.preventDefault();
  // Streamlit has keys of its own on the document (R runs the page again, C clears its cache).
  event.stopPropagation();
  found.run(actor);
}
