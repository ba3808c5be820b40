"""Our own guests. They come in through the entry points in ``pyproject.toml``, like any other."""
