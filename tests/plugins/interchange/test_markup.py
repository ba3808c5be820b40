"""ASAP and ImageScope, from real files; XML that means harm is refused."""

from pathlib import Path

import numpy as np
import pytest

from plugins.interchange import (
    Format,
    InterchangeError,
    read_asap,
    read_drawings,
    read_imagescope,
    sniff,
)
from plugins.nouns import AnnotationKind as Kind

ASAP = "wsi/annotations/wsidicom/asap/asap-{}.xml"
IMAGESCOPE = "wsi/annotations/imagescope/CMU-1-JP2K-33005.xml"


@pytest.mark.parametrize(
    ("name", "kind", "count", "first"),
    [
        ("dot", Kind.POINT, 1, (23071.5605, 16831.0098)),
        ("pointset", Kind.COUNTER, 5, (22793.7832, 16650.8945)),
        ("polygon", Kind.POLYGON, 6, (22851.3281, 16551.1797)),
    ],
)
def test_asap(
    test_data: Path, name: str, kind: Kind, count: int, first: tuple[float, float]
) -> None:
    (drawing,) = read_asap((test_data / ASAP.format(name)).read_bytes()).items
    assert drawing.kind is kind
    assert drawing.points.shape == (count, 2)
    assert tuple(drawing.points[0]) == first
    assert drawing.name == "Annotation 0"
    assert drawing.classification == {}
    assert drawing.origin == {"imported": "asap", "colour": "#f4fa58"}


def test_a_group_of_asap_is_a_class() -> None:
    (drawing,) = read_asap(
        b"""<ASAP_Annotations><Annotations>
        <Annotation Name="a" Type="Spline" PartOfGroup="tumor" Color="#F4FA58"><Coordinates>
        <Coordinate Order="2" X="5" Y="9"/><Coordinate Order="0" X="0" Y="0"/>
        <Coordinate Order="1" X="9" Y="1"/></Coordinates></Annotation></Annotations>
        <AnnotationGroups><Group Name="tumor" PartOfGroup="None" Color="#64FE2E"/>
        </AnnotationGroups></ASAP_Annotations>"""
    ).items
    assert drawing.classification == {"name": "tumor", "colour": "#64fe2e"}
    np.testing.assert_array_equal(drawing.points, [(0, 0), (9, 1), (5, 9)])


def test_imagescope(test_data: Path) -> None:
    found = read_imagescope((test_data / IMAGESCOPE).read_bytes())
    assert found.mpp == 0.2521
    assert not found.ignored
    kinds = [(one.kind, one.name) for one in found.items]
    assert kinds[:3] == [(Kind.POLYGON, ""), (Kind.RECTANGLE, "Necrosis"), (Kind.POLYGON, "Fold")]
    assert found.items[0].origin == {"imported": "imagescope", "colour": "#00ff00"}
    np.testing.assert_array_equal(found.items[1].points[0], (36406.388563, 4324.243648))


def region(kind: str, vertices: str, more: str = "") -> bytes:
    return f"""<Annotations><Annotation Name="U" LineColor="255"><Regions>
    <Region Type="{kind}" {more}><Vertices>{vertices}</Vertices></Region>
    </Regions></Annotation></Annotations>""".encode()


def test_imagescope_ellipses_rulers_and_negative_regions() -> None:
    box = '<Vertex X="0" Y="0"/><Vertex X="10" Y="40"/>'
    (ellipse,) = read_imagescope(region("2", box)).items
    assert ellipse.kind is Kind.ELLIPSE
    assert ellipse.points.tolist() == [[5, 0], [5, 40], [0, 20], [10, 20]]
    # 255 is red: the number is 0x00bbggrr
    assert ellipse.classification == {"name": "U", "colour": "#ff0000"}
    assert read_imagescope(region("3", box)).items[0].kind is Kind.ARROW
    assert read_imagescope(region("4", box)).items[0].kind is Kind.LENGTH
    assert read_imagescope(region("1", box)).items[0].kind is Kind.RECTANGLE
    triangle = box + '<Vertex X="9" Y="9"/>'
    (hole,) = read_imagescope(region("0", triangle, 'NegativeROA="1"')).items
    assert hole.origin["negative"] is True
    assert read_imagescope(region("0", "")).ignored[0].count == 1
    assert read_imagescope(region("0", triangle + '<Vertex X="x" Y="9"/>')).ignored[0].count == 1


BOMB = b"""<?xml version="1.0"?><!DOCTYPE Annotations [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<Annotations>&c;</Annotations>"""
STRANGER = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<Annotations><Annotation Name="&x;"/></Annotations>"""


@pytest.mark.parametrize(
    "malice",
    [
        BOMB,
        STRANGER,
        BOMB.decode().encode("utf-16"),
        b"<!DOCTYPE Annotations><Annotations/>",
        b"<Annotations>",
        b"<Annotation/>",
        b"<?xml version='1.0' encoding='no-such'?><Annotations/>",
        b"\0\1\2",
        b"",
    ],
)
def test_harmful_xml_is_refused(malice: bytes) -> None:
    for reader in (read_imagescope, read_asap):
        with pytest.raises(InterchangeError):
            reader(malice)


def test_deep_xml_ends_well() -> None:
    deep = b"<Annotations>" + b"<a>" * 300_000 + b"</a>" * 300_000 + b"</Annotations>"
    assert read_imagescope(deep).items == ()


def test_formats_are_known_by_content(test_data: Path) -> None:
    folder = test_data / "wsi/annotations/wsidicom"
    assert sniff((test_data / IMAGESCOPE).read_bytes()) is Format.IMAGESCOPE
    assert sniff((test_data / ASAP.format("dot")).read_bytes()) is Format.ASAP
    assert sniff((folder / "qupath_geojson/qupath-line.json").read_bytes()) is Format.GEOJSON
    assert (
        sniff((test_data / "wsi/dicom_highdicom_sm/sm_annotations.dcm").read_bytes())
        is Format.DICOM
    )
    assert sniff("\ufeff<Annotations/>".encode()) is Format.IMAGESCOPE
    assert sniff("<Annotations/>".encode("utf-16")) is Format.IMAGESCOPE
    assert sniff(b"%PDF-1.7") is None
    assert sniff(b"") is None
    with pytest.raises(InterchangeError):
        read_drawings(b"[]", Format.GEOJSON)
