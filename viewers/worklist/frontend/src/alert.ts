/** Calls the reader's eye, and if wanted ear, to rows that were not there before. */

import type { Row } from "./rows";

const SEEN = "hoichan.worklist.seen";
const SOUND = "hoichan.worklist.sound";

export class Alerts {
  private audio: AudioContext | null = null;
  private known: Set<string> | null;

  constructor(private readonly username: string) {
    const kept = sessionStorage.getItem(`${SEEN}.${username}`);
    this.known = kept === null ? null : new Set(JSON.parse(kept) as string[]);
  }

  get sound(): boolean {
    return localStorage.getItem(SOUND) === "on";
  }

  set sound(on: boolean) {
    localStorage.setItem(SOUND, on ? "on" : "off");
    if (on) this.beep();
  }

  /**
   * Return the rows among `notable` that this browser has not shown before.
   *
   * What the first list of a session holds is not news: it stands at the top of the list.
   */
  news(notable: readonly Row[]): Row[] {
    const { known } = this;
    const fresh = known ? notable.filter((row) => !known.has(row.id)) : [];
    this.known = new Set([...(known ?? []), ...notable.map((row) => row.id)]);
    sessionStorage.setItem(`${SEEN}.${this.username}`, JSON.stringify([...this.known]));
    return fresh;
  }

  /** Two short tones. Browsers stay silent until the page was clicked once. */
  beep(): void {
    this.audio ??= new AudioContext();
    const start = this.audio.currentTime;
    for (const [at, pitch] of [[0, 880], [0.22, 1175]] as const) {
      const tone = this.audio.createOscillator();
      const volume = this.audio.createGain();
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.0001, start + at);
      volume.gain.exponentialRampToValueAtTime(0.25, start + at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, start + at + 0.18);
      tone.connect(volume).connect(this.audio.destination);
      tone.start(start + at);
      tone.stop(start + at + 0.2);
    }
  }

  close(): void {
    void this.audio?.close();
  }
}
