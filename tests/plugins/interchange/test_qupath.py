"""QuPath's own files are understood, ours come back, and malice is refused in words."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.interchange import Drawing, InterchangeError, read_geojson, write_geojson
from plugins.interchange.drawing import Drawings
from plugins.nouns import AnnotationKind as Kind

REAL = {
    "qupath-brush": Kind.POLYGON,
    "qupath-ellipse": Kind.POLYGON,
    "qupath-line": Kind.LENGTH,
    "qupath-multipoint": Kind.COUNTER,
    "qupath-point": Kind.POINT,
    "qupath-polygon": Kind.POLYGON,
    "qupath-polyline": Kind.POLYLINE,
    "qupath-rectangle": Kind.RECTANGLE,
    "qupath-wand": Kind.POLYGON,
}


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": properties,
    }


def read(*features: Any) -> Drawings:
    return read_geojson(json.dumps({"type": "FeatureCollection", "features": features}).encode())


@pytest.mark.parametrize(("name", "kind"), REAL.items())
def test_every_shape_of_qupath(test_data: Path, name: str, kind: Kind) -> None:
    path = test_data / "wsi/annotations/wsidicom/qupath_geojson" / f"{name}.json"
    (drawing,) = read_geojson(path.read_bytes()).items
    assert drawing.kind is kind
    said = json.loads(path.read_bytes())["geometry"]["coordinates"]
    numbers = np.array([float(one) for one in re.findall(r"-?[\d.]+", json.dumps(said))])
    closing = 1 if kind in (Kind.POLYGON, Kind.RECTANGLE) else 0
    np.testing.assert_array_equal(drawing.points.ravel(), numbers[: len(numbers) - 2 * closing])


def test_cells_have_their_class_and_colour(test_data: Path) -> None:
    folder = test_data / "wsi/annotations/wsidicom/qupath_geojson_advanced"
    read_in = read_geojson((folder / "qupath-polygon-cell-classified.json").read_bytes())
    assert len(read_in.items) == 4
    assert not read_in.ignored
    assert read_in.items[0].name == "Erythrocytes 2"
    # -8397766 is ARGB FF 7F DC 3A
    assert read_in.items[0].classification == {"name": "Cell", "colour": "#7fdc3a"}


def test_new_qupath_speaks_otherwise() -> None:
    said = feature(
        "Polygon",
        [[[0, 0], [9, 0], [5, 9], [0, 0]]],
        objectType="cell",
        name="c1",
        classification={"names": ["Tumor", "Positive"], "color": [200, 0, 0]},
        isLocked=True,
        measurements={"Nucleus: Area": 31.5, "DAB: Mean": "NaN"},
    )
    said["id"] = "0b2d5a5e-6f1a-4a0c-9f2b-2f6f2f9e7a11"
    said["nucleusGeometry"] = {"type": "Polygon", "coordinates": [[[2, 2], [4, 2], [3, 4], [2, 2]]]}
    cell, nucleus = read(said).items
    assert cell.id == said["id"]
    assert cell.classification == {"name": "Tumor: Positive", "colour": "#c80000"}
    assert cell.origin == {
        "imported": "geojson",
        "object_type": "cell",
        "locked": True,
        "measured": {"Nucleus: Area": 31.5},
    }
    assert nucleus.origin["part"] == "nucleus"
    assert nucleus.origin["of"] == cell.id
    assert nucleus.id == ""


def test_holes_and_parts_stay() -> None:
    outer = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
    inner = [[2, 2], [2, 4], [4, 4], [4, 2], [2, 2]]
    far = [[20, 20], [30, 20], [25, 30], [20, 20]]
    first, second = read(feature("MultiPolygon", [[outer, inner], [far]])).items
    assert first.rings == (4, 4)
    assert first.origin["group"] == second.origin["group"]
    again = json.loads(write_geojson([first, second]))["features"]
    assert again[0]["geometry"]["coordinates"] == [outer, inner]
    assert again[1]["geometry"]["coordinates"] == [far]


coordinate = st.floats(-1e7, 1e7)
SHAPES = {
    Kind.LENGTH: 2,
    Kind.ANGLE: 3,
    Kind.PROBE: 1,
    Kind.ARROW: 2,
    Kind.POINT: 1,
    Kind.POLYLINE: 4,
    Kind.POLYGON: 5,
    Kind.FREEHAND: 6,
    Kind.COUNTER: 7,
    Kind.TEXT: 1,
}


@given(st.sampled_from(list(SHAPES)), st.data())
def test_what_we_write_comes_back_to_the_last_bit(kind: Kind, data: st.DataObject) -> None:
    points = data.draw(
        st.lists(
            st.tuples(coordinate, coordinate),
            min_size=SHAPES[kind],
            max_size=SHAPES[kind],
            unique=True,
        )
    )
    classification = {"name": "U biểu mô", "colour": "#c80013"}
    before = Drawing(kind, np.array(points), "tên", classification, origin={"locked": True})
    (after,) = read_geojson(write_geojson([before])).items
    assert after.kind is kind
    np.testing.assert_array_equal(after.points, before.points)
    assert (after.name, after.classification) == (before.name, classification)
    assert after.origin["locked"] is True


def test_an_ellipse_becomes_a_polygon_and_a_rectangle_stays() -> None:
    ends = np.array([(0.0, 50.0), (100.0, 50.0), (50.0, 20.0), (50.0, 80.0)])
    (ellipse,) = read_geojson(write_geojson([Drawing(Kind.ELLIPSE, ends)])).items
    assert ellipse.kind is Kind.POLYGON
    assert ellipse.points.min(axis=0) == pytest.approx((0, 20), abs=0.3)
    corners = np.array([(1.0, 1.0), (8.5, 1.0), (8.5, 4.0), (1.0, 4.0)])
    (rectangle,) = read_geojson(write_geojson([Drawing(Kind.RECTANGLE, corners)])).items
    assert rectangle.kind is Kind.RECTANGLE
    np.testing.assert_array_equal(rectangle.points, corners)


def test_measurements_go_out_with_their_units() -> None:
    area = {"name": "area", "value": 0.5, "unit": "mm2"}
    drawing = Drawing(Kind.POINT, np.zeros((1, 2)), measurements=(area,))
    (said,) = json.loads(write_geojson([drawing]))["features"]
    assert said["properties"]["measurements"] == {"area mm^2": 0.5}


@pytest.mark.parametrize(
    "malice",
    [
        b"",
        b"{",
        b"42",
        b'{"type": "Topology"}',
        b'{"type": "FeatureCollection", "features": 3}',
        b"[" * 200_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'[{"type": "Feature", "geometry": {"type": "Point", "coordinates": [NaN, 1]}}]',
        b'[{"type": "Feature", "geometry": {"type": "Point", "coordinates": [Infinity, 1]}}]',
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_geojson_is_refused(malice: bytes) -> None:
    with pytest.raises(InterchangeError) as refused:
        read_geojson(malice)
    assert refused.value.text.vi
    assert refused.value.text.en


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        7,
        {},
        feature("Point", None),
        feature("Point", [1]),
        feature("Point", [1e999, 1]),
        feature("Point", [10**400, 1]),
        feature("Point", ["a", "b"]),
        feature("Point", [[[[[[1]]]]]]),
        feature("LineString", [[1, 1]]),
        feature("Polygon", [[[1, 1], [2, 2], [1, 1]]]),
        feature("Polygon", []),
        feature("Polygon", [[[0, 0], [1, 0], [1, 1]], [[0, 0]]]),
        feature("MultiPolygon", None),
        feature("GeometryCollection", []),
        feature("Point", [1e8, 1]),
        {**feature("Point", [1, 1]), "properties": [1]},
        {**feature("Point", [1, 1]), "geometry": None},
    ],
)
def test_a_senseless_feature_is_ignored_and_counted(nonsense: Any) -> None:
    text = json.dumps([feature("Point", [1, 2]), nonsense]).replace("Infinity", "1e999")
    found = read_geojson(text.encode())
    assert len(found.items) == 1
    assert sum(one.count for one in found.ignored) == 1


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats(allow_nan=False)
        | st.text(max_size=5)
        | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "geometry",
                        "type",
                        "coordinates",
                        "properties",
                        "classification",
                        "measurements",
                        "name",
                        "color",
                        "names",
                        "plane",
                        "metadata",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_properties_are_survived(properties: Any) -> None:
    said = {**feature("Point", [1, 2]), "properties": properties}
    found = read_geojson(json.dumps([said]).replace("Infinity", "1e999").encode())
    assert len(found.items) + sum(one.count for one in found.ignored) == 1
