"""Puts an entry of the front-end bundle on a Streamlit page or a page of its own.

The component Streamlit registers is a loader of a few lines; the bundle itself comes from
``<base>/assets/<hashed file>``, immutable and pre-compressed, and stays in the page's memory
when the reader changes pages.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["DIST", "BundleMissing", "asset", "mount", "page", "parts"]

DIST = Path(__file__).resolve().parent / "dist"

# Called again by Streamlit with the same parentElement on every change of `data`: the entry is
# imported once, told of each change, and a change during the import is not lost.
LOADER = """
const places = new WeakMap();
export default function (args) {
  const { parentElement, data } = args;
  let place = places.get(parentElement);
  if (!place) {
    place = { entry: null, cleanup: null, gone: false, args };
    places.set(parentElement, place);
    const address = new URL(data.module, document.baseURI).href;
    import(address).then((module) => {
      place.entry = module.default;
      if (!place.gone) place.cleanup = place.entry(place.args);
    }).catch(() => {
      const sentence = document.createElement("p");
      sentence.setAttribute("role", "alert");
      sentence.textContent = data.language === "en"
        ? "This part of the page could not be loaded. Reload the page."
        : "Không tải được phần này của trang. Hãy tải lại trang.";
      parentElement.append(sentence);
    });
  }
  place.args = args;
  if (place.entry) place.cleanup = place.entry(args);
  return () => {
    place.gone = true;
    places.delete(parentElement);
    if (place.cleanup) place.cleanup();
  };
}
"""


class BundleMissing(RuntimeError):
    """The front-end bundle, or one entry of it, has not been built."""

    def __init__(self, entry: str) -> None:
        super().__init__(
            f"the front-end bundle has no entry {entry!r} in {DIST.name}; "
            "build it with `python -m viewers.build`"
        )


def asset(entry: str) -> str:
    """Return the hashed file name of `entry`, below ``<base>/assets/``.

    Raises
    ------
    BundleMissing
        The bundle has not been built, or has no such entry.
    """
    name: str = entry_of(entry)["js"]
    return name


def parts(entry: str) -> list[str]:
    """Return every file `entry` will ask for, so that a page can fetch them side by side.

    Raises
    ------
    BundleMissing
        The bundle has not been built, or has no such entry.
    """
    found = entry_of(entry)
    return [found["js"], *found["imports"], *found.get("later", [])]


def entry_of(entry: str) -> dict[str, Any]:
    path = DIST / "manifest.json"
    try:
        changed = path.stat().st_mtime_ns
        found: dict[str, Any] = manifest(changed)[entry]
    except (FileNotFoundError, KeyError):
        raise BundleMissing(entry) from None
    return found


@cache
def manifest(changed: int) -> dict[str, Any]:
    """Read the manifest; `changed` (its modification time) makes a new build seen at once."""
    read: dict[str, Any] = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))
    return read


@cache
def component(entry: str) -> Callable[..., Any]:
    """Register the loader for `entry` with Streamlit, on first use (it needs a runtime)."""
    import streamlit as st

    registered: Callable[..., Any] = st.components.v2.component(f"hoichan_{entry}", js=LOADER)
    return registered


def mount(
    entry: str,
    data: Mapping[str, Any],
    *,
    key: str,
    default: Mapping[str, Any] | None = None,
    height: str | int = "content",
    **on_change: Callable[[], None],
) -> Any:
    """Show `entry` on the current Streamlit page and return what it reported.

    Parameters
    ----------
    entry : str
        Name of the entry: "radiology", "worklist", "report".
    data : mapping
        JSON for the entry; must hold ``base`` (URL prefix, "" or "/prefix") and ``language``.
    key : str
        The same key on every rerun keeps the same mount.
    default : mapping, optional
        First values of states; each needs its ``on_<state>_change``.
    height : str or int
        Streamlit's layout height of the element.
    **on_change
        ``on_<name>_change`` callbacks for states and triggers of the entry.
    """
    return component(entry)(
        key=key,
        data={**data, "module": f"{data['base']}/assets/{asset(entry)}"},
        default=None if default is None else dict(default),
        height=height,
        **on_change,
    )


def page(entry: str, data: Mapping[str, Any], title: str) -> str:
    """Return the HTML of a page of its own that mounts `entry` over the whole window.

    The configuration stands in a JSON script element, which a content security policy without
    ``unsafe-inline`` lets through; the module that mounts it comes from ``/assets``.
    """
    # "<" is escaped so that no value can end the script element.
    configuration = json.dumps(dict(data), ensure_ascii=False).replace("<", "\\u003c")
    language = "en" if data.get("language") == "en" else "vi"
    safe = title.replace("&", "&amp;").replace("<", "&lt;")
    # Without these the viewer's parts would be asked for one after the other.
    preloads = "".join(
        f'<link rel="modulepreload" href="{data["base"]}/assets/{name}">\n' for name in parts(entry)
    )
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{safe}</title>\n<link rel="icon" href="data:,">\n'
        f"{preloads}"
        f'<script type="application/json" id="hoichan-{entry}">{configuration}</script>\n'
        f'<script type="module" src="{data["base"]}/assets/{asset("standalone")}"></script>\n'
        '</head>\n<body style="margin:0;background:#0b0d10"></body>\n</html>\n'
    )
