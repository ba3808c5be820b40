"""A slide built: tiles copied, missing levels made, every instance written and verified."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import JPEGBaseline8Bit

from dicom_node.conversion import jpeg
from dicom_node.conversion.coding import JPEG_QUALITY, Coding, codings
from dicom_node.conversion.dataset import InstanceShape, instance
from dicom_node.conversion.facts import SlideFacts
from dicom_node.conversion.opening import open_source
from dicom_node.conversion.plan import derived_tile, factor, filled, halved, missing_steps
from dicom_node.conversion.refusals import refuse
from dicom_node.conversion.source import (
    CODED_LOSSY,
    CodedLevel,
    Picture,
    Region,
    Scanner,
    SlideSource,
    coded_layers,
    layers_of,
)
from dicom_node.conversion.spool import Spool
from dicom_node.conversion.verify import check_coded_again, check_copied
from dicom_node.conversion.writer import write_instance
from kernels import pyramid

__all__ = ["Built", "Report", "build"]

# Fraction done, and what is being done (Vietnamese, English).
Report = Callable[[float, str, str], None]

_GLASS_MM = 25.0
_DECODED = "Decoded from the vendor's file"
_RECODED = (
    f"Không chép nguyên được các ô ảnh của tệp này: ảnh được nén lại (JPEG {JPEG_QUALITY}).",
    f"The tiles of this file cannot be copied: it was compressed again (JPEG {JPEG_QUALITY}).",
)
_COPYING = ("Đang chép các ô ảnh", "Copying tiles")
_MAKING = ("Đang tạo các mức thu nhỏ", "Making the smaller levels")
_CHECKING = ("Đang đối chiếu với tệp gốc", "Comparing with the original")


class Built(NamedTuple):
    """The files of a slide, and what its laboratory should know (Vietnamese, English)."""

    files: list[Path]
    notes: list[tuple[str, str]]


def build(path: Path, folder: Path, facts: SlideFacts, report: Report) -> Built:
    """Convert one slide into `folder`, which must be empty.

    Raises
    ------
    ConversionRefused
    OSError
    """
    source = open_source(path)
    try:
        return _Slide(source, folder, facts, report).build()
    finally:
        source.close()


@dataclass
class _Slide:
    source: SlideSource
    folder: Path
    facts: SlideFacts
    report: Report
    files: list[Path] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def build(self) -> Built:
        scanner = self._scaled(self.source.scanner)
        self.scanner = scanner
        self.notes += scanner.notes
        base = self.source.levels[0]
        self.base = base
        self.mpp = scanner.mpp
        work = sum(_pixels(level) for level in self.source.levels)
        done = 0
        for index, level in enumerate(self.source.levels):
            share = _pixels(level) / work

            def part(
                fraction: float, words: tuple[str, str], at: int = done, of: float = share
            ) -> None:
                self.report(min(1.0, at / work + fraction * of), *words)

            self._take(index, level, part)
            done += _pixels(level)
        for role, picture in self.source.pictures.items():
            self._write_picture(role, picture)
        self.report(1.0, *_CHECKING)
        return Built(self.files, self.notes)

    def _scaled(self, scanner: Scanner) -> Scanner:
        """The scanner with micrometres a pixel that measurements can rely on."""
        if self.facts.mpp:
            return replace(scanner, mpp=(self.facts.mpp, self.facts.mpp))
        if min(scanner.mpp) > 0:
            return scanner
        if scanner.objective_power:
            mpp = 10 / scanner.objective_power
            note = (
                f"Tệp không ghi µm/điểm ảnh; tính từ vật kính {scanner.objective_power:g}×.",
                "The file has no µm per pixel; "
                f"it was taken from the {scanner.objective_power:g}× objective.",
            )
            return replace(scanner, mpp=(mpp, mpp), notes=(*scanner.notes, note))
        raise refuse("scale")

    def _take(self, index: int, level: Any, part: Callable[[float, tuple[str, str]], None]) -> None:
        """One level of the file, and those that are missing beneath it."""
        levels = self.source.levels
        below = levels[index + 1] if index + 1 < len(levels) else None
        steps = missing_steps(level, below)
        coded = coded_layers(level)
        if coded:
            self._copy(index, level, coded, lambda fraction: part(fraction * 0.3, _COPYING))
        if steps or not coded:
            begin = 0.4 if coded else 0.0
            self._make(index, level, steps, lambda f: part(begin + f * (1 - begin), _MAKING))

    # -- copied

    def _copy(
        self, index: int, level: Any, layers: list[CodedLevel], part: Callable[[float], None]
    ) -> None:
        shape = self._shape(level, resampled=index > 0)
        lossy = CODED_LOSSY.get(level.transfer_syntax_uid, "")
        shape = replace(shape, lossy=lossy, ratio=shape.raw_bytes / max(level.coded_bytes, 1))
        columns = -(-level.width // level.tile_width)
        count = shape.frames

        def frames() -> Iterator[bytes]:
            for number in range(count):
                if number % 256 == 0:
                    part(number / count)
                layer, tile = divmod(number, shape.tiles)
                yield layers[layer].coded(tile % columns, tile // columns)

        # A tile grows by its tables and a marker; stripes lose some bytes and repeat a few.
        largest = level.coded_bytes * 2 + count * 4096
        path = self._write(shape, level.transfer_syntax_uid, frames(), largest)
        check_copied(path, level, lambda f: self.report_check(f, part))

    def report_check(self, fraction: float, part: Callable[[float], None]) -> None:
        part(1.0 + fraction / 3)

    # -- made

    def _make(self, index: int, level: Any, steps: int, part: Callable[[float], None]) -> None:
        """Code the level itself where its tiles cannot be copied, and `steps` halves of it."""
        own = not level.transfer_syntax_uid
        tile = derived_tile(level)
        layers = layers_of(level)
        columns, rows = -(-level.width // tile), -(-level.height // tile)
        total, seen = columns * rows, 0
        flat: set[bytes] = set()  # colours of tiles that show nothing else
        coding = codings(level, steps, fluorescence=self.scanner.fluorescence)
        spools = [Spool(self.folder / f"spool-{n}") for n in range(steps + 1)]

        def make(number: int, layer: Any) -> None:
            # Tiles of the same grid are read once; of another, a block of them several times.
            same_grid = layer.tile_width == layer.tile_height == tile
            region = Region(layer, 0) if same_grid else Region(layer)

            def read(row: int, column: int) -> NDArray[Any]:
                nonlocal seen
                left, top = column * tile, row * tile
                width, height = min(tile, level.width - left), min(tile, level.height - top)
                pixels = region.read(left, top, width, height)
                if own:
                    flat.update(_colours(pixels, len(flat)))
                    at = number * total + row * columns + column
                    spools[0].add(at, coding[0].encode(filled(pixels, tile)))
                seen += 1
                if seen % 64 == 0:
                    part(seen / (total * len(layers)))
                return pixels

            if total == 1 or not steps:
                for at in range(total):
                    read(at // columns, at % columns)
                return
            for each in pyramid(read, level.height, level.width, tile):
                if each.level <= steps:
                    across = -(-halved(level.width, each.level) // tile)
                    down = -(-halved(level.height, each.level) // tile)
                    at = (number * down + each.row) * across + each.column
                    coded = coding[each.level].encode(filled(each.pixels, tile))
                    spools[each.level].add(at, coded)

        try:
            for number, layer in enumerate(layers):
                make(number, layer)
            if own and coding[0].lossy and len(flat) == 1:
                # A library that meets bytes it cannot decode may paint all of it white.
                raise refuse("blank", f"{level.width} × {level.height}")
            self._write_made(index, level, tile, spools, coding)
        finally:
            for spool in spools:
                spool.close()

    def _write_made(
        self, index: int, level: Any, tile: int, spools: list[Spool], ways: list[Coding]
    ) -> None:
        own = not level.transfer_syntax_uid
        before = CODED_LOSSY.get(level.transfer_syntax_uid, "")
        for step in range(0 if own else 1, len(spools)):
            spool, coding = spools[step], ways[step]
            made = "Averaged 2 x 2 from the level above" if step else ""
            if coding.lossy:
                made = f"{made or _DECODED}, JPEG quality {JPEG_QUALITY}"
            if coding.lossy and index == step == 0:
                self.notes.append(_RECODED)
            shape = replace(
                self._shape(level, step=step, resampled=index > 0 or step > 0),
                tile_width=tile,
                tile_height=tile,
                recoded=step == 0 and bool(coding.lossy),
                photometric_interpretation="MONOCHROME2" if _is_grey(level) else coding.colour,
                derivation=made,
            )
            ratio = shape.raw_bytes / max(spool.size, 1)
            shape = replace(shape, lossy=coding.lossy or before, ratio=ratio)
            path = self._write(shape, coding.syntax, spool.frames(shape.frames), spool.size)
            if step == 0:
                check_coded_again(path, level, tile, coding.decode, exact=not coding.lossy)

    # -- common

    def _write_picture(self, role: str, picture: Picture) -> None:
        coded = picture.coded
        if not coded:
            assert picture.pixels is not None
            coded = jpeg.encode(picture.pixels, JPEG_QUALITY, subsampled=False)
        elif picture.rgb_coded:
            coded = jpeg.complete(coded, b"", mark_rgb=jpeg.read_header(coded).colour != "RGB")
        # Nobody says how large the photograph is; the glass is 25 mm wide and it shows all of it.
        spacing = _GLASS_MM / max(1, min(picture.rows, picture.columns))
        shape = InstanceShape(
            number=len(self.files) + 1,
            role=role,
            width=picture.columns,
            height=picture.rows,
            tile_width=picture.columns,
            tile_height=picture.rows,
            spacing_mm=(spacing, spacing),
            photometric_interpretation="RGB" if picture.rgb_coded else "YBR_FULL_422",
            lossy="ISO_10918_1",
            ratio=picture.rows * picture.columns * 3 / len(coded),
            volume_mm=(picture.columns * spacing, picture.rows * spacing),
        )
        self._write(shape, JPEGBaseline8Bit, iter([coded]), len(coded))

    def _shape(self, level: Any, *, step: int = 0, resampled: bool) -> InstanceShape:
        """The geometry of a level of the file, or of a half, quarter … of it."""
        factor_x = factor(self.base.width, level.width) * 2**step
        factor_y = factor(self.base.height, level.height) * 2**step
        spacing = self.mpp[1] * factor_y / 1000, self.mpp[0] * factor_x / 1000
        volume = self.mpp[0] * self.base.width / 1000, self.mpp[1] * self.base.height / 1000
        return InstanceShape(
            number=len(self.files) + 1,
            role="VOLUME",
            width=halved(level.width, step),
            height=halved(level.height, step),
            tile_width=level.tile_width,
            tile_height=level.tile_height,
            spacing_mm=spacing,
            photometric_interpretation=level.photometric_interpretation,
            resampled=resampled,
            volume_mm=volume,
            bits=level.bits,
            paths=max(1, len(self.scanner.channels)),
            planes=self.scanner.planes,
        )

    def _write(
        self, shape: InstanceShape, syntax: str, frames: Iterator[bytes], largest: int
    ) -> Path:
        path = self.folder / f"{shape.number:02d}-{shape.role.lower()}.dcm"
        ds = instance(shape, self.facts, self.scanner)
        write_instance(path, ds, syntax, frames, shape.frames, largest)
        self.files.append(path)
        return path


def _colours(pixels: NDArray[np.uint8], known: int) -> set[bytes]:
    """One of the colours of a flat tile, two of any other; nothing once two are known."""
    if known > 1:
        return set()
    first = pixels[0, 0]
    different = np.argwhere(pixels != first)
    if not len(different):
        return {first.tobytes()}
    row, column = different[0][:2]
    return {first.tobytes(), pixels[row, column].tobytes()}


def _pixels(level: Any) -> int:
    return int(level.width * level.height)


def _is_grey(level: Any) -> bool:
    photometric: str = level.photometric_interpretation
    return photometric == "MONOCHROME2"
