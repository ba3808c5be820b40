"""``kill -9`` while signing: an opinion is there with all that belongs to it, or not at all."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from plugins.contributions import Exporter
from plugins.nouns import State
from tests.workstation.cases import brought_to, written
from tests.workstation.conftest import PASSWORD
from workstation import audit, sites
from workstation.accounts import SYSTEM, Principal
from workstation.consult import case as cases
from workstation.consult import opinion
from workstation.context import Context
from workstation.database import deliveries, drafts, opinions

CASES = 12
KILLS = 4

SIGNER = """
import sys
from pathlib import Path
from workstation.accounts import principal_of
from workstation.consult.opinion import sign
from workstation.context import open_context
from workstation.settings import Settings

folder, password, *case_ids = sys.argv[1:]
context = open_context(Settings(data=Path(folder), minimum_free_bytes=0))
radiologist = principal_of(context, "radiologist")
print("ready", flush=True)
for case_id in case_ids:
    sign(context, radiologist, case_id, kind="final", password=password, draft_revision=1)
    print(case_id, flush=True)
"""


@pytest.mark.crash
def test_a_signature_survives_whole_or_not_at_all(
    context: Context, people: dict[str, Principal], tmp_path: Path
) -> None:
    if context.settings.database_url:
        pytest.skip("the child opens the embedded database")
    sites.add_ae_title(
        context, SYSTEM, "DEMO_A", ae_title="PACS_A", host="127.0.0.1", port=9, receives=True
    )
    waiting = []
    for _ in range(CASES):
        case = brought_to(context, people, State.READING)
        written(context, people["radiologist"], case)
        waiting.append(case.id)
    acknowledged: set[str] = set()
    generator = random.Random(20261123)
    for kill in range(KILLS + 1):
        left = [one for one in waiting if one not in acknowledged and not _signed(context, one)]
        child = subprocess.Popen(
            [sys.executable, "-c", SIGNER, str(tmp_path / "data"), PASSWORD, *left],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "ready"
        if kill < KILLS:
            time.sleep(generator.uniform(0, 0.4))
            child.kill()
        acknowledged |= {line.strip() for line in child.stdout if line.endswith("\n")}
        child.wait()
        for case_id in waiting:
            _require_whole_or_nothing(context, case_id, case_id in acknowledged)
        assert audit.verify(context) is None
        assert list(opinion.verify_opinions(context)) == []
    assert all(_signed(context, case_id) for case_id in waiting)


def _signed(context: Context, case_id: str) -> bool:
    with context.database.read() as connection:
        wanted = select(opinions.c.id).where(opinions.c.case_id == case_id)
        return connection.execute(wanted).first() is not None


def _require_whole_or_nothing(context: Context, case_id: str, acknowledged: bool) -> None:
    exporters = [one for one in context.plugins.of(Exporter) if not one.fallback_for]
    with context.database.read() as connection:

        def count(table: object) -> int:
            wanted = select(table).where(table.c.case_id == case_id)  # type: ignore[attr-defined,call-overload]
            return len(connection.execute(wanted).all())

        signed, sent, kept = count(opinions), count(deliveries), count(drafts)
    state = cases.get(context, SYSTEM, case_id).state
    if signed or acknowledged:
        assert (signed, sent, kept, state) == (1, len(exporters), 0, State.FINAL)
    else:
        assert (sent, kept, state) == (0, 1, State.READING)
