/** Sends one large slide in blocks, those the server wants first first. */

import type { Api } from "@common/api";
import { blake2b } from "@noble/hashes/blake2.js";

import type { Unit } from "./packing";
import { base64, Sending, type Facts } from "./tus";

interface Answer {
  id: string;
  state: string;
  offset: number;
  block_bytes?: number;
  wanted: number[];
}

/** Smaller ones are here before anybody could look at a part of them. */
const LEAST_BYTES = 8 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
const DIGEST = { dkLen: 32 };

/** A slide in one file: what the server may want in another order than front to back. */
export function isForBlocks(unit: Unit): boolean {
  return unit.kind === "slide" && unit.blob instanceof File && unit.blob.size >= LEAST_BYTES;
}

export async function createInBlocks(api: Api, name: string, size: number, facts: Facts): Promise<string> {
  const response = await api.request("/uploads/blocks", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name, size, facts }),
  });
  return ((await response.json()) as Answer).id;
}

/**
 * Digests are worked out here and not by `crypto.subtle`, which plain http on a hospital's own
 * network does not have.
 */
export class BlockSending extends Sending {
  private blockBytes = READ_BYTES;
  private wanted: number[] = [];
  private isComplete = false;
  private digest: Promise<string> | undefined;

  protected override get isWhole(): boolean {
    return this.isComplete;
  }

  protected override async look(): Promise<void> {
    const response = await this.api.request(`/uploads/${this.id}/blocks`, {
      headers: { "X-Hoichan-Background": "1" },
    });
    this.hear((await response.json()) as Answer);
  }

  protected override async piece(): Promise<void> {
    const [number] = this.wanted;
    this.abort = new AbortController();
    // Beside sending: over a slow line the processor has time.
    if (!this.digest) {
      this.digest = this.digestOfWhole();
      this.digest.catch(() => (this.digest = undefined));
    }
    if (number === undefined) return this.finish();
    const begin = number * this.blockBytes;
    const bytes = new Uint8Array(await this.blob.slice(begin, begin + this.blockBytes).arrayBuffer());
    const response = await this.api.request(`/uploads/${this.id}/blocks/${number}`, {
      method: "PUT",
      headers: { "Upload-Checksum": `blake2b ${base64(blake2b(bytes, DIGEST))}` },
      body: bytes,
      signal: this.abort.signal,
    });
    this.hear((await response.json()) as Answer);
  }

  private async finish(): Promise<void> {
    const response = await this.api.request(`/uploads/${this.id}/digest`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ blake2b: await this.digest }),
      signal: this.abort.signal,
    });
    this.hear((await response.json()) as Answer);
  }

  private hear(answer: Answer): void {
    this.blockBytes = answer.block_bytes ?? this.blockBytes;
    this.wanted = answer.wanted;
    this.sent = answer.offset;
    this.isComplete = answer.state !== "receiving";
  }

  private async digestOfWhole(): Promise<string> {
    const whole = blake2b.create(DIGEST);
    for (let at = 0; at < this.blob.size && !this.stopped; at += READ_BYTES) {
      whole.update(new Uint8Array(await this.blob.slice(at, at + READ_BYTES).arrayBuffer()));
    }
    return [...whole.digest()].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}
