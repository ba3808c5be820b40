"""A bench remembers what was used last, and no more than it may."""

import numpy as np
from pydicom.dataset import Dataset

from plugins.testing import ct_study
from workstation.jobs.bench_memory import BenchMemory, size_of


def fill(memory: BenchMemory, study: str, count: int, analysis: str = "a") -> None:
    memory.of(study, analysis)["array"] = np.zeros(count, np.uint8)
    memory.settle(study, analysis)


def test_the_same_dictionary_for_the_same_study_and_analysis() -> None:
    memory = BenchMemory(1_000_000)
    fill(memory, "1", 10)
    assert memory.of("1", "a")["array"].size == 10
    assert memory.of("1", "b") == {}
    assert memory.of("2", "a") == {}


def test_what_was_unused_for_longest_is_forgotten_first() -> None:
    memory = BenchMemory(100_000)
    fill(memory, "1", 40_000)
    fill(memory, "2", 40_000)
    memory.of("1", "a")  # used again
    fill(memory, "3", 40_000)
    assert "array" in memory.of("1", "a")
    assert "array" in memory.of("3", "a")
    assert memory.of("2", "a") == {}


def test_what_is_too_large_by_itself_is_not_kept() -> None:
    memory = BenchMemory(100_000)
    fill(memory, "1", 200_000)
    assert memory.of("1", "a") == {}
    fill(memory, "2", 10)
    assert "array" in memory.of("2", "a")


def test_a_study_that_changed_is_forgotten_in_all_its_analyses() -> None:
    memory = BenchMemory(1_000_000)
    fill(memory, "1", 10, "a")
    fill(memory, "1", 10, "b")
    fill(memory, "2", 10, "a")
    memory.forget("1")
    assert (memory.of("1", "a"), memory.of("1", "b")) == ({}, {})
    assert "array" in memory.of("2", "a")
    memory.clear()
    assert memory.of("2", "a") == {}


def test_things_are_weighed_with_what_they_hold_and_once() -> None:
    array = np.zeros((100, 100), np.float32)
    assert 40_000 <= size_of(array) < 41_000
    assert 40_000 <= size_of({"a": array, "b": [array, (array,)]}) < 42_000
    assert 40_000 <= size_of(array[:2, :2]) < 41_000  # a view keeps all of it
    study = ct_study(slices=20)
    assert size_of(study) > 20 * 10_000  # headers
    loop: dict[str, object] = {}
    loop["self"] = loop
    assert size_of(loop) > 0
    assert size_of(Dataset()) > 0
