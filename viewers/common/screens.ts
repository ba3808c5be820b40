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
  name: Name | typeof CALL | typeof ANSWER;
  detail: { case_id: string };
}

const CHANNEL = "hoichan-screens";
/** A screen asks the room whether it is still there; the word of a window that closes may be lost. */
const CALL = "are you there";
const ANSWER = "here";
const CALL_MS = 2000;
/** A room may be busy for some seconds. */
const MOST_UNANSWERED = 4;
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
      const { name } = message;
      if (name === CALL || name === ANSWER) return this.called(message.from);
      this.heard = name;
      tell(name, message.detail as never);
      this.heard = undefined;
    });
  }

  destroy(): void {
    for (const stop of this.stops) stop();
    this.channel.close();
  }

  protected send(name: Name, detail: { case_id: string }): void {
    if (name !== this.heard && detail.case_id === this.caseId) this.post(this.partner, name, detail);
  }

  protected post(to: string, name: Message["name"], detail = { case_id: this.caseId }): void {
    this.channel.postMessage({ from: this.id, to, name, detail } satisfies Message);
  }

  /** Whether somebody is still there was asked here, or answered. */
  protected abstract called(from: string): void;
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

  protected called(from: string): void {
    this.post(from, ANSWER);
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
  private unanswered = 0;
  private readonly calling = setInterval(() => this.call(), CALL_MS);

  constructor(private readonly screenCase: string) {
    super(screenCase, TO_ROOM);
  }

  override destroy(): void {
    clearInterval(this.calling);
    super.destroy();
  }

  private call(): void {
    if (this.room === ROOMS) return;
    if (this.unanswered++ < MOST_UNANSWERED) return this.post(this.room, CALL);
    this.room = ROOMS;
    this.unanswered = 0;
    tell("hoichan:layers", { case_id: this.screenCase, layers: [] });
    tell("hoichan:handles", { case_id: this.screenCase, handles: [] });
  }

  protected called(from: string): void {
    this.unanswered = 0;
    // It was only busy.
    if (this.room === ROOMS) this.post(from, "hoichan:ask-layers");
  }

  protected get partner(): string {
    return this.room;
  }

  protected isFor({ from, to, name, detail }: Message): boolean {
    if (to !== SCREENS && to !== this.id) return false;
    const isShowing = name === "hoichan:layers" && (detail as RoomEvents["hoichan:layers"]).layers.length > 0;
    if (isShowing) this.room = from;
    // Of two rooms with the same case, the one that showed something last is heard.
    return this.room === from || this.room === ROOMS;
  }
}
