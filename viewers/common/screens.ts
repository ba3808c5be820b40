/**
 * One reader, two windows: the reading room with its panel of results, and a viewer on a screen of
 * its own. What the panel puts over the images goes to the other screen too, and what the reader
 * drags or paints there comes back to the panel it came from.
 */

import { listen, type RoomEvents, tell } from "./events";
import { newId } from "./ids";

type Name = keyof RoomEvents;

interface Message {
  from: string;
  /** A room by its name, or everybody of a kind. */
  to: string;
  name: Name;
  detail: { case_id: string };
}

const CHANNEL = "hoichan-screens";
const ROOMS = "rooms";
const SCREENS = "screens";
const TO_SCREENS = [
  "hoichan:layers",
  "hoichan:handles",
  "hoichan:brush",
  "hoichan:pick",
  "hoichan:key-images",
] as const;
const TO_ROOM = [
  "hoichan:handle-moved",
  "hoichan:stroke",
  "hoichan:ask-layers",
  "hoichan:brush",
  "hoichan:pick",
] as const;

abstract class Linked {
  protected readonly id = newId();
  private readonly channel = new BroadcastChannel(CHANNEL);
  private readonly stops: (() => void)[];
  /** What is told here because it was heard is not sent back. */
  private heard: Name | undefined;

  constructor(
    private readonly caseId: string,
    names: readonly Name[],
  ) {
    this.stops = names.map((name) => listen(name, (detail) => this.send(name, detail)));
    this.channel.addEventListener("message", (event: MessageEvent<Message>) => {
      const message = event.data;
      if (message.detail.case_id !== caseId || !this.isFor(message)) return;
      this.heard = message.name;
      tell(message.name, message.detail as never);
      this.heard = undefined;
    });
  }

  destroy(): void {
    for (const stop of this.stops) stop();
    this.channel.close();
  }

  protected send(name: Name, detail: { case_id: string }): void {
    if (name === this.heard || detail.case_id !== this.caseId) return;
    const message: Message = { from: this.id, to: this.partner, name, detail };
    this.channel.postMessage(message);
  }

  protected abstract get partner(): string;
  protected abstract isFor(message: Message): boolean;
}

/** The window with the panel. */
export class Room extends Linked {
  private readonly leave = (): void => this.clear();

  constructor(private readonly roomCase: string) {
    super(roomCase, TO_SCREENS);
    window.addEventListener("pagehide", this.leave);
  }

  override destroy(): void {
    window.removeEventListener("pagehide", this.leave);
    this.clear();
    super.destroy();
  }

  /** Nobody answers for the layers any more. */
  private clear(): void {
    this.send("hoichan:layers", { case_id: this.roomCase, layers: [] } as never);
    this.send("hoichan:handles", { case_id: this.roomCase, handles: [] } as never);
  }

  protected get partner(): string {
    return SCREENS;
  }

  protected isFor({ to }: Message): boolean {
    return to === this.id || to === ROOMS;
  }
}

/** The window that only shows images. */
export class Screen extends Linked {
  /** The room whose layers lie here. */
  private room = ROOMS;

  constructor(caseId: string) {
    super(caseId, TO_ROOM);
  }

  protected get partner(): string {
    return this.room;
  }

  protected isFor({ from, to, name, detail }: Message): boolean {
    if (to !== SCREENS) return false;
    const isShowing = name === "hoichan:layers" && (detail as RoomEvents["hoichan:layers"]).layers.length > 0;
    if (isShowing) this.room = from;
    // Of two rooms with the same case, the one that showed something last is heard.
    return this.room === from || this.room === ROOMS;
  }
}
