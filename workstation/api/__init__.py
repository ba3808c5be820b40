"""The HTTP API: JSON over the same domain functions as the pages."""

from workstation.api.app import api_app

__all__ = ["api_app"]
