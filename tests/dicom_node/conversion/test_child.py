"""The converter's process begins at once: it loads what opens and writes slides, and no more."""

import json
import subprocess
import sys

# The compiler comes with the first level that has to be made; the rest is never needed.
HEAVY = {"numba", "scipy", "sqlalchemy", "pynetdicom", "highdicom", "typst", "pydicom.sr"}


def test_a_conversion_begins_without_what_it_may_not_need() -> None:
    code = (
        "import json, sys, dicom_node.conversion.child, dicom_node.conversion.build;"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "pydicom" in loaded
    assert not HEAVY & loaded
