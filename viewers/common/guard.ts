/** Tells the page's session guard at once that a component was turned away as signed out. */

import type { Api } from "./api";

/**
 * Ask the guard (`/session/guard.js`, on every page) to look again when `api` meets a 401.
 *
 * The guard covers the page, keeps it as it is below, and leads to the sign-in page in another
 * tab. Returns the function that stops watching.
 */
export function guardSession(api: Api): () => void {
  const channel = new BroadcastChannel("hoichan-session");
  const deaf = api.onSession((signedIn) => {
    if (!signedIn) channel.postMessage("look again");
  });
  return () => {
    deaf();
    channel.close();
  };
}
