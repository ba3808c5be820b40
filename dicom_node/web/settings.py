"""What an installation may choose of the DICOMweb service."""

import os
from dataclasses import dataclass

__all__ = ["WebSettings"]


@dataclass(frozen=True)
class WebSettings:
    """Limits of the DICOMweb service.

    Parameters
    ----------
    reading_threads : int
        Threads that wait for disk and index.
    decoding_threads : int
        Threads that decode, transcode and render.
    cache_bytes : int
        Disk for rendered and transcoded frames, in ``derived/`` of the archive's folder.
    remembered_instances : int
        Instances whose record and frame table stay in memory.
    maximum_part_bytes : int
        A longer part of a STOW request is refused (0xA700).
    maximum_json_bytes : int
        Longest JSON metadata, and longest bulk part kept in memory, of a STOW request.
    """

    reading_threads: int = 8
    decoding_threads: int = max(1, os.cpu_count() or 1)
    cache_bytes: int = 2_000_000_000
    remembered_instances: int = 4096
    maximum_part_bytes: int = 16_000_000_000
    maximum_json_bytes: int = 64_000_000
