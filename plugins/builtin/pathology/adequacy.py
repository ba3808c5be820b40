"""Is a slide fit to be read? Looked at when it arrives, so that it can be scanned again at once.

Tissue, what is out of focus, pen, bubbles, tissue at the edge of the scan or on the glass and not
in it: hints for the technician, one sentence a slide. Methods and limits:
``docs/reference/pathology-tools.md``.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kernels import tissue_mask
from kernels.marks import SlideWarning, slide_warnings
from plugins.builtin.pathology import codes
from plugins.builtin.pathology.focus import BLURRED_BELOW, FOCUS_UM, focus_of
from plugins.builtin.pathology.pictures import captioned, outlined
from plugins.builtin.pathology.slides import (
    comma,
    mean_mpp,
    open_slides,
    read_whole,
    slide_series,
)
from plugins.contributions import Analysis
from plugins.nouns import SlidePixels, Study, Text
from plugins.results import Bench, Grade, Result, Value

__all__ = ["ANALYSIS", "Findings", "find_tissue", "look_at"]

VERSION: Final = "1"
TITLE: Final = Text("Chất lượng tiêu bản quét", "Slide adequacy")
TISSUE_UM: Final = 8.0
# Otsu's level means little on a slide that is all tissue, or all glass.
CHROMA_BETWEEN: Final = (10, 30)
LEAST_TISSUE_MM2: Final = 0.02
AMBER_BLUR, RED_BLUR = 0.10, 0.30
CELL_UM: Final = 200.0  # of the ledger of what was looked at
TISSUE_CELL: Final = 0.05
LEAST_EDGE_MM: Final = 1.0
MISSING_SHARE, MISSING_MM2 = 0.3, 4.0
MOST_PICTURES: Final = 8
PENS: Final = {
    SlideWarning.PEN_BLUE: Text("bút xanh dương", "blue pen"),
    SlideWarning.PEN_GREEN: Text("bút xanh lá", "green pen"),
    SlideWarning.PEN_RED: Text("bút đỏ", "red pen"),
    SlideWarning.PEN_BLACK: Text("bút đen", "black pen"),
    SlideWarning.BUBBLE: Text("bọt khí hoặc mép lamen", "a bubble or coverslip edge"),
}


@dataclass
class Findings:
    """What is to be said of one slide; ``remarks`` in the order of their weight."""

    slide: SlidePixels
    grade: Grade = Grade.GREEN
    remarks: list[Text] = field(default_factory=list)
    tissue_mm2: float | None = None
    blurred: float | None = None
    picture: dict[str, Any] | None = None
    cells: dict[str, Any] | None = None

    def say(self, grade: Grade, remark: Text) -> None:
        self.remarks.append(remark)
        order = list(Grade)
        self.grade = max(self.grade, grade, key=order.index)

    @property
    def sentence(self) -> Text:
        """For whoever scanned it."""
        name = self.slide.title
        if not self.remarks:
            return Text(f"Tiêu bản {name}: đạt.", f"Slide {name}: adequate.")
        vi = "; ".join(remark.vi for remark in self.remarks)
        en = "; ".join(remark.en for remark in self.remarks)
        if self.grade is Grade.RED:
            return Text(
                f"Tiêu bản {name}: {vi}. Đề nghị kiểm tra và quét lại.",
                f"Slide {name}: {en}. Please check it and scan it again.",
            )
        return Text(f"Tiêu bản {name}: {vi}.", f"Slide {name}: {en}.")


def compute(study: Study, edits: Mapping[str, Any], bench: Bench) -> Result:
    slides = list(open_slides(study))
    found = []
    for number, slide in enumerate(slides):
        message = Text(f"Xem tiêu bản {slide.title}", f"Looking at slide {slide.title}")
        bench.report(number / len(slides), message)
        found.append(look_at(slide))
    order = list(Grade)
    grade = max((one.grade for one in found), key=order.index, default=Grade.RED)
    sentence = Text(
        " ".join(one.sentence.vi for one in found), " ".join(one.sentence.en for one in found)
    )
    pictures = [one.picture for one in found if one.picture is not None]
    return Result(
        analysis=ANALYSIS.id,
        title=TITLE,
        version=VERSION,
        study_instance_uid=study.study_instance_uid,
        series_instance_uids=tuple(one.slide.series_instance_uid for one in found),
        grade=grade,
        # Where numbers are hidden the reader must still learn why.
        reasons=tuple(one.sentence for one in found if one.grade is Grade.RED),
        summary=sentence,
        values=tuple(value for n, one in enumerate(found) for value in _values(n, one)),
        parameters={
            "tissue_um": TISSUE_UM,
            "focus_um": FOCUS_UM,
            "blurred_below": BLURRED_BELOW,
            "chroma_between": list(CHROMA_BETWEEN),
        },
        detail={
            # the host shows this to those who sent the slides
            "message": sentence if grade is not Grade.GREEN else None,
            "pictures": pictures[:MOST_PICTURES],
            "tissue": {
                one.slide.series_instance_uid: one.cells for one in found if one.cells is not None
            },
        },
    )


def look_at(slide: SlidePixels) -> Findings:
    """Everything that can be said of one slide."""
    found = Findings(slide)
    mpp = mean_mpp(slide)
    if mpp is None:
        found.say(
            Grade.AMBER, Text("không có µm/pixel, không đo được", "no µm per pixel: not measured")
        )
        return found
    if slide.is_fluorescence:
        found.remarks.append(Text("huỳnh quang, chưa đánh giá", "fluorescence: not assessed"))
        return found
    if not slide.is_complete:
        found.say(Grade.AMBER, Text("chưa nhận đủ ảnh", "not all of it has been received"))
    scale = min(1.0, mpp / TISSUE_UM)
    pixel_um = mpp / scale
    picture, received = read_whole(slide, scale)
    tissue = find_tissue(picture, pixel_um) & received
    found.tissue_mm2 = float(tissue.sum()) * (pixel_um / 1000) ** 2
    found.cells = _cells(slide, tissue, mpp)
    if found.tissue_mm2 < LEAST_TISSUE_MM2 and slide.is_complete:
        found.say(Grade.RED, Text("không thấy mô", "no tissue found"))
    found.blurred, blurred = focus_of(slide, tissue, mpp, scale)
    if found.blurred is not None and found.blurred > AMBER_BLUR:
        share = f"{100 * found.blurred:.0f} %"
        grade = Grade.RED if found.blurred > RED_BLUR else Grade.AMBER
        found.say(grade, Text(f"mờ {share} diện tích mô", f"{share} of the tissue out of focus"))
    _compare_overview(found, mpp)
    _look_at_edge(found, tissue, pixel_um)
    for warning, area in slide_warnings(picture, pixel_um).items():
        words, size = PENS[warning], f"{area:.1f} mm²"
        found.say(Grade.AMBER, Text(f"có {words.vi} ({comma(size)})", f"{words.en} ({size})"))
    drawn = outlined(outlined(picture, tissue, (20, 140, 60)), blurred, (230, 30, 30))
    found.picture = captioned(
        drawn,
        Text(
            f"{slide.title}: viền xanh là mô, viền đỏ là vùng mờ",
            f"{slide.title}: green outlines tissue, red what is out of focus",
        ),
    )
    return found


def find_tissue(picture: NDArray[np.uint8], pixel_um: float) -> NDArray[np.bool_]:
    """Tissue by its colour, without specks.

    Parameters
    ----------
    picture : (rows, columns, 3) uint8
    """
    low, high = CHROMA_BETWEEN
    limit = tissue_mask(picture).threshold
    mask = tissue_mask(picture, min(max(limit, low), high)).mask
    mask = ndimage.binary_closing(np.pad(mask, 2), iterations=2)[2:-2, 2:-2]
    labels, count = ndimage.label(mask)
    least = LEAST_TISSUE_MM2 / (pixel_um / 1000) ** 2
    keep = np.bincount(labels.reshape(-1), minlength=count + 1) >= least
    keep[0] = False
    return np.asarray(keep[labels])


def _compare_overview(found: Findings, mpp: float) -> None:
    """Is there clearly more tissue on the glass than in the scan? Areas are compared, not places:
    what scanners write about where the photograph lies cannot be relied on."""
    overview = found.slide.read_overview()
    if overview is None:
        return
    photograph, (across, down) = overview
    pixel_um = (across + down) / 2
    glass = find_tissue(photograph, pixel_um)
    # The label and the frame of the photograph touch its border; tissue hardly ever does.
    labels, count = ndimage.label(glass)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    keep = ~np.isin(np.arange(count + 1), border)
    keep[0] = False
    on_glass = float(keep[labels].sum()) * across * down / 1e6
    picture, received = read_whole(found.slide, min(1.0, mpp / pixel_um))
    scanned_um = max(mpp, pixel_um)
    scanned = float((find_tissue(picture, scanned_um) & received).sum()) * scanned_um**2 / 1e6
    missing = on_glass - scanned
    if missing > MISSING_MM2 and missing > MISSING_SHARE * on_glass:
        size = f"{missing:.0f} mm²"
        found.say(
            Grade.RED,
            Text(
                f"ảnh toàn cảnh có thêm khoảng {size} mô không có trong ảnh quét",
                f"the overview shows about {size} of tissue that was not scanned",
            ),
        )


def _look_at_edge(found: Findings, tissue: NDArray[np.bool_], pixel_um: float) -> None:
    """Tissue that runs into the edge of what was scanned may go on beyond it."""
    edges = tissue[0].sum() + tissue[-1].sum() + tissue[:, 0].sum() + tissue[:, -1].sum()
    length = float(edges) * pixel_um / 1000
    if length >= LEAST_EDGE_MM:
        size = f"{length:.1f} mm"
        found.say(
            Grade.AMBER,
            Text(
                f"mô chạm mép vùng quét {comma(size)}, có thể bị cắt",
                f"tissue meets the edge of the scan over {size} and may be cut off",
            ),
        )


def _cells(slide: SlidePixels, tissue: NDArray[np.bool_], mpp: float) -> dict[str, Any]:
    """Which cells of the ledger have tissue: one bit a cell, the first in the lowest bit."""
    edge = CELL_UM / mpp
    columns, rows = int(np.ceil(slide.width / edge)), int(np.ceil(slide.height / edge))
    y, x = np.nonzero(tissue)
    along_x, along_y = slide.width / tissue.shape[1], slide.height / tissue.shape[0]
    cell = ((y + 0.5) * along_y / edge).astype(int) * columns + ((x + 0.5) * along_x / edge).astype(
        int
    )
    counts = np.bincount(cell, minlength=columns * rows)
    least = TISSUE_CELL * edge * edge / (along_x * along_y)
    bits = np.packbits(counts > least, bitorder="little")
    return {
        "cell_um": CELL_UM,
        "columns": columns,
        "rows": rows,
        "tissue": base64.b64encode(bits.tobytes()).decode(),
    }


def _values(number: int, found: Findings) -> list[Value]:
    shared: dict[str, Any] = {
        "group": f"slide {number}",
        "group_label": Text(*2 * [found.slide.title]),
    }
    blurred = found.blurred
    return [
        Value(
            f"tissue_{number}",
            Text("Diện tích mô", "Tissue"),
            found.tissue_mm2,
            codes.MM2,
            codes.TISSUE_AREA,
            note=None if found.tissue_mm2 is not None else Text("không đo được", "not measured"),
            method=Text(
                f"theo màu ở {TISSUE_UM:g} µm/điểm ảnh", f"colour at {TISSUE_UM:g} µm/pixel"
            ),
            is_main=True,
            **shared,
        ),
        Value(
            f"blurred_{number}",
            Text("Mô bị mờ", "Tissue out of focus"),
            None if blurred is None else 100 * blurred,
            codes.PERCENT,
            codes.BLURRED,
            note=None if blurred is not None else Text("không đo được", "not measured"),
            method=Text(
                f"Laplace / phương sai < {BLURRED_BELOW:g} ở {FOCUS_UM:g} µm/điểm ảnh",
                f"Laplacian / variance < {BLURRED_BELOW:g} at {FOCUS_UM:g} µm/pixel",
            ),
            digits=0,
            **shared,
        ),
    ]


ANALYSIS = Analysis(
    "slide_adequacy", TITLE, slide_series, compute, deadline_seconds=300.0, starts_on="arrival"
)
