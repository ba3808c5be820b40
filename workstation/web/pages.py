"""The few pages made without Streamlit: sign-in, signed out, "starting up"."""

from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlencode

from starlette.responses import HTMLResponse

from plugins.nouns import Text

__all__ = ["STATIC", "language_links", "page"]

STATIC = Path(__file__).resolve().parent / "static"
TAGLINE = Text("Hội chẩn hình ảnh từ xa", "Imaging consults at a distance")
TEMPLATE = Template((STATIC / "page.html").read_text(encoding="utf-8"))


def page(
    title: Text,
    content: str,
    *,
    language: str,
    base_path: str,
    status: int = 200,
    head: str = "",
    footer: str = "",
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """A whole page in our dress.

    Parameters
    ----------
    content, head, footer : str
        HTML, already escaped.
    """
    body = TEMPLATE.substitute(
        language=language,
        base=escape(base_path, quote=True),
        title=escape(title.in_language(language)),
        tagline=escape(TAGLINE.in_language(language)),
        head=head,
        content=content,
        footer=footer,
    )
    return HTMLResponse(body, status, {"cache-control": "no-store", **(headers or {})})


def language_links(path: str, language: str, **query: str) -> str:
    """Links to the same page in each language."""
    links = []
    for code, name in (("vi", "Tiếng Việt"), ("en", "English")):
        target = escape(f"{path}?{urlencode({**query, 'lang': code})}", quote=True)
        current = ' aria-current="true"' if code == language else ""
        links.append(f'<a href="{target}" lang="{code}" hreflang="{code}"{current}>{name}</a>')
    return f"<span>{' · '.join(links)}</span>"
