"""Uploads as the page reads them."""

from typing import Any

from workstation.uploads.rows import Upload

__all__ = ["upload_json"]


def upload_json(upload: Upload, offset: int) -> dict[str, Any]:
    """One upload with how much of it is here; its facts are its sender's own."""
    ours = ("prepared", "facts", "series", "shown")
    outcome = {name: value for name, value in upload.outcome.items() if name not in ours}
    return {
        "id": upload.id,
        "name": upload.name,
        "size": upload.size,
        "offset": offset,
        "state": upload.state.value,
        "progress": round(upload.progress, 4),
        "message": upload.message or None,
        "error": upload.error or None,
        "outcome": outcome or None,
        "facts": upload.facts,
        "watched": not upload.owner,
        "in_blocks": upload.block_bytes > 0,
        "is_shown": upload.shown_steps > 0,
        "created_at": upload.created_at.isoformat(),
    }
