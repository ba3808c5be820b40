"""Slides come in over C-STORE as DCMTK sends them, byte for byte, and are slides at once."""

from pathlib import Path

import pydicom
import pytest

from dicom_node.archive import Archive, Query
from dicom_node.node import Node
from dicom_node.records import ReadScope
from dicom_node.slides import Shelf
from tests.dicom_node.scp.conftest import archive, node, peers  # noqa: F401
from tests.peers import run_dcmtk

EVERYTHING = ReadScope(everything=True)


@pytest.mark.parametrize(
    ("folder", "levels", "paths"),
    [("dicom_cmu1_pyramid", 12, 1), ("dicom_fluorescence_fluorcell4", 8, 3)],
)
def test_a_real_slide_by_storescu(
    node: Node,  # noqa: F811
    archive: Archive,  # noqa: F811
    test_data: Path,
    folder: str,
    levels: int,
    paths: int,
) -> None:
    source = test_data / "wsi" / folder
    files = {
        pydicom.dcmread(p, stop_before_pixels=True).SOPInstanceUID: p for p in files_of(source)
    }

    # -R proposes only what the files are, -xy their JPEG as it is
    options = ("-R", "-xy", "-aet", "DEMO_A", "-aec", "HOICHAN", "+sd", "+r")
    sent = run_dcmtk("storescu", *options, "127.0.0.1", node.port, source)

    assert sent.returncode == 0, sent.stderr
    (study,) = archive.studies(Query({}), scope=EVERYTHING)
    records = archive.study_instances(study.study_instance_uid, scope=EVERYTHING)
    assert {record.sop_instance_uid for record in records} == set(files)
    (series,) = {record.series_instance_uid for record in records}
    index = Shelf(archive).of_series(series, EVERYTHING)
    assert len(index.facts["levels"]) == levels
    assert len(index.facts["optical_paths"]) == paths
    for record in records:
        table = archive.frame_offsets(record)
        ((offset, length), *_) = table.fragments(0)
        original = pydicom.dcmread(files[record.sop_instance_uid])
        first = next(
            pydicom.encaps.generate_frames(original.PixelData, number_of_frames=len(table))
        )
        assert archive.read_range(record, offset, length) == first


def files_of(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]
