"""The page that explains the API, with its program code from this machine, not from others."""

from html import escape
from pathlib import Path

import fastapi_offline
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from workstation.web.assets import ImmutableFiles
from workstation.web.pages import STATIC
from workstation.web.shell import BACKGROUND

__all__ = ["api_docs_routes"]

# Swagger UI's own dark mode, on our background.
DARKNESS = (
    "html.dark-mode,html.dark-mode .swagger-ui,html.dark-mode .swagger-ui .scheme-container"
    f"{{background:{BACKGROUND}}}body{{margin:0}}"
)
SWAGGER_UI = Path(fastapi_offline.__file__).parent / "static"


def api_docs_routes(base_path: str) -> list[Route]:
    """Routes of ``/api/docs`` and of what it loads."""
    base = escape(base_path, quote=True)
    body = f"""<!doctype html>
<html lang="en" class="dark-mode">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<title>Hội chẩn API</title>
<link rel="icon" href="{base}/session/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{base}/api/docs/files/swagger-ui.css">
<style>{DARKNESS}</style>
</head>
<body>
<div id="swagger-ui" data-openapi="{base}/api/openapi.json"></div>
<script src="{base}/api/docs/files/swagger-ui-bundle.js"></script>
<script src="{base}/api/docs/start.js"></script>
</body>
</html>
"""
    files = ImmutableFiles(SWAGGER_UI, compress=True)

    async def page(request: Request) -> Response:
        return HTMLResponse(body)

    async def start(request: Request) -> Response:
        return FileResponse(STATIC / "api-docs.js", media_type="text/javascript")

    return [
        Route("/api/docs", page, methods=["GET"]),
        Route("/api/docs/start.js", start, methods=["GET"]),
        Route("/api/docs/files/{path:path}", files.respond, methods=["GET", "HEAD"]),
    ]
