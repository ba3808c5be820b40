"""Key images as pictures for the printed opinion."""

from dicom_node.archive import Archive
from dicom_node.pixels.attributes import Attributes
from dicom_node.pixels.display import to_screen
from dicom_node.pixels.picture import JPEG, Viewport, encode_picture, fit
from dicom_node.records import ReadScope
from dicom_node.web.holdings import Holding
from kernels import Window
from plugins.nouns import KeyImage

__all__ = ["picture_of"]

# three in a row on A4 are 55 mm wide: 400 dots an inch, enough for any printer
SIZE = Viewport(860, 860)
QUALITY = 88


def picture_of(archive: Archive, image: KeyImage) -> bytes:
    """The image as JPEG in the window its reader chose, or else in its own.

    Raises
    ------
    dicom_node.errors.DicomNodeError
        It is gone, or cannot be decoded.
    """
    record = archive.instance(image.sop_instance_uid, scope=ReadScope(everything=True))
    holding = Holding(archive, record)
    number = min(max(image.frame_number, 1), len(holding.frames)) - 1
    attributes = Attributes(holding.header(), number, holding.read)
    pixels = holding.frames.array(number)
    screen = to_screen(pixels, holding.frames.description, attributes, _window(image))
    return encode_picture(fit(screen, SIZE), JPEG, QUALITY)


def _window(image: KeyImage) -> Window | None:
    if image.window_center is None or image.window_width is None or image.window_width < 1:
        return None
    return Window(image.window_center, image.window_width)
