"""Results for tests: a guest that computes, and rows computed without a child."""

import threading
import time
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
from sqlalchemy import func, select

import kernels
from dicom_node.records import StudyRecord
from plugins import testing
from plugins.contributions import Analysis, Contribution
from plugins.registry import Guest, Registry
from plugins.results import Result
from tests.factories import EVERYTHING, ct_series, file_bytes, from_site
from workstation.consult import result_files
from workstation.consult.result_content import encode
from workstation.consult.result_runs import (
    Claim,
    claim_result,
    due_work,
    mark_study,
    record_computed,
    record_subjects,
)
from workstation.context import Context
from workstation.database import result_plans, results
from workstation.jobs import bench
from workstation.jobs.benches import Benches
from workstation.settings import Settings

__all__ = [
    "GUEST",
    "all_computed",
    "bright_registry",
    "bright_series",
    "computed",
    "content_of",
    "lone_work",
    "made_of",
    "only_lone_files",
    "row",
    "send",
    "shared_result",
    "with_guest",
]

BRIGHT = 6  # voxels of each slice at 60 HU, the rest at 0

# A lone file. What it is asked to do besides comes in by its one parameter.
GUEST = """
import os
import signal
import time

import numpy as np
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from plugins import (
    Analysis, Grade, Handle, HandleKind, Layer, LayerKind, Result, Segment, Text, Value,
)

LESION = Code("52988006", "SCT", "Lesion")


def subject(study):
    heads = [s for s in study.series if "HEAD" in s.series_description]
    if any("DEADLY" in s.series_description for s in heads):
        os.kill(os.getpid(), signal.SIGKILL)
    return [max(heads, key=lambda s: len(s.instances)).series_instance_uid] if heads else []


def compute(study, edits, bench):
    parameters = edits.get("parameters", {})
    mode = parameters.get("mode", "")
    uid = edits.get("series") or subject(study)[0]
    bench.memory["runs"] = bench.memory.get("runs", 0) + 1
    bench.report(0.1, Text("Đọc ảnh", "Reading images"))
    if "volume" not in bench.memory:
        series = next(s for s in study.series if s.series_instance_uid == uid)
        bench.memory["volume"] = study.load_volume(series)
    volume = bench.memory["volume"]
    if mode == "raise":
        raise LookupError("no such thing")
    if mode == "refuse":
        raise ValueError(Text("Ảnh quá ít.", "Too few images."))
    if mode == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "exit":
        os._exit(3)
    if mode == "hang":
        time.sleep(600)
    if mode == "report":
        for step in range(1200):
            bench.report(step / 1200, Text(f"Bước {step}", f"Step {step}"))
            time.sleep(0.05)
    if mode == "eat":
        np.ones(200_000_000_000, np.uint8)
    mask = (volume.array > parameters.get("level", 30.0)).astype(np.uint8)
    value = float("nan") if mode == "nan" else float(mask.sum())
    if mode == "flat":
        mask = mask[0]
    return Result(
        analysis="bright", title=Text("Vùng sáng", "Bright"), version="1",
        study_instance_uid=study.study_instance_uid, series_instance_uids=(uid,),
        grade=Grade.RED if mode == "red" else Grade.GREEN,
        values=(
            Value("voxels", Text("Số điểm ảnh", "Voxels"), value, codes.UCUM.NoUnits, is_main=True),
        ),
        layers=(
            Layer(
                "bright", Text("Vùng sáng", "Bright"), LayerKind.MASK, uid,
                tuple((one, 1) for one in volume.sop_instance_uids), mask,
                (Segment(1, Text("Sáng", "Bright"), (255, 0, 0),
                         Code("49755003", "SCT", "Morphologically Altered Structure"), LESION),),
            ),
        ),
        handles=(
            Handle("top", HandleKind.POINT, Text("Đỉnh", "Top"), ((0.0, 0.0, 5.0),), uid),
        ),
        detail={"runs": bench.memory["runs"], "pid": os.getpid()},
    )


def contribute():
    yield Analysis("bright", Text("Vùng sáng", "Bright"), subject, compute, deadline_seconds=60.0)
"""


def only_lone_files(plugins_dir: Path | None = None) -> Registry:
    """`Registry.load` without the built-ins, whose analyses would want the tests' images too."""
    return load_all(plugins_dir, installed=())


load_all = Registry.load


def lone_work(settings: Settings, pipe: Pipe) -> None:
    """A bench's work with nothing but the guest of the tests."""
    Registry.load = only_lone_files  # type: ignore[method-assign,assignment]
    kernels.warm_up = lambda: None  # the guest uses none
    bench.work(settings, pipe)


def with_guest(folder: Path) -> Path:
    """A plugin folder with the guest in it."""
    folder.mkdir(exist_ok=True)
    (folder / "bright.py").write_text(dedent(GUEST), encoding="utf-8")
    return folder


def bright_series(slices: int = 4, **attributes: Any) -> list[Any]:
    """A head series of `slices`, each with `BRIGHT` voxels of 60 HU on 0 HU."""
    pixels = np.full((16, 16), 1024, np.int16)
    pixels.flat[:BRIGHT] = 1084
    shown = {"SeriesDescription": "HEAD 5.0", "PixelData": pixels.tobytes()}
    return ct_series(slices, **{**shown, **attributes})


def send(context: Context, datasets: list[Any], site: str = "DEMO_A") -> StudyRecord:
    """Let images come in; intake has not seen them yet."""
    for dataset in datasets:
        context.archive.store_bytes(file_bytes(dataset), from_site(site))
    return context.archive.study(datasets[0].StudyInstanceUID, scope=EVERYTHING)


def bright_registry(*more: Contribution) -> Registry:
    """One analysis under the guest's name that is never asked, and what else is given."""
    analysis = Analysis("bright", "Bright", lambda study: (), lambda *_: testing.result())
    return Registry([Guest("bright", "1", "test", contributions=(analysis, *more))])


def shared_result(context: Context, study_instance_uid: str) -> str:
    """The id of a due result of the guest's, planned as a worker plans it."""
    context = replace(context, plugins=bright_registry())
    series = context.archive.study_series(study_instance_uid, scope=EVERYTHING)
    with context.database.begin() as connection:
        mark_study(context, connection, study_instance_uid)
        wanted = select(result_plans.c.version)
        its = result_plans.c.study_instance_uid == study_instance_uid
        version = connection.scalar(wanted.where(its))
    assert version is not None
    counts = {series[0].series_instance_uid: series[0].instance_count}
    due = record_subjects(context, study_instance_uid, version, {"bright": counts})
    return due[0] if due else ""


def made_of(context: Context, study_instance_uid: str, **changes: Any) -> Result:
    """The factory's result, about a study of the archive."""
    series = context.archive.study_series(study_instance_uid, scope=EVERYTHING)[0]
    instances = context.archive.study_instances(study_instance_uid, scope=EVERYTHING)
    frames = tuple((one.sop_instance_uid, 1) for one in instances[:2])
    made = testing.result(
        analysis="bright",
        study_instance_uid=study_instance_uid,
        series_instance_uids=(series.series_instance_uid,),
    )
    (layer,) = made.layers
    layer = replace(layer, series_instance_uid=series.series_instance_uid, frames=frames)
    return replace(made, **{"layers": (layer,), **changes})


def content_of(context: Context, claim: Claim, result: Result) -> dict[str, Any]:
    """The result as a child would hand it back, with its layers on disk."""
    data = context.settings.data
    files = {
        layer.key: result_files.write_layer(data, claim.result_id, claim.revision, layer.array)
        for layer in result.layers
    }
    return encode(result, files)


def computed(context: Context, result_id: str, **changes: Any) -> Any:
    """Compute a due result here and now; the row as it is then."""
    claim = claim_result(context, result_id)
    assert claim is not None
    result = made_of(context, claim.study_instance_uid, **changes)
    assert record_computed(context, claim, content_of(context, claim, result))
    return row(context, result_id)


def row(context: Context, result_id: str) -> Any:
    with context.database.read() as connection:
        return connection.execute(select(results).where(results.c.id == result_id)).one()


def all_computed(context: Context, benches: Benches | None = None, seconds: float = 180) -> None:
    """Let benches work until nothing is due or under way."""
    own = benches or Benches(context, threading.Event())
    deadline = time.monotonic() + seconds
    try:
        while own.look() or due_work(context) or _running(context):
            assert time.monotonic() < deadline, "still computing"
            time.sleep(0.02)
    finally:
        if benches is None:
            own.close()


def _running(context: Context) -> int:
    wanted = select(func.count()).select_from(results).where(results.c.state == "running")
    with context.database.read() as connection:
        return connection.scalar(wanted) or 0
