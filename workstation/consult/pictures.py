"""Key images as pictures for the printed opinion."""

from dicom_node.archive import Archive
from dicom_node.pixels.attributes import Attributes
from dicom_node.pixels.cache import DerivedCache
from dicom_node.pixels.display import to_screen
from dicom_node.pixels.picture import JPEG, Viewport, encode_picture, fit
from dicom_node.records import ReadScope
from dicom_node.slides import SlideSource, slide_index
from dicom_node.slides.render import Region as Part
from dicom_node.slides.render import default_paths, render
from dicom_node.web.holdings import Holding
from dicom_node.web.settings import WebSettings
from kernels import Window
from plugins.nouns import KeyImage, Region
from workstation.consult.scale_bar import with_scale_bar

__all__ = ["picture_of"]

# three in a row on A4 are 55 mm wide: 400 dots an inch, enough for any printer
SIZE = Viewport(860, 860)
QUALITY = 88
# a field of a slide is looked at for its cells
SLIDE_EDGE = 1400


def picture_of(archive: Archive, image: KeyImage) -> bytes:
    """The image as JPEG in the window its reader chose, or else in its own.

    Of a slide, the region the reader chose, in calibrated colours and with a scale bar.

    Raises
    ------
    dicom_node.errors.DicomNodeError
        It is gone, or cannot be decoded.
    """
    if image.region is not None:
        return _field(archive, image.series_instance_uid, image.region)
    record = archive.instance(image.sop_instance_uid, scope=ReadScope(everything=True))
    holding = Holding(archive, record)
    number = min(max(image.frame_number, 1), len(holding.frames)) - 1
    attributes = Attributes(holding.header(), number, holding.read)
    pixels = holding.frames.array(number)
    screen = to_screen(pixels, holding.frames.description, attributes, _window(image))
    return encode_picture(fit(screen, SIZE), JPEG, QUALITY)


def _field(archive: Archive, series_instance_uid: str, region: Region) -> bytes:
    index = slide_index(archive, series_instance_uid, ReadScope(everything=True))
    source = SlideSource(
        archive, DerivedCache(archive.settings.folder / "tiles", WebSettings().cache_bytes)
    )
    scale = min(1.0, SLIDE_EDGE / max(region.width, region.height))
    part = Part(region.x, region.y, region.width, region.height, scale)
    pixels = render(source, index, part, default_paths(index))
    mpp = index.facts["mpp"]
    shown = pixels if mpp is None else with_scale_bar(pixels, mpp[0] / scale)
    return encode_picture(shown, JPEG, QUALITY)


def _window(image: KeyImage) -> Window | None:
    if image.window_center is None or image.window_width is None or image.window_width < 1:
        return None
    return Window(image.window_center, image.window_width)
