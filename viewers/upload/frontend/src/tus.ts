/** Sends one blob by the tus protocol (1.0), piece after piece, until it is there or paused. */

import { ApiError, type Api } from "@common/api";

const VERSION = "1.0.0";
const PIECE_BYTES = 8 * 1024 * 1024;
const RETRY_MS = [1000, 2000, 5000, 10000, 30000] as const;
/** The pace of a line is that of the last minute, or of its last piece; once some seconds are known. */
const PACE_MS = 60_000;
const LEAST_PACE_MS = 5000;
const COMMON = { "Tus-Resumable": VERSION };

export type Facts = Record<string, string>;

/** Begin an upload; returns its id. */
export async function create(api: Api, name: string, size: number, facts: Facts): Promise<string> {
  const metadata = [`filename ${encode(name)}`, `facts ${encode(JSON.stringify(facts))}`];
  const response = await api.request("/uploads/", {
    method: "POST",
    headers: {
      ...COMMON,
      "Upload-Length": String(size),
      "Upload-Metadata": metadata.join(","),
    },
  });
  return (response.headers.get("Location") ?? "").split("/").pop() ?? "";
}

/** Forget an upload, or stop its conversion. */
export async function remove(api: Api, id: string): Promise<void> {
  await api.request(`/uploads/${id}`, { method: "DELETE", headers: COMMON });
}

/** Queue a refused file again with other facts. */
export async function again(api: Api, id: string, facts: Facts): Promise<void> {
  await api.request(`/uploads/${id}/again`, { method: "POST", body: JSON.stringify(facts) });
}

/** One blob on its way, front to back. `onProgress` hears of bytes the server has, and of broken connections. */
export class Sending {
  paused = false;
  stopped = false;
  sent = 0;
  waiting = false;
  protected abort = new AbortController();
  /** When how many bytes were there, oldest first. */
  private pace: { at: number; sent: number }[] = [];

  constructor(
    protected readonly api: Api,
    readonly id: string,
    readonly blob: Blob,
    private readonly onProgress: () => void,
  ) {}

  /** At the pace of late; undefined when there is none. */
  get secondsLeft(): number | undefined {
    const [first, last] = [this.pace[0], this.pace.at(-1)];
    if (!first || !last || this.paused || last.at - first.at < LEAST_PACE_MS) return undefined;
    const pace = (last.sent - first.sent) / (last.at - first.at);
    return pace > 0 ? (this.blob.size - last.sent) / pace / 1000 : undefined;
  }

  /** Resolves when all bytes are there, or when paused; rejects when the server refuses. */
  async run(): Promise<boolean> {
    let failures = 0;
    let known = false;
    while (!this.paused && !this.stopped) {
      try {
        if (!known) {
          await this.look();
          known = true;
          this.pace = [];
          this.progress();
        }
        if (this.isWhole) return true;
        await this.piece();
        failures = 0;
        this.waiting = false;
        this.progress();
      } catch (error) {
        if (this.paused || this.stopped) return false;
        if (!isTransient(error)) throw error;
        known = false;
        this.pace = [];
        this.waiting = true;
        this.onProgress();
        const delay = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 30000;
        failures += 1;
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
    return false;
  }

  private progress(): void {
    const at = performance.now();
    const late = this.pace.filter((one) => at - one.at < PACE_MS);
    this.pace = [...(late.length ? late : this.pace.slice(-1)), { at, sent: this.sent }];
    this.onProgress();
  }

  pause(): void {
    this.paused = true;
    this.abort.abort();
  }

  stop(): void {
    this.stopped = true;
    this.abort.abort();
  }

  /** Whether nothing is left to send. */
  protected get isWhole(): boolean {
    return this.sent >= this.blob.size;
  }

  /** Ask the server what it has. */
  protected async look(): Promise<void> {
    const response = await this.api.request(`/uploads/${this.id}`, {
      method: "HEAD",
      headers: COMMON,
    });
    this.sent = Number(response.headers.get("Upload-Offset"));
  }

  protected async piece(): Promise<void> {
    this.abort = new AbortController();
    const piece = this.blob.slice(this.sent, this.sent + PIECE_BYTES);
    const bytes = await piece.arrayBuffer();
    const headers: Record<string, string> = {
      ...COMMON,
      "Content-Type": "application/offset+octet-stream",
      "Upload-Offset": String(this.sent),
    };
    // Only pages of a secure origin may compute it; TCP guards the others.
    if (globalThis.crypto?.subtle) {
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      headers["Upload-Checksum"] = `sha256 ${base64(new Uint8Array(digest))}`;
    }
    const response = await this.api.request(`/uploads/${this.id}`, {
      method: "PATCH",
      headers,
      body: bytes,
      signal: this.abort.signal,
    });
    this.sent = Number(response.headers.get("Upload-Offset"));
  }
}

/** Whether another try may help: no connection, a busy file, a piece broken on the way. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof ApiError)) return error instanceof DOMException;
  return error.isOffline || [401, 409, 423, 429, 460].includes(error.status);
}

function encode(text: string): string {
  return base64(new TextEncoder().encode(text));
}

export function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
