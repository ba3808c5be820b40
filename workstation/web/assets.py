"""Files whose names are hashes of their content: sent once, kept by the browser for good."""

import gzip
from pathlib import Path

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

__all__ = ["ImmutableFiles"]

IMMUTABLE = "public, max-age=31536000, immutable"
# Fixed here: the system's own table lacks some of them on a bare machine.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".wasm": "application/wasm",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
COMPRESSIBLE = frozenset({".css", ".html", ".js", ".json", ".map", ".mjs", ".svg", ".ttf", ".wasm"})
# Names without a hash must be asked for again each time.
UNHASHED = frozenset({"manifest.json"})
SMALLEST_COMPRESSED = 1024


class ImmutableFiles:
    """Serves a folder of hashed files; ``<name>.gz`` beside a file is sent to who takes gzip.

    Parameters
    ----------
    folder : Path
    compress : bool
        Make missing ``.gz`` in memory, once per file (for folders we did not build).
    """

    def __init__(self, folder: Path, *, compress: bool = False) -> None:
        self.folder = folder.resolve()
        self.compress = compress
        self._compressed: dict[Path, bytes] = {}

    async def respond(self, request: Request) -> Response:
        path = self._find(request.path_params["path"])
        headers = {
            "cache-control": "no-cache" if path.name in UNHASHED else IMMUTABLE,
            "vary": "accept-encoding",
        }
        media_type = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
        accepted = request.headers.get("accept-encoding", "")
        if "gzip" in accepted and path.suffix in COMPRESSIBLE:
            beside = path.with_name(path.name + ".gz")
            headers["content-encoding"] = "gzip"
            if beside.is_file():
                return FileResponse(beside, headers=headers, media_type=media_type)
            if self.compress and path.stat().st_size >= SMALLEST_COMPRESSED:
                body = await anyio.to_thread.run_sync(self._compress, path)
                return Response(body, headers=headers, media_type=media_type)
            del headers["content-encoding"]
        return FileResponse(path, headers=headers, media_type=media_type)

    def _find(self, name: str) -> Path:
        """The file of that name, never outside the folder."""
        try:
            path = (self.folder / name).resolve()
            inside = path.is_relative_to(self.folder) and path.is_file()
        except (OSError, ValueError):
            inside = False
        if not inside or path.suffix == ".gz" or path.name.startswith("."):
            raise HTTPException(404)
        return path

    def _compress(self, path: Path) -> bytes:
        if path not in self._compressed:
            self._compressed[path] = gzip.compress(path.read_bytes(), 6, mtime=0)
        return self._compressed[path]
