"""Draw the figures of the methods page from phantoms: ``python -m benchmarks.stroke_figures``."""

import argparse
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

from kernels import (
    ASPECTS_REGIONS,
    Finding,
    find_haemorrhages,
    mirror_difference,
    outline_regions,
    perfusion_head,
    propose_levels,
    stroke_phantom,
)
from kernels.perfusion import find_inputs, lesions, perfusion_maps, prepare
from tests.kernels.stroke_heads import Case, phantom_case

mpl.use("Agg")
from matplotlib import pyplot as plt

__all__ = ["main"]

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
GREY = {"cmap": "gray", "vmin": 10, "vmax": 60, "interpolation": "nearest"}


def panels(count: int, height: float = 2.6) -> tuple[Any, Any]:
    figure, axes = plt.subplots(1, count, figsize=(2.2 * count, height), facecolor="black")
    for axis in axes:
        axis.set_axis_off()
    return figure, axes


def titled(axis: Any, words: str) -> None:
    axis.set_title(words, color="white", fontsize=7)


def save(figure: Any, name: str) -> None:
    """Write a small picture: 256 colours are enough."""
    held = BytesIO()
    figure.savefig(held, dpi=110, bbox_inches="tight", facecolor=figure.get_facecolor())
    plt.close(figure)
    held.seek(0)
    picture = Image.open(held).convert("RGB").quantize(256)
    picture.save(FOLDER / name, optimize=True)
    print(f"{name}: {(FOLDER / name).stat().st_size / 1000:.0f} kB")


def infarct_and_blood() -> Case:
    findings = (
        Finding("infarct", "left", 60.0, (42.0, 0.0, 26.0), -7.0),
        Finding("haemorrhage", "right", 14.0, (-34.0, 6.0, 26.0)),
    )
    return phantom_case(
        stroke_phantom(findings, (30, 256, 256), (5.0, 0.92, 0.92), yaw_deg=8.0, seed=6001)
    )


def draw_pipeline() -> None:
    case = infarct_and_blood()
    hu, spacing = case.copy.hu, case.copy.spacing_mm
    dark = mirror_difference(hu, case.brain.mask, case.plane, spacing)
    dense = find_haemorrhages(hu, case.brain.mask, case.brain.bone, case.plane, spacing)
    sure = [cluster.label for cluster in dark.clusters if not cluster.doubts]
    found = np.isin(dark.labels, sure)
    blood = [one.label for one in dense.candidates if not one.doubts]
    bled = np.isin(dense.labels, blood)
    level = int(np.argmax((found.sum(axis=(1, 2)) > 0) * bled.sum(axis=(1, 2))))
    figure, axes = panels(4)
    for axis in (axes[0], axes[1], axes[3]):
        axis.imshow(hu[level], aspect=spacing[1] / spacing[2], **GREY)
    titled(axes[0], "upright copy")
    axes[1].contour(case.brain.mask[level], [0.5], colors=["#78c88c"], linewidths=0.8)
    rows = np.array([0, hu.shape[1] - 1])
    z, y, x = case.plane.normal
    height = level * spacing[0] * z
    across = (case.plane.offset_mm - height - rows * spacing[1] * y) / x / spacing[2]
    axes[1].plot(across, rows, color="#ffaa3c", linewidth=1)
    titled(axes[1], "brain, midsagittal plane")
    axes[2].imshow(
        np.where(case.brain.mask[level], dark.difference_hu[level], 0),
        cmap="RdBu_r", vmin=-8, vmax=8, aspect=spacing[1] / spacing[2],
    )  # fmt: skip
    titled(axes[2], "mirror difference, -8 to 8 HU")
    axes[3].contour(found[level], [0.5], colors=["#5096ff"], linewidths=1)
    axes[3].contour(bled[level], [0.5], colors=["#e6463c"], linewidths=1)
    titled(axes[3], "dark (blue), possible blood (red)")
    save(figure, "stroke-ncct.png")


def draw_regions() -> None:
    case = infarct_and_blood()
    spacing = case.copy.spacing_mm
    levels = propose_levels(case.copy.hu, case.brain.mask, case.plane, spacing)
    outlines = outline_regions(ASPECTS_REGIONS, levels, case.brain.mask, case.plane, spacing)
    figure, axes = panels(2, 3.4)
    for axis, level, title in (
        (axes[0], levels.ganglionic, "ganglionic level"),
        (axes[1], levels.supraganglionic, "supraganglionic level"),
    ):
        axis.imshow(case.copy.hu[level], aspect=spacing[1] / spacing[2], **GREY)
        for outline in outlines:
            corners = outline.corners_mm / spacing
            if round(corners[0, 0]) != level:
                continue
            colour = "#ffaa3c" if outline.side == "left" else "#5ac8fa"
            axis.fill(corners[:, 2], corners[:, 1], fill=False, edgecolor=colour, linewidth=0.8)
            middle = corners.mean(axis=0)
            axis.text(middle[2], middle[1], outline.name, color=colour, fontsize=6,
                      ha="center", va="center")  # fmt: skip
        titled(axis, title)
    save(figure, "stroke-aspects.png")


def draw_perfusion() -> None:
    scan = perfusion_head(
        np.arange(60.0), (20, 192, 192), (5.0, 1.2, 1.2), 32.0, 130.0, seed=6002, noise_hu=3.2
    )
    ready = prepare(scan.hu, scan.times_s, scan.spacing_mm)
    inputs = find_inputs(ready)
    maps = perfusion_maps(ready, inputs.scaled_artery_hu)
    found = lesions(maps)
    level = int(np.argmax(found.core.sum(axis=(1, 2))))
    middle = np.s_[20:172, 25:167]
    figure, axes = panels(5)
    for axis, values, most, words in (
        (axes[0], maps.cbf_ml_100g_min, 80, "CBF, 0 to 80 mL/100 g/min"),
        (axes[1], maps.cbv_ml_100g, 6, "CBV, 0 to 6 mL/100 g"),
        (axes[2], maps.mtt_s, 15, "MTT, 0 to 15 s"),
        (axes[3], maps.tmax_s, 12, "Tmax, 0 to 12 s"),
    ):
        picture = np.where(maps.mask[level], values[level], np.nan)[middle]
        axis.imshow(picture, cmap="turbo", vmin=0, vmax=most)
        titled(axis, words)
    axes[4].imshow(scan.hu[0, level][middle], **GREY)
    axes[4].contour(found.hypoperfused[level][middle], [0.5], colors=["#5ac86e"], linewidths=1)
    axes[4].contour(found.core[level][middle], [0.5], colors=["#dc46c8"], linewidths=1)
    titled(axes[4], "core (violet), Tmax > 6 s (green)")
    save(figure, "stroke-perfusion.png")

    figure, axis = plt.subplots(figsize=(5.2, 2.6))
    axis.plot(ready.times_s, inputs.artery.curve_hu, color="#c8322a", label="artery")
    if inputs.vein is not None:
        axis.plot(ready.times_s, inputs.vein.curve_hu, color="#3264c8", label="vein")
    for mask, colour, words in (
        (scan.masks["tissue"] & ~scan.masks["hypoperfused"], "#3c8c4a", "healthy tissue x 10"),
        (scan.masks["hypoperfused"] & ~scan.masks["core"], "#d29628", "penumbra x 10"),
        (scan.masks["core"], "#8c3c96", "core x 10"),
    ):
        curve = ready.curves_hu[mask[ready.mask] & ready.is_tissue].mean(axis=0)
        axis.plot(ready.times_s, 10 * curve, color=colour, linewidth=1, label=words)
    axis.axvline(ready.arrival_s, color="0.6", linewidth=0.8, linestyle=":")
    axis.set_xlabel("seconds", fontsize=8)
    axis.set_ylabel("HU above baseline", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.legend(fontsize=7, frameon=False)
    save(figure, "stroke-curves.png")


def main(arguments: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog="python -m benchmarks.stroke_figures", description=__doc__
    ).parse_args(arguments)
    draw_pipeline()
    draw_regions()
    draw_perfusion()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
