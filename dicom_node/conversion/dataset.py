"""The data set of one VL Whole Slide Microscopy Image, all but its frames (PS3.3 A.32.8)."""

import hashlib
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import UID, VLWholeSlideMicroscopyImageStorage

from dicom_node.conversion import codes
from dicom_node.conversion.facts import SlideFacts
from dicom_node.conversion.optics import add_optical_paths, decimal, path_ids
from dicom_node.conversion.source import Scanner
from dicom_node.conversion.specimen import add_specimen
from dicom_node.objects import text
from dicom_node.objects.items import MANUFACTURER, MODEL, code_item

__all__ = ["InstanceShape", "instance", "uid_of"]

# ISO 8037-1: a slide is 76 x 26 mm; DICOM's figures put the middle of 75 x 25.
_SLIDE_MIDDLE_MM = (12.5, 37.5)
_GLASS_HEIGHT_MM = 25.0
# Sections are cut at 3 to 5 um; the focal plane itself has no depth (PS3.3 C.8.12.4).
_SECTION_MM = 0.003
_MONOCHROME = "MONOCHROME2"
# Dimensions: the attribute, and the functional group it is in.
_ROW, _COLUMN = (0x0048021F, 0x0048021A), (0x0048021E, 0x0048021A)
_PLANE, _PATH = (0x0040074A, 0x0048021A), (0x00480106, 0x00480207)


@dataclass(frozen=True, slots=True)
class InstanceShape:
    """What one instance holds: its part in the series, and its pixels.

    `role` is VOLUME, LABEL or OVERVIEW; `resampled` says that a larger level was the source.
    `spacing_mm` is (between rows, between columns); `lossy` the ways of compression the pixels
    went through, with `ratio` of the last. `paths` and `planes` are how many layers it has.
    """

    number: int
    role: str
    width: int
    height: int
    tile_width: int
    tile_height: int
    spacing_mm: tuple[float, float]
    photometric_interpretation: str
    resampled: bool = False
    recoded: bool = False
    lossy: str = ""
    ratio: float = 1.0
    volume_mm: tuple[float, float] = (0.0, 0.0)  # of the base: (width, height)
    derivation: str = ""
    bits: int = 8
    paths: int = 1
    planes: int = 1

    @property
    def samples(self) -> int:
        return 1 if self.photometric_interpretation == _MONOCHROME else 3

    @property
    def tiles(self) -> int:
        """Of each layer."""
        columns, rows = -(-self.width // self.tile_width), -(-self.height // self.tile_height)
        return columns * rows

    @property
    def frames(self) -> int:
        return self.tiles * self.paths * self.planes

    @property
    def raw_bytes(self) -> int:
        """What the pixels take uncompressed."""
        layers = self.paths * self.planes
        return self.width * self.height * self.samples * layers * (self.bits // 8)


def uid_of(seed: str, *what: object) -> str:
    """A UUID-derived UID (PS3.5 B.2) that follows from the seed and what it stands for."""
    digest = hashlib.sha256("/".join((seed, *map(str, what))).encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | (8 << 76)  # version 8: made by the application
    number = number & ~(0x3 << 62) | (2 << 62)
    return f"2.25.{number}"


def instance(shape: InstanceShape, facts: SlideFacts, scanner: Scanner) -> Dataset:
    """Build the data set; every UID follows from ``facts.seed``."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = VLWholeSlideMicroscopyImageStorage
    ds.SOPInstanceUID = UID(uid_of(facts.seed, "instance", shape.role, shape.number))
    _add_patient_and_study(ds, facts)
    _add_series_and_equipment(ds, facts, scanner)
    _add_image(ds, shape, facts, scanner)
    _add_place(ds, shape, scanner)
    add_optical_paths(ds, scanner, shape.paths, of_tissue=shape.role == "VOLUME")
    add_specimen(ds, facts, uid_of(facts.seed, "specimen"))
    ds.AcquisitionContextSequence = []
    if shape.role == "LABEL":
        ds.LabelText = ""
        ds.BarcodeValue = ""
    return ds


def _add_patient_and_study(ds: Dataset, facts: SlideFacts) -> None:
    ds.PatientName = text.person_name(facts.patient_name)
    ds.PatientID = text.long_string(facts.patient_id)
    if facts.issuer_of_patient_id.strip():
        ds.IssuerOfPatientID = text.long_string(facts.issuer_of_patient_id)
    ds.PatientBirthDate = text.valid_date(facts.patient_birth_date)
    ds.PatientSex = facts.patient_sex if facts.patient_sex in ("M", "F", "O") else ""
    ds.StudyInstanceUID = facts.study_instance_uid
    ds.StudyDate = text.valid_date(facts.study_date)
    ds.StudyTime = text.valid_time(facts.study_time)
    ds.StudyID = text.short_string(facts.study_id)
    ds.AccessionNumber = text.short_string(facts.accession_number)
    referring = text.person_name(facts.referring_physician_name)
    ds.ReferringPhysicianName = text.clip(referring, 64).rstrip("^=")
    if facts.study_description.strip():
        ds.StudyDescription = text.long_string(facts.study_description)


def _add_series_and_equipment(ds: Dataset, facts: SlideFacts, scanner: Scanner) -> None:
    ds.Modality = "SM"
    ds.SeriesInstanceUID = uid_of(facts.seed, "series")
    ds.SeriesNumber = facts.series_number
    described = " ".join(part for part in (facts.container_id, facts.stain) if part.strip())
    if described.strip():
        ds.SeriesDescription = text.long_string(described)
    ds.FrameOfReferenceUID = uid_of(facts.seed, "frame of reference")
    ds.PositionReferenceIndicator = "SLIDE_CORNER"
    # Enhanced General Equipment wants all four; a scanner that says nothing is unknown.
    ds.Manufacturer = text.long_string(scanner.vendor) or "UNKNOWN"
    ds.ManufacturerModelName = text.long_string(scanner.model) or "UNKNOWN"
    ds.DeviceSerialNumber = text.long_string(scanner.serial) or "UNKNOWN"
    ds.SoftwareVersions = text.long_string(scanner.software) or "UNKNOWN"
    if facts.institution_name.strip():
        ds.InstitutionName = text.long_string(facts.institution_name)
    converter = Dataset()
    converter.Manufacturer = MANUFACTURER
    converter.ManufacturerModelName = MODEL
    converter.ContributionDescription = "Vendor file to DICOM"
    converter.PurposeOfReferenceCodeSequence = [code_item(codes.DCM.ModifyingEquipment)]
    ds.ContributingEquipmentSequence = [converter]


def _add_image(ds: Dataset, shape: InstanceShape, facts: SlideFacts, scanner: Scanner) -> None:
    at = scanner.scanned_at or facts.at
    volume = shape.role == "VOLUME"
    derived = shape.resampled or shape.recoded
    flavour = "RESAMPLED" if shape.resampled else "NONE"
    ds.ImageType = ["DERIVED" if derived else "ORIGINAL", "PRIMARY", shape.role, flavour]
    ds.InstanceNumber = shape.number
    ds.ContentDate, ds.ContentTime = f"{at:%Y%m%d}", f"{at:%H%M%S}"
    ds.SeriesDate, ds.SeriesTime = ds.ContentDate, ds.ContentTime
    ds.AcquisitionDateTime = f"{at:%Y%m%d%H%M%S}"
    if shape.derivation:
        ds.DerivationDescription = text.long_text(shape.derivation, 1024)
    ds.SamplesPerPixel = shape.samples
    ds.PhotometricInterpretation = shape.photometric_interpretation
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = 0
    else:
        ds.PresentationLUTShape = "IDENTITY"
        ds.RescaleIntercept, ds.RescaleSlope = "0", "1"
    ds.NumberOfFrames = shape.frames
    ds.Rows, ds.Columns = shape.tile_height, shape.tile_width
    ds.BitsAllocated = ds.BitsStored = shape.bits
    ds.HighBit = shape.bits - 1
    ds.PixelRepresentation = 0
    ds.LossyImageCompression = "01" if shape.lossy else "00"
    if shape.lossy:
        ds.LossyImageCompressionRatio = f"{max(shape.ratio, 1.0):.2f}"
        ds.LossyImageCompressionMethod = shape.lossy
    ds.VolumetricProperties = "VOLUME"
    ds.BurnedInAnnotation = "NO" if volume else "YES"
    ds.SpecimenLabelInImage = "NO" if volume else "YES"
    ds.FocusMethod = "AUTO"
    ds.ExtendedDepthOfField = "NO"


def _add_place(ds: Dataset, shape: InstanceShape, scanner: Scanner) -> None:
    """Where the pixels lie on the slide: columns run along -Y, rows along -X (PS3.3 C.8.12.2).

    All levels begin at the same corner and name the same origin, as every reader that builds
    pyramids expects of them.
    """
    row_mm, column_mm = shape.spacing_mm
    if shape.role == "VOLUME":
        ds.PyramidUID = uid_of(ds.FrameOfReferenceUID, "pyramid")
    width_mm, height_mm = shape.volume_mm
    ds.ImagedVolumeWidth, ds.ImagedVolumeHeight = width_mm, height_mm
    step_um = scanner.plane_step_um if shape.planes > 1 else 0.0
    # Micrometres, unlike its neighbours: from the first focal plane through the last.
    ds.ImagedVolumeDepth = max(_SECTION_MM * 1000, step_um * shape.planes)
    ds.TotalPixelMatrixColumns, ds.TotalPixelMatrixRows = shape.width, shape.height
    ds.TotalPixelMatrixFocalPlanes = shape.planes
    ds.NumberOfOpticalPaths = shape.paths
    along, across = scanner.centre_mm if shape.role == "VOLUME" else (0.0, 0.0)
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem = decimal(_SLIDE_MIDDLE_MM[0] - across + height_mm / 2)
    origin.YOffsetInSlideCoordinateSystem = decimal(_SLIDE_MIDDLE_MM[1] - along + width_mm / 2)
    if shape.planes > 1:
        # Of the first plane, in micrometres; nobody says how high it lies above the glass.
        origin.ZOffsetInSlideCoordinateSystem = "0"
    ds.TotalPixelMatrixOriginSequence = [origin]
    ds.ImageOrientationSlide = ["0", "-1", "0", "-1", "0", "0"]
    organization = uid_of(ds.FrameOfReferenceUID, "dimensions")
    item = Dataset()
    item.DimensionOrganizationUID = organization
    ds.DimensionOrganizationSequence = [item]
    ds.DimensionOrganizationType = "TILED_FULL"
    # The order of frames in full tiling, the slowest first (PS3.3 C.7.6.17.3).
    ds.DimensionIndexSequence = [
        *([_dimension(organization, _PATH, "Optical path")] if shape.paths > 1 else []),
        *([_dimension(organization, _PLANE, "Focal plane")] if shape.planes > 1 else []),
        _dimension(organization, _ROW, "Row position"),
        _dimension(organization, _COLUMN, "Column position"),
    ]
    measures, frame_type, group = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [decimal(row_mm), decimal(column_mm)]
    measures.SliceThickness = decimal(_SECTION_MM)
    if step_um:
        measures.SpacingBetweenSlices = decimal(step_um / 1000)
    frame_type.FrameType = ds.ImageType
    group.PixelMeasuresSequence = [measures]
    group.WholeSlideMicroscopyImageFrameTypeSequence = [frame_type]
    if shape.paths == 1:
        path = Dataset()
        path.OpticalPathIdentifier = path_ids(1)[0]
        group.OpticalPathIdentificationSequence = [path]
    ds.SharedFunctionalGroupsSequence = [group]


def _dimension(organization: str, pointer: tuple[int, int], label: str) -> Dataset:
    item = Dataset()
    item.DimensionOrganizationUID = organization
    item.DimensionIndexPointer, item.FunctionalGroupPointer = pointer
    item.DimensionDescriptionLabel = label
    return item
