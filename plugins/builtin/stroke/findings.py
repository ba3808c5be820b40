"""Findings as masks on the source slices: drawn by arithmetic, corrected by brush, then measured.

What is shown is what is measured: volumes are those of the mask on the slices as scanned, each
slice standing for its true thickness.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels import planimetric_volume_ml
from plugins.builtin.stroke.edits import brushed, is_rejected, relabelled
from plugins.builtin.stroke.head import Head
from plugins.nouns import Text
from plugins.results import Layer, LayerKind, Segment

__all__ = ["Findings", "findings_of", "group", "mask_layer", "on_source"]

MOST = 40


@dataclass(frozen=True)
class Findings:
    """Labels 1, 2, … on the source slices; ``drawn`` are those a reader added by brush.

    ``is_edited`` tells whether a brush touched the mask at all.
    """

    layer: str
    labels: NDArray[np.uint8]
    numbers: tuple[int, ...]
    drawn: tuple[int, ...]
    is_edited: bool
    head: Head
    copied: NDArray[np.integer[Any]]

    def mask(self, number: int) -> NDArray[np.bool_]:
        return np.asarray(self.labels == number)

    def volume_ml(self, number: int) -> float:
        """By planimetry on the source slices."""
        scan = self.head.scan
        return planimetric_volume_ml(
            self.mask(number), scan.geometry.weights_mm, np.asarray(scan.spacing_mm)
        )

    def on_copy(self, number: int) -> NDArray[np.bool_]:
        """Where it lies on the upright copy."""
        if not self.is_edited:
            return np.asarray(self.copied == number)
        return self.head.copy.from_source(self.mask(number))

    def side(self, number: int, proposed: Sequence[str]) -> str:
        """As the arithmetic `proposed` it; of an edited mask, the side that holds most of it."""
        if number <= len(proposed) and not self.is_edited:
            return proposed[number - 1]
        head = self.head
        places = np.argwhere(self.on_copy(number)) * head.copy.spacing_mm
        return "left" if len(places) and head.plane.side_mm(places).mean() > 0 else "right"

    def kept(self, edits: Mapping[str, Any], numbers: Sequence[int]) -> NDArray[np.uint8]:
        """Labels of those `numbers` that the reader did not reject."""
        wanted = [n for n in numbers if not is_rejected(edits, group(self.layer, n))]
        return np.where(np.isin(self.labels, wanted), self.labels, 0).astype(np.uint8)


def group(layer: str, number: int) -> str:
    """The name of one finding's values."""
    return f"{layer}_{number}"


def on_source(head: Head, labels: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """Bring labels 1, 2, … of the copy to the source slices; those beyond 40 are left out."""
    source = np.zeros(head.scan.hu.shape, np.uint8)
    for number in range(1, min(int(labels.max(initial=0)), MOST) + 1):
        source[head.copy.to_source(labels == number)] = number
    return source


def findings_of(
    head: Head,
    layer: str,
    copied: NDArray[np.integer[Any]],
    source: NDArray[np.uint8],
    edits: Mapping[str, Any],
) -> Findings:
    """Apply the reader's brush.

    Parameters
    ----------
    copied : (slices, rows, columns) integers
        Labels on the copy.
    source : (slices, rows, columns) uint8
        The same on the source slices, as first shown.
    """
    before = source > 0
    after = brushed(before, head.scan, edits, layer)
    is_edited = bool((before != after).any())
    drawn: tuple[int, ...] = ()
    if is_edited:
        source, drawn = relabelled(source, after)
    numbers = tuple(int(n) for n in np.unique(source) if n)
    return Findings(layer, source, numbers, drawn, is_edited, head, copied)


def mask_layer(
    found: Findings,
    title: Text,
    labels: NDArray[np.uint8],
    segments: Sequence[Segment],
    *,
    is_shown: bool = True,
    is_editable: bool = True,
) -> Layer:
    """The layer that shows, and exports, those labels."""
    scan = found.head.scan
    return Layer(
        found.layer,
        title,
        LayerKind.MASK,
        scan.series_instance_uid,
        scan.frames,
        labels,
        segments=tuple(segments),
        is_editable=is_editable,
        is_shown=is_shown,
    )
