/**
 * Cornerstone3D, started once per page.
 *
 * One RenderingEngine lives as long as the page: destroying and remaking it lost WebGL contexts
 * and left black viewports. Mounts come and go by enabling and disabling elements.
 */

import {
  cache,
  getRenderingEngine,
  init as initCore,
  RenderingEngine,
  setUseCPURendering,
} from "@cornerstonejs/core";
import { init as initLoader } from "@cornerstonejs/dicom-image-loader";
import { init as initTools } from "@cornerstonejs/tools";
import { registerTools } from "./toolgroups";

const ENGINE_ID = "hoichan";
const CACHE_BYTES = 3 * 1024 ** 3;

export interface Line {
  /** Ask for HTJ2K (lossless, a third of the bytes) instead of the stored syntax. */
  isSlow: boolean;
}

interface Engine {
  rendering: RenderingEngine;
  hasGpu: boolean;
}

let started: Promise<Engine> | undefined;

/** Speed of the line, learnt from the first frames; one for the page. */
export const line: Line = { isSlow: false };

const STORED = "multipart/related; type=application/octet-stream; transfer-syntax=*";
const LOSSLESS_HTJ2K =
  'multipart/related; type="image/jphc"; transfer-syntax=1.2.840.10008.1.2.4.201';
// Below this rate a 512 × 512 slice of 16 bits takes longer than a quarter of a second.
const SLOW_BYTES_PER_SECOND = 2_000_000;
// Small answers measure the server, not the line.
const LEAST_BYTES = 60_000;
const SAMPLES = 4;

type StatusListener = (status: number) => void;
const statusListeners = new Set<StatusListener>();

/** Hear the HTTP status of frames that did not come. */
export function onFrameStatus(listener: StatusListener): () => void {
  statusListeners.add(listener);
  return () => statusListeners.delete(listener);
}

export function engine(): Promise<Engine> {
  started ??= start();
  return started;
}

function webGlWorks(): boolean {
  try {
    const context = document.createElement("canvas").getContext("webgl2");
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return context !== null;
  } catch {
    return false;
  }
}

async function start(): Promise<Engine> {
  const hasGpu = webGlWorks();
  initCore({
    rendering: { webGlContextCount: 4, useCPURendering: !hasGpu },
    debug: { statsOverlay: false },
  } as never);
  if (!hasGpu) setUseCPURendering(true);
  cache.setMaxCacheSize(CACHE_BYTES);
  const cores = navigator.hardwareConcurrency || 2;
  const rate = new LineRate();
  const began = new WeakMap<XMLHttpRequest, number>();
  initLoader({
    maxWebWorkers: Math.max(1, Math.min(4, cores - 1)),
    beforeSend: (xhr: XMLHttpRequest) => {
      began.set(xhr, performance.now());
      return Promise.resolve({ Accept: line.isSlow ? `${LOSSLESS_HTJ2K}, ${STORED};q=0.5` : STORED });
    },
    beforeProcessing: (xhr: XMLHttpRequest) => {
      const bytes = (xhr.response as ArrayBuffer).byteLength;
      const now = performance.now();
      rate.note(bytes, began.get(xhr) ?? now, now);
      return Promise.resolve(xhr.response as ArrayBuffer);
    },
    errorInterceptor: (error: { status?: number }) => {
      for (const listener of statusListeners) listener(error.status ?? 0);
    },
  });
  initTools();
  registerTools();
  const rendering =
    (getRenderingEngine(ENGINE_ID) as RenderingEngine | undefined) ?? new RenderingEngine(ENGINE_ID);
  return { rendering, hasGpu };
}

/** Decides once, from what the first few frames brought together, side by side as they come. */
class LineRate {
  private count = 0;
  private bytes = 0;
  private first = Infinity;

  note(bytes: number, began: number, ended: number): void {
    if (this.count >= SAMPLES || bytes < LEAST_BYTES) return;
    this.count++;
    this.bytes += bytes;
    this.first = Math.min(this.first, began);
    if (this.count < SAMPLES) return;
    line.isSlow = (1000 * this.bytes) / Math.max(1, ended - this.first) < SLOW_BYTES_PER_SECOND;
  }
}
