/** The HTTP API as the components see it: JSON in, JSON out, one kind of error. */

export interface Bilingual {
  vi: string;
  en: string;
}

/** Status 0 means that the server could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly text: Bilingual,
    readonly details: Record<string, unknown> = {},
  ) {
    super(text.en);
  }

  get signedOut(): boolean {
    return this.status === 401;
  }

  get unreachable(): boolean {
    return this.status === 0 || this.status >= 502;
  }
}

const UNREACHABLE: Bilingual = {
  vi: "Không kết nối được với máy chủ.",
  en: "The server cannot be reached.",
};
const UNEXPECTED: Bilingual = {
  vi: "Máy chủ trả lời không như mong đợi.",
  en: "The server gave an unexpected answer.",
};

export interface SendOptions {
  signal?: AbortSignal;
  /** Finish even when the page is being left. */
  keepalive?: boolean;
}

export class Api {
  constructor(readonly base: string) {}

  get<T>(path: string, options: SendOptions = {}): Promise<T> {
    return this.send<T>("GET", path, undefined, options);
  }

  async send<T>(
    method: string,
    path: string,
    body?: unknown,
    options: SendOptions = {},
  ): Promise<T> {
    let response: Response;
    try {
      response = await fetch(`${this.base}/api/v1${path}`, {
        method,
        credentials: "same-origin",
        redirect: "error",
        headers: body === undefined ? {} : { "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: options.signal ?? null,
        keepalive: options.keepalive ?? false,
      });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError(0, "unreachable", UNREACHABLE);
    }
    if (response.status === 204) return undefined as T;
    let answer: unknown;
    try {
      answer = await response.json();
    } catch {
      throw new ApiError(response.ok ? 500 : response.status, "unexpected", UNEXPECTED);
    }
    if (response.ok) return answer as T;
    const found = (answer as { error?: { code?: string; message?: Bilingual; details?: object } })
      .error;
    throw new ApiError(
      response.status,
      found?.code ?? "unexpected",
      found?.message?.vi ? found.message : UNEXPECTED,
      { ...found?.details },
    );
  }
}
