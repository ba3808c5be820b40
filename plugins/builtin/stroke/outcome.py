"""What every stroke result says of itself: which series it used, how good, by which steps."""

from collections.abc import Sequence
from typing import Any

from plugins.builtin.stroke.series import Candidate
from plugins.builtin.stroke.steps import Steps
from plugins.nouns import Study, Text
from plugins.results import Grade, Result

__all__ = ["outcome"]


def outcome(
    study: Study,
    candidate: Candidate,
    found: Sequence[Candidate],
    grade: Grade,
    reasons: tuple[Text, ...],
    steps: Steps,
    **rest: Any,
) -> Result:
    """A result of the chosen series; `rest` are further fields of `plugins.results.Result`."""
    return Result(
        study_instance_uid=study.study_instance_uid,
        series_instance_uids=(candidate.series.series_instance_uid,),
        grade=grade,
        reasons=reasons,
        steps=tuple(steps.done),
        alternatives=tuple((one.series.series_instance_uid, one.title) for one in found),
        **rest,
    )
