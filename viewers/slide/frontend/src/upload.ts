/** Send a file with its progress told: `fetch` says nothing of what has left. */

import { type Api, ApiError, UNREACHABLE } from "@common/api";
import type { Text } from "@common/i18n";

const REFUSED: Text = { vi: "Máy chủ từ chối yêu cầu.", en: "The server refused the request." };

/** Resolves with the answer's JSON; rejects with an `ApiError`. */
export function upload<Answer>(
  api: Api,
  address: string,
  file: File,
  progress: (share: number) => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", api.base + address);
    request.responseType = "text";
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(total ? loaded / total : 1));
    request.upload.addEventListener("load", () => progress(1));
    request.addEventListener("error", () => reject(new ApiError(0, "unreachable", UNREACHABLE)));
    request.addEventListener("load", () => {
      api.noticeStatus(request.status);
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as Answer);
      else reject(refusal(request));
    });
    request.send(file);
  });
}

function refusal({ status, responseText }: XMLHttpRequest): ApiError {
  try {
    const { error } = JSON.parse(responseText) as { error: { code: string; message: Text } };
    return new ApiError(status, error.code, error.message);
  } catch {
    return new ApiError(status, "http", REFUSED);
  }
}
