"""Parametric Map of source slices: real numbers as they are, float for float (PS3.3 A.75)."""

from typing import Final

import numpy as np
from highdicom import VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from dicom_node.objects import modules, text
from dicom_node.objects.content import Identity, SignedOpinion
from dicom_node.objects.derived import Slices, dressed, series_source

__all__ = ["parametric_map"]

LARGEST: Final = float(np.finfo(np.float32).max)


def parametric_map(
    opinion: SignedOpinion,
    identity: Identity,
    slices: Slices,
    *,
    label: str,
    quantity: Code,
    unit: Code,
    shown: tuple[float, float],
) -> Dataset:
    """Encode a map on its source slices.

    Parameters
    ----------
    slices : Slices
        ``array`` is (slices, rows, columns) float32 in `unit`, finite.
    label : str
        What the map shows, for people.
    quantity : Code
        Of PS3.16 CID 4108 or 218.
    unit : Code
        UCUM.
    shown : (float, float)
        Values a viewer should show darkest and brightest at first.

    Raises
    ------
    ValueError
        A value is not finite, or the source slices have no place in space.

    References
    ----------
    PS3.3 A.75, C.8.23, C.7.6.16.2.11
    """
    values = np.ascontiguousarray(slices.array, np.float32)
    if not np.isfinite(values).all():
        raise ValueError("a map holds a value that is not finite")
    low, high = shown
    made: Dataset = ParametricMap(
        source_images=series_source(slices, opinion.study_instance_uid),
        pixel_array=values,
        series_instance_uid=identity.series_instance_uid,
        series_number=identity.series_number,
        sop_instance_uid=identity.sop_instance_uid,
        instance_number=identity.instance_number,
        manufacturer=modules.MANUFACTURER,
        manufacturer_model_name=modules.MODEL,
        software_versions=opinion.software_version or "-",
        device_serial_number=opinion.station or modules.MODEL,
        # a slice is no face
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label=text.short_string(quantity.value),
                lut_explanation=text.long_string(label),
                unit=unit,
                value_range=(-LARGEST, LARGEST),
                slope=1.0,
                intercept=0.0,
                quantity_definition=quantity,
            )
        ],
        voi_lut_transformations=[
            VOILUTTransformation(window_center=(low + high) / 2, window_width=max(high - low, 1e-6))
        ],
        content_label="MAP",
        content_description=text.long_string(label),
    )
    # a brain has no side (PS3.3 C.7.3.1, Type 2C)
    made.Laterality = ""
    return dressed(made, opinion, identity, modality="OT", series_description=label)
