"""Drawings on the printed key images lie where they were drawn."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dicom_node.objects import KeyImage, Mark, MarkKind, Reference, opinion_pictures
from dicom_node.objects.outlines import outlines
from plugins.testing import ct_header, uid
from tests.dicom_node.objects.conftest import AUTHOR, signed_opinion

HERE = Reference(uid("study"), uid("series"), "1.2.840.10008.5.1.4.1.1.2", uid("i"), 1)


def mark(kind: MarkKind, points: Any, reference: Reference | None = HERE) -> Mark:
    return Mark(uid("m"), kind, "M1", AUTHOR, reference, points_px=tuple(points))


def image(**changes: Any) -> KeyImage:
    return replace(KeyImage(HERE, shape=(200, 100)), **changes)


def test_points_become_shares_of_the_picture() -> None:
    (line,) = outlines(image(), (mark(MarkKind.LENGTH, [(50, 50), (150, 25)]),))

    assert line.points == ((0.25, 0.5), (0.75, 0.25))
    assert (line.label, line.is_closed) == ("M1", False)


def test_an_ellipse_goes_through_the_ends_of_its_axes() -> None:
    ends = [(60, 50), (140, 50), (100, 30), (100, 70)]

    (line,) = outlines(image(), (mark(MarkKind.ELLIPSE, ends),))

    assert line.is_closed
    for x, y in ends:
        distance = min(abs(x / 200 - a) + abs(y / 100 - b) for a, b in line.points)
        assert distance == pytest.approx(0, abs=1e-9)


def test_an_arrow_has_its_head_at_the_tip() -> None:
    shaft, head = outlines(image(), (mark(MarkKind.ARROW, [(20, 20), (120, 20)]),))

    assert shaft.points[0] == head.points[1] == (0.1, 0.2)
    assert all(x > 0.1 for x, _ in (head.points[0], head.points[2]))


@pytest.mark.parametrize(
    ("picture", "drawn"),
    [
        (image(shape=(0, 0)), mark(MarkKind.LENGTH, [(1, 1), (2, 2)])),
        (image(), mark(MarkKind.LENGTH, [])),
        (image(), mark(MarkKind.LENGTH, [(1, 1)])),
        (image(), mark(MarkKind.LENGTH, [(1, 1), (2, 2)], None)),
        (image(), mark(MarkKind.LENGTH, [(1, 1), (2, 2)], replace(HERE, frame_number=2))),
        (
            image(),
            mark(MarkKind.LENGTH, [(1, 1), (2, 2)], replace(HERE, sop_instance_uid=uid("j"))),
        ),
    ],
)
def test_what_is_not_on_the_image_is_not_drawn(picture: KeyImage, drawn: Mark) -> None:
    assert outlines(picture, (drawn,)) == ()


def test_the_printed_page_shows_the_drawing_where_it_is() -> None:
    buffer = BytesIO()
    Image.new("L", (100, 100), 90).save(buffer, "PNG")
    shown = KeyImage(HERE, "x", buffer.getvalue(), shape=(100, 100))
    line = mark(MarkKind.LENGTH, [(10, 80), (90, 80)])
    opinion = signed_opinion(
        ct_header(), key_images=(shown,), marks=(line,), passages=(), answers=()
    )

    (page,) = opinion_pictures(opinion)

    pixels = np.asarray(Image.open(BytesIO(page)).convert("RGB")).astype(int)
    grey = np.argwhere((np.abs(pixels - 90) <= 3).all(axis=2))
    yellow = np.argwhere((pixels[..., 0] > 230) & (pixels[..., 1] > 180) & (pixels[..., 2] < 60))
    (top, left), (bottom, right) = grey.min(axis=0), grey.max(axis=0)
    line_rows = yellow[:, 0][yellow[:, 1] > (left + right) / 2]
    assert (np.median(line_rows) - top) / (bottom - top) == pytest.approx(0.8, abs=0.01)
    assert (yellow[:, 1].min() - left) / (right - left) == pytest.approx(0.1, abs=0.01)
    assert (yellow[:, 1].max() - left) / (right - left) == pytest.approx(0.9, abs=0.01)
