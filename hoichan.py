"""Hội chẩn: the consult workstation for tiered hospitals. The front door."""

import sys
from collections.abc import Sequence

__all__ = ["__version__", "main"]

__version__ = "0.1.0"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ``hoichan`` command and return its exit status."""
    from workstation.cli import run

    return run(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    raise SystemExit(main())
