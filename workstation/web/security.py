"""Headers that tell the browser what our pages may do."""

import base64
import hashlib
import re
from collections.abc import Iterable

__all__ = ["content_security_policy", "inline_script_hashes", "security_headers"]


def inline_script_hashes(html: str) -> list[str]:
    """CSP sources for the inline scripts of a page; they change with Streamlit's version."""
    scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", html, re.DOTALL)
    return [
        "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"
        for script in scripts
    ]


def content_security_policy(script_hashes: Iterable[str] = ()) -> str:
    """The policy of every page.

    Streamlit's own code needs ``unsafe-eval``, its inline component modules ``blob:``; codecs
    need ``wasm-unsafe-eval``. Nothing may be loaded from, or sent to, any other host.
    """
    scripts = " ".join(["'self'", *script_hashes, "'unsafe-eval'", "'wasm-unsafe-eval'", "blob:"])
    directives = {
        "default-src": "'self'",
        "script-src": scripts,
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "frame-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def security_headers(policy: str, *, https: bool) -> list[tuple[bytes, bytes]]:
    """Headers of every answer."""
    headers = [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"SAMEORIGIN"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
    ]
    if https:
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    return headers
