"""One small pool for work that is worth more than one core."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

from kernels._checks import whole

__all__ = ["set_threads", "spread", "threads"]


def available_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pool:
    """The helpers beside the calling thread; made when first needed, forgotten by a fork."""

    def __init__(self, count: int) -> None:
        self.lock = Lock()
        self.count = count
        self.executor: ThreadPoolExecutor | None = None

    def forget(self) -> None:
        self.lock = Lock()
        self.executor = None

    def helpers(self) -> ThreadPoolExecutor:
        with self.lock:
            if self.executor is None:
                self.executor = ThreadPoolExecutor(
                    max(self.count - 1, 1), thread_name_prefix="kernels"
                )
            return self.executor


POOL = Pool(available_cores())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)


def set_threads(count: int) -> None:
    """Let kernels and the linear algebra beneath NumPy use `count` threads each.

    Raises
    ------
    ValueError
        `count` is below 1.
    """
    whole("count", count, 1)
    with POOL.lock:
        POOL.count = count
        POOL.executor = None  # calls under way keep theirs; its threads end with it
    ThreadpoolController().limit(limits=count)


def threads() -> int:
    """Return how many threads a kernel may use."""
    return POOL.count


def spread(kernel: Callable[..., Any], count: int, *arguments: Any, least: int = 1) -> None:
    """Run ``kernel(start, stop, *arguments)`` over blocks that together make ``range(count)``.

    The calling thread works too, and takes over whatever no helper has begun: a busy pool
    makes a call slower, never stuck.

    Parameters
    ----------
    least : int
        The smallest block worth handing out.
    """
    workers = POOL.count
    parts = min(workers * 4, count // max(least, 1))
    if workers == 1 or parts < 2:
        if count:
            kernel(0, count, *arguments)
        return
    edges = [count * part // parts for part in range(parts + 1)]
    blocks = iter(list(pairwise(edges)))

    def work() -> None:
        for start, stop in blocks:
            kernel(start, stop, *arguments)

    helpers = POOL.helpers()
    futures = [helpers.submit(work) for _ in range(min(workers, parts) - 1)]
    try:
        work()
    finally:
        for future in futures:
            if not future.cancel():
                future.result()
