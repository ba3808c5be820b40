from .commitment import CommitmentReport, request_commitment
from .echo import echo
from .find import find, instances_held
from .store import SendResult, store

__all__ = [
    "CommitmentReport",
    "SendResult",
    "echo",
    "find",
    "instances_held",
    "request_commitment",
    "store",
]
