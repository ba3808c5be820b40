"""Tiles of slides: their bytes as stored where a browser shows those, else made once and kept."""

import os
import threading
from collections import OrderedDict
from io import BytesIO, FileIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit

from dicom_node.archive import Archive
from dicom_node.errors import CannotDecode, NotFound
from dicom_node.pixels.cache import DerivedCache
from dicom_node.pixels.decode import decode_frame
from dicom_node.pixels.description import PixelDescription
from dicom_node.pixels.frames import Frames
from dicom_node.pixels.picture import encode_picture
from dicom_node.records import ReadScope
from dicom_node.slides.index import SlideIndex
from dicom_node.slides.jpeg import splice

__all__ = ["JPEG", "PNG", "SlideSource"]

JPEG, PNG = "image/jpeg", "image/png"
_EVERYTHING = ReadScope(everything=True)
_MOST_FILES = 128
# Read what is in the page cache, or nothing (Linux).
_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)
# Colour that is made anew: lossy once more, with what the eye does not see.
_QUALITY = 90


class SlideSource:
    """Reads frames by their number in an index. Safe for many threads.

    Files are read by position, not mapped: a file that lost its end is then an error in one tile
    and not the end of the process.

    Parameters
    ----------
    archive : Archive
    cache : DerivedCache
        Keeps the tiles that had to be made.
    """

    def __init__(self, archive: Archive, cache: DerivedCache) -> None:
        self._archive = archive
        self._cache = cache
        self._lock = threading.Lock()
        self._files: OrderedDict[str, FileIO] = OrderedDict()

    def tile_at_once(self, index: SlideIndex, frame: int) -> tuple[bytes, str] | None:
        """The tile if it is stored as a browser needs it and the disk need not be asked.

        Never waits, so it may be called on an event loop.
        """
        offset, length, pieces, number = index.frames[frame].item()
        file = index.facts["files"][number]
        opened = self._files.get(file["path"])
        if pieces != 1 or opened is None or not file["stored_for_browsers"] or _NOWAIT is None:
            return None
        data = bytearray(length)
        try:
            if os.preadv(opened.fileno(), [data], offset, _NOWAIT) != length:
                return None
        except OSError:  # not in the page cache, or not on this file system
            return None
        return _for_browsers(bytes(data), file), JPEG

    def tile_at_hand(
        self, index: SlideIndex, frame: int, channel: int = 0
    ) -> tuple[bytes, str] | None:
        """The tile if nothing has to be decoded for it; else None. Raises NotFound."""
        file = self._file_of(index, frame)
        if file["stored_for_browsers"]:
            return self.tile(index, frame, channel)
        data = self._cache.get(_key(index, frame, channel))
        return None if data is None else (data, _media_type(file))

    def stored(self, index: SlideIndex, frame: int) -> bytes:
        """One frame as it is stored. Raises NotFound."""
        place = index.frames[frame]
        offset, length, pieces, number = place.item()
        file = index.facts["files"][number]
        if pieces == 1:
            return self._read(file, offset, length)
        if not pieces:
            return self._indirect(file).stored(offset)
        fragments = index.pieces[offset : offset + pieces].tolist()
        return b"".join(self._read(file, at, size) for at, size in fragments)

    def tile(self, index: SlideIndex, frame: int, channel: int = 0) -> tuple[bytes, str]:
        """One frame as a browser shows it, and its media type.

        Parameters
        ----------
        channel : int
            The optical path it belongs to; its range says how more than eight bits are shown.

        Raises
        ------
        NotFound, CannotDecode
        """
        file = self._file_of(index, frame)
        if file["stored_for_browsers"]:
            return _for_browsers(self.stored(index, frame), file), JPEG
        key = _key(index, frame, channel)
        data = self._cache.get(key)
        if data is None:
            picture = self.pixels(index, frame, channel)
            data = encode_picture(picture, _media_type(file), _QUALITY)
            self._cache.put(key, data)
        return data, _media_type(file)

    def pixels(self, index: SlideIndex, frame: int, channel: int = 0) -> NDArray[np.uint8]:
        """One frame decoded: (rows, columns) or (rows, columns, 3), as its tile shows it.

        Raises
        ------
        NotFound, CannotDecode
        """
        file = self._file_of(index, frame)
        description = PixelDescription(**file["description"])
        if file["stored_for_browsers"]:
            return _decoded(self.tile(index, frame, channel)[0], description)
        values = self.values(index, frame)
        if description.is_colour:
            shift = max(description.bits_stored - 8, 0)
            return np.asarray(values[..., :3] >> shift, np.uint8)
        low, high = _range(index, channel)
        grey = (values.astype(np.float32) - low) * np.float32(255 / (high - low))
        if description.photometric_interpretation == "MONOCHROME1":
            grey = 255 - grey
        return np.asarray(np.rint(grey).clip(0, 255), np.uint8)

    def values(self, index: SlideIndex, frame: int) -> NDArray[Any]:
        """One frame decoded to its stored values. Raises NotFound, CannotDecode."""
        file = self._file_of(index, frame)
        description = PixelDescription(**file["description"])
        if file["indirect"]:
            return self._indirect(file).array(int(index.frames[frame]["offset"]))
        data = self.stored(index, frame)
        if description.transfer_syntax_uid == JPEGBaseline8Bit:
            return _decoded(_for_browsers(data, file), description)
        return decode_frame(data, description)

    def _file_of(self, index: SlideIndex, frame: int) -> dict[str, Any]:
        file: dict[str, Any] = index.facts["files"][index.frames[frame]["file"]]
        return file

    def _read(self, file: dict[str, Any], offset: int, length: int) -> bytes:
        # Held by name: another thread may push it out, and its number be given to another file.
        opened = self._opened(file["path"])
        data = os.pread(opened.fileno(), length, offset)
        if len(data) != length:
            raise NotFound("the file of the slide has lost its end")
        return data

    def _opened(self, path: str) -> FileIO:
        """The open file; one pushed out stays open as long as somebody reads from it."""
        found = self._files.get(path)
        if found is not None:
            return found
        try:
            found = FileIO(self._archive.settings.folder / path)
        except OSError as error:
            raise NotFound("a file of the slide is gone") from error
        with self._lock:
            self._files[path] = found
            while len(self._files) > _MOST_FILES:
                self._files.popitem(last=False)
        return found

    def _indirect(self, file: dict[str, Any]) -> Frames:
        """The frames of an instance whose bytes are not in place: deflated, or big endian."""
        uid = file["sop_instance_uid"]
        record = self._archive.instance(uid, scope=_EVERYTHING)
        return Frames(
            lambda offset, length: self._archive.read_range(record, offset, length),
            self._archive.frame_offsets(record),
            PixelDescription(**file["description"]),
        )


def _key(index: SlideIndex, frame: int, channel: int) -> str:
    """What a made tile is kept under: the instance's content, not the index's version."""
    offset, _, _, number = index.frames[frame].item()
    file = index.facts["files"][number]
    return f"tile {file['sha256']} {offset} {_range(index, channel)}"


def _media_type(file: dict[str, Any]) -> str:
    """Of a tile that has to be made. Grey ones keep every value: windows would show the loss."""
    return JPEG if file["description"]["samples_per_pixel"] > 1 else PNG


def _for_browsers(data: bytes, file: dict[str, Any]) -> bytes:
    # Most instances need nothing, and most tiles are asked for here.
    if not file["may_lack"]:
        return data
    return splice(data, bytes.fromhex(file["tables"]), file["rgb"])


def _range(index: SlideIndex, channel: int) -> tuple[float, float]:
    paths = index.facts["optical_paths"]
    low, high = paths[channel]["range"] if channel < len(paths) else (0.0, 255.0)
    return float(low), float(high)


def _decoded(data: bytes, description: PixelDescription) -> NDArray[np.uint8]:
    """Decode a JPEG the way browsers do, colour space included."""
    try:
        image: Image.Image = Image.open(BytesIO(data), formats=["JPEG"])
        expected = (description.columns, description.rows)
        # Look before the decoder allocates what the codestream claims.
        if image.size != expected:
            raise CannotDecode(f"the tile is {image.size}, its header says {expected}")
        return np.asarray(image.convert("RGB" if description.is_colour else "L"))
    except (OSError, ValueError, SyntaxError) as error:
        raise CannotDecode(f"a tile of {len(data)} bytes does not decode") from error
