"""Volumes for guests, from a real tilted head and from what is no volume."""

from pathlib import Path

import numpy as np
from pydicom import dcmread

from plugins.nouns import Study
from tests.factories import EVERYTHING, ct_series, file_bytes, from_site, open_archive
from workstation.consult.studies import load_study


def loaded(folder: Path, paths: list[Path]) -> tuple[Study, list]:
    with open_archive(folder) as archive:
        for path in paths:
            archive.store_file(path, from_site())
        uid = dcmread(paths[0], stop_before_pixels=True).StudyInstanceUID
        study = load_study(archive, uid, scope=EVERYTHING)
        return study, list(study.volumes("CT"))


def test_a_tilted_head(test_data: Path, tmp_path: Path) -> None:
    paths = sorted((test_data / "ct_head/ge_tilt_infarct").iterdir())
    _, (volume,) = loaded(tmp_path, paths)
    datasets = {one.SOPInstanceUID: one for one in map(dcmread, paths)}
    assert volume.array.shape == (28, 512, 512)
    assert volume.array.dtype == np.int16
    assert "tilted" in volume.problems
    assert "uneven spacing" in volume.problems
    assert (np.diff(volume.positions_mm[:, 2]) > 0).all() or (
        np.diff(volume.positions_mm[:, 2]) < 0
    ).all()
    for uid, values, position in zip(
        volume.sop_instance_uids, volume.array, volume.positions_mm, strict=True
    ):
        dataset = datasets[uid]
        np.testing.assert_array_equal(position, dataset.ImagePositionPatient)
        inside = dataset.pixel_array != dataset.PixelPaddingValue
        np.testing.assert_array_equal(values[inside], dataset.pixel_array[inside])
    # The corner of the first slice, and a pixel across it, as the header places them.
    first = datasets[volume.sop_instance_uids[0]]
    np.testing.assert_allclose(volume.affine @ [0, 0, 0, 1], [*first.ImagePositionPatient, 1])
    along = np.array(first.ImageOrientationPatient[:3], float) * first.PixelSpacing[1]
    np.testing.assert_allclose(
        (volume.affine @ [0, 0, 1, 1])[:3] - first.ImagePositionPatient, along, atol=1e-6
    )


def test_a_lone_slice_and_other_modalities_are_no_volume(tmp_path: Path) -> None:
    (alone,) = ct_series(1)
    path = tmp_path / "alone.dcm"
    path.write_bytes(file_bytes(alone))
    study, volumes = loaded(tmp_path / "archive", [path])
    assert volumes == []
    assert list(study.volumes("MR")) == []
