"""The one compile policy.

A kernel declares the types it takes; it is compiled for those and no others, at the first call
or in `warm_up`, and the machine code is kept on disk. Inputs are declared read-only and
C-contiguous, so that every array the public functions hand over (they copy the odd ones) finds
its compiled version and nobody waits for a compiler because a view was strided or locked.

Kernels run without the GIL and on one thread. Large work is cut in blocks over one small pool
(`kernels._threads`): no Numba threading layer is ever started, hence no crash when two requests
meet, none after a fork, and no tile-sized work that spins every core.

To declare a kernel loads no compiler: Numba and LLVM come with the first call of one, and a
process that calls none stays small.

Where a kernel works on ``start`` to ``stop`` it slices its arrays first and counts from zero:
an index that might be negative keeps a loop from being vectorised.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any

__all__ = ["Kernel", "compile_all", "helper", "jit"]

KERNELS: list["Kernel"] = []
OPTIONS = {"nogil": True, "error_model": "numpy", "boundscheck": False}


class Kernel:
    """A function compiled for its declared signatures only."""

    def __init__(
        self, function: Callable[..., Any], signatures: tuple[str, ...], writes: int, fast: bool
    ) -> None:
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.function = function
        self.signatures = signatures
        self.writes = writes
        self.fast = fast
        self.lock = Lock()
        self.compiled: Any = None
        KERNELS.append(self)

    def __call__(self, *arguments: Any) -> Any:
        if self.compiled is None:
            self.compile()
        return self.compiled(*arguments)

    def compile(self) -> None:
        """Compile every signature, or load what an earlier process compiled."""
        with self.lock:
            if self.compiled is None:
                dispatcher = cached(self.function, fastmath=self.fast)
                for signature in self.signatures:
                    dispatcher.compile(read_only(signature, self.writes))
                dispatcher.disable_compile()
                self.compiled = dispatcher


class Helper:
    """A function that kernels call; compiled with the types they call it with."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.lock = Lock()
        self.compiled: Any = None

    @property
    def _numba_type_(self) -> Any:
        """What Numba asks of a name it meets in a kernel."""
        with self.lock:
            if self.compiled is None:
                self.compiled = cached(self.function)
        return self.compiled._numba_type_


def jit(*signatures: str, writes: int = 1, fast: bool = False) -> Callable[..., Kernel]:
    """Declare a kernel.

    Parameters
    ----------
    *signatures : str
        Numba's notation, one per accepted set of types: ``"void(i2[::1], f4, u1[::1])"``.
    writes : int
        How many arrays, counted from the end, the kernel writes; the others are read-only.
    fast : bool
        Let sums be reordered and contracted; only where a tolerance is stated.
    """

    def declare(function: Callable[..., Any]) -> Kernel:
        return Kernel(function, signatures, writes, fast)

    return declare


def helper(function: Callable[..., Any]) -> Any:
    """Let kernels call a function; it is compiled with the types they call it with."""
    return Helper(function)


def cached(function: Callable[..., Any], **options: Any) -> Any:
    import numba

    compile_lazily: Any = numba.njit
    try:
        return compile_lazily(function, cache=True, **OPTIONS, **options)
    except RuntimeError:  # nowhere to write: neither beside the module nor in the user's cache
        return compile_lazily(function, **OPTIONS, **options)


def read_only(signature: str, writes: int) -> Any:
    from numba.core import types

    parsed = eval(signature, {}, vars(types))
    arguments = list(parsed.args)
    arrays = [index for index, kind in enumerate(arguments) if isinstance(kind, types.Array)]
    for index in arrays[: len(arrays) - writes]:
        arguments[index] = arguments[index].copy(readonly=True)
    return parsed.return_type(*arguments)


def compile_all() -> None:
    """Compile or load every kernel declared so far."""
    for kernel in KERNELS:
        kernel.compile()
