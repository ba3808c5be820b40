"""The compile policy, and threads that neither crash nor wait for each other for ever."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

import kernels
from kernels import _jit, _threads
from kernels._threads import spread


def test_every_kernel_compiles_and_only_for_its_declared_types() -> None:
    kernels.warm_up()
    assert len(_jit.KERNELS) > 20
    for kernel in _jit.KERNELS:
        assert len(kernel.compiled.signatures) == len(kernel.signatures)
        assert not kernel.compiled._can_compile
        options = kernel.compiled.targetoptions
        assert options["nogil"]
        assert not options.get("parallel")
        assert kernel.compiled.stats.cache_path


def test_a_second_start_compiles_nothing() -> None:
    kernels.warm_up()
    code = (
        "import kernels; kernels.warm_up();"
        "from kernels._jit import KERNELS;"
        "print(sum(len(k.compiled.stats.cache_misses) for k in KERNELS))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_a_folder_that_cannot_be_written_only_costs_the_cache(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def njit(function, cache: bool = False, **options):  # type: ignore[no-untyped-def]
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return function

    monkeypatch.setattr(numba, "njit", njit)
    assert _jit.cached(len) is len


@pytest.mark.parametrize("count", [0, 1, 7, 100, 4096])
@pytest.mark.parametrize("least", [1, 16, 5000])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_spread_covers_every_item_once(count: int, least: int, threads: int) -> None:
    kernels.set_threads(threads)
    seen = np.zeros(count, int)

    def add(start: int, stop: int) -> None:
        seen[start:stop] += 1

    spread(add, count, least=least)
    assert (seen == 1).all()


def test_an_error_in_a_block_reaches_the_caller() -> None:
    def fail(start: int, stop: int) -> None:
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        spread(fail, 100)


def test_many_callers_at_once_all_get_their_answer() -> None:
    stored = np.random.default_rng(0).integers(-100, 200, (8, 256, 256)).astype(np.int16)
    how = kernels.Display(voi=kernels.Window(40, 80))
    expected = kernels.display(stored, how)
    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda _: kernels.display(stored, how), range(64)))
    assert all(np.array_equal(answer, expected) for answer in answers)


def test_a_pool_that_is_busy_makes_nobody_wait_for_ever() -> None:
    kernels.set_threads(2)
    hold = threading.Event()
    helpers = _threads.POOL.helpers()
    blocked = [helpers.submit(hold.wait) for _ in range(8)]
    try:
        seen = np.zeros(1000, int)

        def add(start: int, stop: int) -> None:
            seen[start:stop] += 1

        worker = threading.Thread(target=lambda: spread(add, 1000))
        worker.start()
        worker.join(timeout=120)
        assert not worker.is_alive()
        assert (seen == 1).all()
    finally:
        hold.set()
        for future in blocked:
            future.result()


def test_kernels_work_after_a_fork() -> None:
    code = (
        "import os, numpy as np, kernels\n"
        "stored = np.zeros((8, 256, 256), np.int16)\n"
        "how = kernels.Display(voi=kernels.Window(40, 80))\n"
        "kernels.display(stored, how)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if kernels.display(stored, how).max() == 0 else 3)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "0"


def test_linear_algebra_is_pinned_to_the_same_threads() -> None:
    code = (
        "import numpy, scipy.linalg, kernels; from threadpoolctl import threadpool_info;"
        "kernels.set_threads(1);"
        "print({pool['num_threads'] for pool in threadpool_info()})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{1}"


@pytest.mark.parametrize("count", [0, -1, 1.5, float("nan"), None])
def test_a_bad_number_of_threads_is_named(count) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"^count .*expected"):
        kernels.set_threads(count)
