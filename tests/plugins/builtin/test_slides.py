"""A slide is one display set, its tissue first."""

from pathlib import Path

from pydicom import dcmread

from plugins.display import display_sets
from plugins.nouns import DisplaySetKind
from plugins.registry import Registry
from tests.plugins.real_series import real_series


def test_all_images_of_a_glass_are_one_thing(test_data: Path) -> None:
    folder = test_data / "wsi/dicom_fluorescence_fluorcell4"
    (series,) = real_series(folder)

    (shown,) = display_sets(Registry.load(), series)

    assert shown.kind is DisplaySetKind.SLIDE
    assert shown.title == "?"  # the container's identifier, as the scanner wrote it
    roles = {}
    for path in folder.iterdir():
        header = dcmread(path, stop_before_pixels=True)
        roles[header.SOPInstanceUID] = header.ImageType[2], header.get("TotalPixelMatrixColumns")
    order = [roles[uid] for uid, _ in shown.frames]
    # The map of the scanner is neither tissue nor label: it comes behind.
    assert [columns for role, columns in order if role == "VOLUME"] == [
        2816,
        1408,
        704,
        352,
        176,
        88,
        44,
        22,
    ]
    assert [role for role, _ in order[8:]] == ["LABEL", "REGIONLOCALIZER"]
