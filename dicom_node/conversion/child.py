"""The converter's own process: vendor's bytes meet parsers in C only here.

Reads its order, one line of JSON, from standard input; writes one line of JSON for each step to
standard output. When the pipe to standard input ends, whoever wanted the slide is gone.
"""

import json
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Set the limits, then load the parsers and convert."""
    order = json.loads(sys.stdin.buffer.readline())
    _limit(order["limits"])
    threading.Thread(target=_watch, daemon=True).start()
    # Whatever a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps(_convert(order, answers)), file=answers, flush=True)


def _limit(limits: dict[str, int]) -> None:
    for number, value in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(number, (value, value))
    os.nice(5)  # readers come first


def _convert(order: dict[str, Any], answers: Any) -> dict[str, Any]:
    from dicom_node.conversion.blocks import Blocks
    from dicom_node.conversion.build import build
    from dicom_node.conversion.facts import SlideFacts
    from dicom_node.conversion.partial import build_partial
    from dicom_node.conversion.refusals import ConversionRefused, refuse

    last = -1.0

    def report(fraction: float, vi: str, en: str) -> None:
        nonlocal last
        if fraction - last >= 0.005 or fraction == 1.0:
            last = fraction
            step = {"fraction": round(fraction, 4), "vi": vi, "en": en}
            print(json.dumps(step), file=answers, flush=True)

    facts = SlideFacts.from_json(order["facts"])
    try:
        path, folder = Path(order["path"]), Path(order["folder"])
        if order.get("blocks"):
            here, size, block_bytes = order["blocks"]
            blocks = Blocks(Path(here), size, block_bytes)
            built = build_partial(path, folder, facts, report, blocks)
        else:
            built = build(path, folder, facts, report)
    except ConversionRefused as refusal:
        return {"refused": [refusal.code, refusal.vi, refusal.en]}
    except MemoryError:
        limit = refuse("limits", "memory", "bộ nhớ")
        return {"refused": [limit.code, limit.vi, limit.en]}
    except OSError as error:
        return {"failed": error.strerror, "errno": error.errno}
    return {"files": [path.name for path in built.files], "notes": built.notes}


def _watch() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
