/** Loads the frames of a series in the order a reader wants them: middle first, then outwards. */

export type FrameState = "waiting" | "loading" | "loaded" | "failed";

export interface FrameFailure {
  /** HTTP status, 0 for no connection, null when the bytes came but could not be decoded. */
  status: number | null;
  syntax: string;
}

type Fetch = (index: number) => Promise<void>;
type Report = () => void;
/** The less, the sooner a reader at frame `centre` wants frame `index`. */
type Need = (index: number, centre: number) => number;

// HTTP/1.1 allows six connections to a host; two stay free for the slice under the reader's wheel
// and for saving marks.
const AT_ONCE = 4;
const RETRY_AFTER_MS = [1000, 2000, 4000, 8000, 15000];

export class FrameQueue {
  readonly states: FrameState[];
  readonly failures = new Map<number, FrameFailure>();
  private centre: number;
  private need: Need = (index, centre) => Math.abs(index - centre);
  private running = 0;
  private started = false;
  private stopped = false;
  private attempts = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly waiters: (() => void)[] = [];

  constructor(
    count: number,
    private readonly fetch: Fetch,
    private readonly report: Report,
  ) {
    this.states = Array.from({ length: count }, () => "waiting");
    this.centre = count >> 1;
  }

  get loaded(): number {
    return this.states.reduce((sum, state) => sum + (state === "loaded" ? 1 : 0), 0);
  }

  /** Nothing more will come: each frame is loaded or has failed for good. */
  get isSettled(): boolean {
    return this.states.every((state) => state === "loaded" || state === "failed");
  }

  /** What the reader looks at: frames near it come first. */
  lookAt(index: number): void {
    this.centre = index;
  }

  /** Another order than outwards through the list. */
  order(need: Need): void {
    this.need = need;
  }

  start(): void {
    if (this.started) return;
    this.started = true;
    this.stopped = false;
    this.fill();
  }

  stop(): void {
    this.started = false;
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Try again what failed for want of a connection or a session. */
  retry(): void {
    this.attempts = 0;
    clearTimeout(this.timer);
    this.states.forEach((state, i) => {
      const status = this.failures.get(i)?.status;
      if (state === "failed" && isPassing(status)) {
        this.states[i] = "waiting";
        this.failures.delete(i);
      }
    });
    this.report();
    if (this.started) this.fill();
  }

  /** A frame came by another way (the reader scrolled to it). */
  noteLoaded(index: number): void {
    if (this.states[index] === "loaded") return;
    this.states[index] = "loaded";
    this.failures.delete(index);
    this.settle();
  }

  noteFailed(index: number, failure: FrameFailure): void {
    this.states[index] = "failed";
    this.failures.set(index, failure);
    this.settle();
    if (isPassing(failure.status)) this.retryLater();
  }

  /** Resolves when the queue is settled. */
  whenSettled(): Promise<void> {
    return this.isSettled ? Promise.resolve() : new Promise((done) => this.waiters.push(done));
  }

  private settle(): void {
    this.report();
    if (this.isSettled) for (const done of this.waiters.splice(0)) done();
  }

  private next(): number | undefined {
    let best: number | undefined;
    let least = Infinity;
    this.states.forEach((state, i) => {
      if (state !== "waiting") return;
      const need = this.need(i, this.centre);
      if (need < least) [best, least] = [i, need];
    });
    return best;
  }

  private fill(): void {
    while (this.running < AT_ONCE && !this.stopped) {
      const index = this.next();
      if (index === undefined) return;
      this.running++;
      this.states[index] = "loading";
      this.fetch(index)
        .then(
          () => this.noteLoaded(index),
          (error: unknown) => this.noteFailed(index, failureOf(error)),
        )
        .finally(() => {
          this.running--;
          this.fill();
        });
    }
  }

  private retryLater(): void {
    clearTimeout(this.timer);
    const wait = RETRY_AFTER_MS[Math.min(this.attempts, RETRY_AFTER_MS.length - 1)]!;
    this.timer = setTimeout(() => {
      const attempts = this.attempts + 1;
      this.retry();
      this.attempts = attempts;
    }, wait);
  }
}

/** Whether a failure may mend by itself: no connection, no session, a server in trouble. */
export function isPassing(status: number | null | undefined): boolean {
  return status === 0 || status === 401 || status === 429 || (status ?? 0) >= 502;
}

export function failureOf(error: unknown): FrameFailure {
  if (error instanceof XMLHttpRequest) return { status: error.status, syntax: "" };
  const inner = (error as { error?: unknown } | null)?.error;
  if (inner !== undefined && inner !== error) return failureOf(inner);
  return { status: null, syntax: "" };
}
