"""The Optical Path module: light, objective and colour of each channel (PS3.3 C.8.12.5)."""

import struct
from functools import cache

from PIL import ImageCms
from pydicom.dataset import Dataset

from dicom_node.conversion import codes
from dicom_node.conversion.source import Channel, Scanner
from dicom_node.objects import text
from dicom_node.objects.items import code_item

__all__ = ["add_optical_paths", "decimal", "path_ids"]


def path_ids(count: int) -> list[str]:
    """Identifiers of the optical paths of one instance."""
    return [str(number + 1) for number in range(count)]


def add_optical_paths(ds: Dataset, scanner: Scanner, count: int, *, of_tissue: bool) -> None:
    """Describe the paths; the pixels of `ds` are described already.

    Parameters
    ----------
    of_tissue : bool
        False for label and overview, which are photographs.
    """
    channels = scanner.channels if of_tissue else ()
    if not channels:
        channels = (Channel(fluorescence=of_tissue and scanner.fluorescence),) * count
    ds.OpticalPathSequence = [
        _path(ds, scanner, identifier, channel, of_tissue)
        for identifier, channel in zip(path_ids(count), channels, strict=True)
    ]


def _path(
    ds: Dataset, scanner: Scanner, identifier: str, channel: Channel, of_tissue: bool
) -> Dataset:
    path = Dataset()
    path.OpticalPathIdentifier = identifier
    if channel.name:
        path.OpticalPathDescription = text.one_line(channel.name, 200)
    illumination = (
        codes.DCM.EpifluorescenceIllumination
        if channel.fluorescence
        else codes.DCM.BrightfieldIllumination
    )
    path.IlluminationTypeCodeSequence = [code_item(illumination)]
    if channel.excitation_nm:
        path.IlluminationWaveLength = channel.excitation_nm
    else:
        path.IlluminationColorCodeSequence = [code_item(codes.SCT.FullSpectrum)]
    if channel.emission_nm:
        path.ImagePathFilterPassThroughWavelength = round(channel.emission_nm)
    if scanner.objective_power and of_tissue:
        path.ObjectiveLensPower = decimal(scanner.objective_power)
    if channel.colour is not None and ds.SamplesPerPixel == 1:
        path.PaletteColorLookupTableSequence = [_palette(channel.colour, ds.BitsStored)]
    if ds.SamplesPerPixel == 3 or channel.colour is not None:
        # Type 1C for colour and palettes: a scanner without a profile means sRGB, and says so.
        profile = scanner.icc or _srgb()
        path.ICCProfile = profile + bytes(len(profile) % 2)
        if not scanner.icc:
            path.ColorSpace = "SRGB"
    return path


def _palette(colour: tuple[int, int, int], bits: int) -> Dataset:
    """From black to the colour over all stored values, as one straight segment (C.7.9.2.2)."""
    last = (1 << bits) - 1
    table = Dataset()
    for name, value in zip(("Red", "Green", "Blue"), colour, strict=True):
        keyword = f"{name}PaletteColorLookupTable"
        # Entries (65,536 are written as 0), the first stored value, bits of an entry.
        setattr(table, f"{keyword}Descriptor", [(last + 1) % 65536, 0, 16])
        segments = struct.pack("<6H", 0, 1, 0, 1, last, value * 257)
        setattr(table, f"Segmented{keyword}Data", segments)
    return table


@cache
def _srgb() -> bytes:

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Little CMS writes the time of making; the same slide must give the same bytes.
    profile[24:36] = bytes((7, 228, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))
    profile[84:100] = bytes(16)
    return bytes(profile)


def decimal(value: float) -> str:
    """DS: at most 16 characters (PS3.5 6.2)."""
    for digits in range(15, 5, -1):
        shown = f"{value:.{digits}g}"
        if len(shown) <= 16:
            return shown
    return f"{value:.9g}"
