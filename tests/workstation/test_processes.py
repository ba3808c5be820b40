"""The parts of the product as processes: what each loads, and what it does without."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from pydicom.uid import JPEGBaseline8Bit

from dicom_node.archive import Query
from tests.dicom_node.slides.glass import Glass
from tests.factories import EVERYTHING, file_bytes
from tests.peers import free_ports, run_dcmtk
from workstation import sites
from workstation.context import open_context
from workstation.processes import encode_settings
from workstation.roles import SYSTEM
from workstation.settings import Settings

# What a part loaded, told when it ends.
PART = """
import atexit, json, pathlib, sys
from workstation import processes
atexit.register(
    lambda: pathlib.Path(sys.argv[1]).write_text(
        json.dumps(sorted({name.partition(".")[0] for name in sys.modules}))
    )
)
sys.exit(processes.main())
"""
# Compilers, arithmetic, drawing, pages, writers of reports: nothing a listener has a use for.
HEAVY = {
    *("SimpleITK", "highdicom", "imagecodecs", "kernels", "llvmlite", "numba", "openslide"),
    *("pandas", "scipy", "simplejpeg", "starlette", "streamlit", "tifffile", "typst", "uvicorn"),
    *("alembic", "viewers"),
}


def test_the_listener_receives_slides_without_loading_what_reads_them(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = Settings(
        data=tmp_path / "data",
        dicom_host="127.0.0.1",
        dicom_port=port,
        minimum_free_bytes=0,
    )
    with closing(open_context(settings)) as context:
        sites.create_site(context, SYSTEM, code="DEMO_A", name="Bệnh viện A", tier="lower")
        sites.add_ae_title(context, SYSTEM, "DEMO_A", ae_title="DEMO_A")
    order = {
        "part": "node",
        "name": "node",
        "log_level": "INFO",
        "settings": encode_settings(settings),
    }
    told = tmp_path / "told.json"
    with subprocess.Popen(
        [sys.executable, "-c", PART, str(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TCP_NODELAY": "1"},
    ) as part:
        assert part.stdin is not None
        assert part.stdout is not None
        try:
            part.stdin.write(json.dumps(order).encode() + b"\n")
            part.stdin.flush()
            assert part.stdout.readline() == b"ready\n"
            slide = tmp_path / "slide.dcm"
            level = Glass().level(sparse=[(0, 0, 0, 0), (0, 0, 2, 1)], syntax=JPEGBaseline8Bit)
            slide.write_bytes(file_bytes(level, JPEGBaseline8Bit))
            sent = run_dcmtk(
                *("dcmsend", "-dn", "-aet", "DEMO_A", "-aec", settings.ae_title),
                *("127.0.0.1", str(port), slide),
            )
            assert sent.returncode == 0, sent.stderr
        finally:
            part.send_signal(signal.SIGTERM)
            part.wait(60)  # its input stays open: the end of it would end the part at once
    modules = json.loads(told.read_text())
    assert "dicom_node" in modules
    assert not HEAVY & set(modules)
    with closing(open_context(settings)) as context:
        (received,) = context.archive.instances(Query(), scope=EVERYTHING)
        assert received.site == "DEMO_A"
