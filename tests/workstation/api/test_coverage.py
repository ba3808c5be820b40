"""The ledger of what was looked at, as the slide viewer sends and reads it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workstation.api.conftest import Caller
from tests.workstation.consult.test_coverage import COLUMNS, ROWS, know_tissue, ledger
from tests.workstation.slides import slide_case
from workstation.accounts import Principal
from workstation.consult.rows import CaseRecord
from workstation.context import Context


@pytest.fixture
def case(context: Context, people: dict[str, Principal], test_data: Path) -> CaseRecord:
    return slide_case(context, people, test_data)


def test_the_api_speaks_the_viewers_tongue(
    context: Context, call: Callable[[str], Caller], case: CaseRecord
) -> None:
    know_tissue(context, case, 0, 1)
    path = f"/cases/{case.id}/coverage"
    given = ledger(context, case, 0)
    body = {
        "series_instance_uid": given.series_instance_uid,
        "cell_um": 200,
        "columns": COLUMNS,
        "rows": ROWS,
        "seen": given.seen,
    }
    answer = call("pathologist").request("PUT", f"/v1{path}", json=body)
    assert answer.status_code == 200, answer.text
    got = call("pathologist").get(path).json()
    assert got["items"] == [body]
    assert got["unseen"] == 0.5
    assert got["sentence"]["en"] == "50 % of tissue not seen at ≥ 10×."
    bad = call("pathologist").request("PUT", f"/v1{path}", json={**body, "rows": 0})
    assert bad.status_code == 422
