"""Finds guests, and keeps what they give by kind.

Guests come through the entry-point group ``hoichan.plugins`` (our own built-ins too) and as
lone ``*.py`` files in the ``plugins_dir`` setting. A guest enters whole or not at all; one that
fails, now or later, is logged and shown, and never stops the host.
"""

import hashlib
import logging
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, TypeVar, overload

from plugins.contributions import (
    Analysis,
    Contribution,
    DisplaySetHandler,
    Exporter,
    PreprocessStep,
    ReportTemplate,
    ViewerPanel,
    WorklistColumn,
)
from plugins.nouns import Text

__all__ = ["GROUP", "KINDS", "Failure", "Guest", "Registry"]

GROUP = "hoichan.plugins"
BUILT_IN = "built-in"
DISTRIBUTION = "hoichan"

KINDS: tuple[type[Contribution], ...] = (
    Analysis,
    PreprocessStep,
    DisplaySetHandler,
    ViewerPanel,
    WorklistColumn,
    ReportTemplate,
    Exporter,
)

FAILURES_KEPT = 200
_ACTIONS = (
    "wants",
    "run",
    "subject",
    "compute",
    "split",
    "render",
    "value",
    "draft",
    "encode",
)

logger = logging.getLogger(__name__)

C = TypeVar("C", bound=Contribution)
R = TypeVar("R")
D = TypeVar("D")


@dataclass(frozen=True)
class Guest:
    """One plugin as an administrator sees it. ``error`` is empty when it entered."""

    name: str
    version: str
    source: str
    error: str = ""
    contributions: tuple[Contribution, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A contribution that failed at work; the host went on without it."""

    guest: str
    kind: str
    contribution_id: str
    at: datetime
    error: str


class Registry:
    """The guests of one process. Immutable but for the failures met at work.

    Guests are let in when the first question comes: a process that asks none, such as the DICOM
    listener, loads nobody's code.
    """

    def __init__(self, guests: Iterable[Guest] = ()) -> None:
        self._outside = iter(guests)
        self._door = Lock()
        self._guests: tuple[Guest, ...] = ()
        self._by_kind: dict[type[Contribution], tuple[Contribution, ...]] = dict.fromkeys(KINDS, ())
        self._owners: dict[tuple[type[Contribution], str], Guest] = {}
        self._failures: deque[Failure] = deque(maxlen=FAILURES_KEPT)

    @classmethod
    def load(
        cls,
        plugins_dir: Path | None = None,
        *,
        installed: Iterable[EntryPoint] | None = None,
    ) -> "Registry":
        """Every guest there is; those that are whole will be let in.

        Parameters
        ----------
        plugins_dir : Path or None
            Folder of lone guest files. Names that begin with ``_`` or ``.`` are left alone.
        installed : iterable of EntryPoint, optional
            Instead of what is installed under ``hoichan.plugins``; for tests.
        """
        points = entry_points(group=GROUP) if installed is None else installed
        # built-ins first: a foreign guest can never take a built-in's place
        ordered = sorted(points, key=lambda point: (_source(point) != BUILT_IN, point.name))
        return cls(
            chain(map(_installed_guest, ordered), map(_lone_guest, _lone_files(plugins_dir)))
        )

    def gather(self) -> None:
        """Let the guests in now, rather than when somebody waits for the first answer."""
        with self._door:  # several threads may bring the first question
            for guest in self._outside:
                self._admit(guest)

    @property
    def guests(self) -> tuple[Guest, ...]:
        """Every guest found, those that were turned away too."""
        self.gather()
        return self._guests

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The latest failures at work, oldest first."""
        return tuple(self._failures)

    def of(self, kind: type[C]) -> tuple[C, ...]:
        """All contributions of a kind, in the order their guests entered."""
        self.gather()
        return tuple(gift for gift in self._by_kind[kind] if isinstance(gift, kind))

    def get(self, kind: type[C], contribution_id: str) -> C | None:
        """The contribution of that kind and id, or None."""
        return next((gift for gift in self.of(kind) if gift.id == contribution_id), None)

    def guest_of(self, contribution: Contribution) -> Guest | None:
        """Who gave it, or None when nobody here did."""
        self.gather()
        return self._owners.get((_kind(contribution), contribution.id))

    @overload
    def call(
        self, contribution: Contribution, function: Callable[..., R], *args: Any
    ) -> R | None: ...

    @overload
    def call(
        self, contribution: Contribution, function: Callable[..., R], *args: Any, default: D
    ) -> R | D: ...

    def call(
        self,
        contribution: Contribution,
        function: Callable[..., Any],
        *args: Any,
        default: Any = None,
    ) -> Any:
        """Call a guest's `function`; on failure log it, remember it, return `default`.

        A generator is run to its end here, so that what it raises is caught too. Streamlit's
        own control flow (rerun, stop) passes through: it is no failure.
        """
        try:
            result = function(*args)
            return tuple(result) if isinstance(result, Iterator) else result
        except (Exception, SystemExit) as error:
            self._record(contribution, error)
            return default

    def _record(self, contribution: Contribution, error: BaseException) -> None:
        guest = self.guest_of(contribution)
        failure = Failure(
            guest=guest.name if guest else "",
            kind=_kind(contribution).__name__,
            contribution_id=contribution.id,
            at=datetime.now(UTC),
            error=_describe(error),
        )
        self._failures.append(failure)
        # the traceback, not the message: a guest's message may hold what no log may hold
        logger.error(
            "guest %s failed: %s %s: %s",
            failure.guest,
            failure.kind,
            failure.contribution_id,
            _where(error),
        )

    def _admit(self, guest: Guest) -> None:
        if not guest.error:
            error = self._objection(guest)
            if error:
                guest = replace(guest, error=error, contributions=())
        if guest.error:
            logger.error("guest %s (%s) was turned away: %s", guest.name, guest.source, guest.error)
        for gift in guest.contributions:
            kind = _kind(gift)
            self._by_kind[kind] = (*self._by_kind[kind], gift)
            self._owners[kind, gift.id] = guest
        self._guests = (*self._guests, guest)

    def _objection(self, guest: Guest) -> str:
        """Why this guest may not enter, or an empty string."""
        if any(other.name == guest.name and not other.error for other in self._guests):
            return f"another guest is already called {guest.name!r}; rename one of them"
        seen: set[tuple[type[Contribution], str]] = set()
        for gift in guest.contributions:
            objection = _flaw(gift)
            if objection:
                return objection
            key = (_kind(gift), gift.id)
            owner = self._owners.get(key)
            if owner is not None:
                return f"{key[0].__name__} {gift.id!r} is already given by guest {owner.name!r}"
            if key in seen:
                return f"{key[0].__name__} {gift.id!r} is given twice"
            seen.add(key)
        return ""


def _kind(contribution: Contribution) -> type[Contribution]:
    return next((kind for kind in KINDS if isinstance(contribution, kind)), Contribution)


def _flaw(gift: object) -> str:
    """What is wrong with one contribution, or an empty string."""
    if not isinstance(gift, KINDS):
        known = ", ".join(kind.__name__ for kind in KINDS)
        return f"contribute() yielded a {type(gift).__name__}; it may yield: {known}"
    name = type(gift).__name__
    if not isinstance(gift.id, str) or not gift.id.strip():
        return f"a {name} has no id; give it one that is unique among all of its kind"
    if not isinstance(gift.title, str | Text) or not gift.title:
        return f"{name} {gift.id!r} has no title; give it a string or a Text"
    for action in _ACTIONS:
        if hasattr(gift, action) and not callable(getattr(gift, action)):
            return f"{name} {gift.id!r}: {action} is not a function"
    return ""


def _source(point: EntryPoint) -> str:
    if point.dist is None:
        return "package"
    if point.dist.name.lower() == DISTRIBUTION:
        return BUILT_IN
    return f"package {point.dist.name}"


def _installed_guest(point: EntryPoint) -> Guest:
    version = point.dist.version if point.dist is not None else ""
    return _guest(point.name, version, _source(point), point.load)


def _lone_files(plugins_dir: Path | None) -> Sequence[Path]:
    if plugins_dir is None or not plugins_dir.is_dir():
        return ()
    return sorted(path for path in plugins_dir.glob("*.py") if path.name[0] not in "_.")


def _lone_guest(path: Path) -> Guest:
    try:
        # no version is promised by a lone file, so its bytes are its version
        version = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    except OSError as error:
        return Guest(path.stem, "", f"file {path.name}", _describe(error))
    return _guest(path.stem, version, f"file {path.name}", lambda: _load_file(path))


def _load_file(path: Path) -> ModuleType:
    name = f"hoichan_guest_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is not a Python module")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _guest(name: str, version: str, source: str, load: Callable[[], Any]) -> Guest:
    try:
        module = load()
        contribute = getattr(module, "contribute", None)
        if not callable(contribute):
            return Guest(name, version, source, "it has no contribute() function")
        version = str(getattr(module, "__version__", version))
        return Guest(name, version, source, contributions=tuple(contribute()))
    except (Exception, SystemExit) as error:
        return Guest(name, version, source, _describe(error))


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())
    name = type(error).__name__
    where = _where(error)
    return f"{name}: {text} ({where})" if text else f"{name} ({where})"


def _where(error: BaseException) -> str:
    """File name and line at which it was raised; no message, no full path."""
    place = error.__traceback__
    if place is None:
        return type(error).__name__
    while place.tb_next is not None:
        place = place.tb_next
    code: Mapping[str, Any] = place.tb_frame.f_globals
    module = str(code.get("__name__", "?")).removeprefix("hoichan_guest_")
    return f"{type(error).__name__} in {module}, line {place.tb_lineno}"
