import type { Text } from "./i18n";

/** An answer that was not a success. `status` 0: the server could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly text: Text,
    readonly details: Record<string, unknown> = {},
  ) {
    super(`${status} ${code}`);
    this.name = "ApiError";
  }

  get isOffline(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

export const UNREACHABLE: Text = {
  vi: "Không kết nối được máy chủ.",
  en: "The server cannot be reached.",
};
const REFUSED: Text = { vi: "Máy chủ từ chối yêu cầu.", en: "The server refused the request." };

type Listener = (signedIn: boolean) => void;

/**
 * JSON over `fetch` against `${base}/api/v1`, with the session cookie.
 *
 * Listeners of `onSession` hear of the first 401 (signed out), and of the first success after it.
 */
export class Api {
  private readonly listeners = new Set<Listener>();
  private signedIn = true;

  constructor(
    readonly base: string,
    private readonly fetcher: typeof fetch = (input, init) => fetch(input, init),
  ) {}

  /** The address of the sign-in page that comes back to where the reader is. */
  get signInUrl(): string {
    const back = encodeURIComponent(location.pathname + location.search);
    return `${this.base}/login?next=${back}`;
  }

  onSession(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
    return this.send("GET", path, undefined, signal);
  }

  /** `get` of a page that asks by itself: a tab left open does not keep its session alive. */
  poll<Answer>(path: string): Promise<Answer> {
    return this.send("GET", path, undefined, undefined, { "X-Hoichan-Background": "1" });
  }

  post<Answer>(path: string, body: unknown = {}): Promise<Answer> {
    return this.send("POST", path, body);
  }

  put<Answer>(path: string, body: unknown): Promise<Answer> {
    return this.send("PUT", path, body);
  }

  patch<Answer>(path: string, body: unknown): Promise<Answer> {
    return this.send("PATCH", path, body);
  }

  delete<Answer>(path: string): Promise<Answer> {
    return this.send("DELETE", path);
  }

  /** Fetch any address below `base` (DICOMweb too); errors are `ApiError`s. */
  async request(address: string, init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await this.fetcher(this.base + address, { credentials: "same-origin", ...init });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError(0, "unreachable", UNREACHABLE);
    }
    if (response.status === 401) this.tell(false);
    else if (response.ok) this.tell(true);
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  /** For other loaders (frames): a request ended with this status. */
  noticeStatus(status: number): void {
    if (status === 401) this.tell(false);
  }

  private async send<Answer>(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const response = await this.request(`/api/v1${path}`, {
      method,
      headers: {
        Accept: "application/json",
        ...headers,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
    const text = await response.text();
    return (text ? JSON.parse(text) : null) as Answer;
  }

  private tell(signedIn: boolean): void {
    if (signedIn === this.signedIn) return;
    this.signedIn = signedIn;
    for (const listener of this.listeners) listener(signedIn);
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as {
      error: { code: string; message: Text; details?: Record<string, unknown> };
    };
    return new ApiError(response.status, error.code, error.message, error.details ?? {});
  } catch {
    return new ApiError(response.status, "http", REFUSED);
  }
}
