"""QuPath's GeoJSON, old and new, both ways (RFC 7946; coordinates are pixels, not degrees)."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugins.interchange.drawing import (
    Drawing,
    Drawings,
    InterchangeError,
    Notes,
    class_of,
    points_of,
)
from plugins.interchange.rings import bridge, ellipse_outline, is_upright_rectangle, rings_of
from plugins.nouns import AnnotationKind as Kind

__all__ = ["read_geojson", "write_geojson"]

_CLOSED = frozenset({Kind.POLYGON, Kind.RECTANGLE, Kind.ELLIPSE})
_POINTS = frozenset({Kind.POINT, Kind.PROBE, Kind.TEXT, Kind.COUNTER})
# kinds QuPath has no word for: how many points tell that a drawing still is one
_OWN_KINDS: Mapping[str, Mapping[Kind, int | None]] = {
    "LineString": {Kind.ANGLE: 3, Kind.ARROW: 2, Kind.FREEHAND: None},
    "Polygon": {Kind.FREEHAND: None},
    "Point": {Kind.TEXT: 1, Kind.PROBE: 1, Kind.COUNTER: 1},
}
_KIND = "hoichan kind"
_UNITS = {"mm": "mm", "mm2": "mm^2", "deg": "deg", "{count}": "", "/mm2": "per mm^2"}


def read_geojson(data: bytes) -> Drawings:
    """Drawings of a Feature, a list of them or a FeatureCollection.

    Raises
    ------
    InterchangeError
        It is no GeoJSON at all. Single features that make no sense are ignored and counted.
    """
    try:
        content = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InterchangeError(
            "Tệp GeoJSON không đọc được.", "The GeoJSON file cannot be read."
        ) from error
    notes = Notes()
    items: list[Drawing] = []
    for feature in _features(content):
        try:
            items += _drawings(feature, notes)
        except (ValueError, TypeError, KeyError, AttributeError):
            notes.ignore("Hình không hợp lệ", "Malformed shape")
    return Drawings(tuple(items), notes.ignored)


def write_geojson(drawings: Iterable[Drawing]) -> bytes:
    """The drawings as a FeatureCollection QuPath opens; coordinates at full precision."""
    collection = {
        "type": "FeatureCollection",
        "features": [_feature(drawing) for drawing in drawings],
    }
    return json.dumps(collection, ensure_ascii=False, allow_nan=False).encode()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _features(content: Any) -> Iterable[Any]:
    if isinstance(content, list):
        return content
    if isinstance(content, dict) and content.get("type") == "FeatureCollection":
        features = content.get("features")
        if isinstance(features, list):
            return features
    if isinstance(content, dict) and content.get("type") == "Feature":
        return [content]
    raise InterchangeError(
        "Tệp JSON này không phải là GeoJSON của QuPath.", "This JSON is no GeoJSON of QuPath's."
    )


def _drawings(feature: Mapping[str, Any], notes: Notes) -> Iterator[Drawing]:
    properties = feature.get("properties") or {}
    said = _said(feature, properties)
    geometry = feature["geometry"]
    plane = geometry.get("plane") or {}
    if plane.get("z") or plane.get("t"):
        said["origin"]["plane"] = {"z": int(plane.get("z", 0)), "t": int(plane.get("t", 0))}
    own = (properties.get("metadata") or {}).get(_KIND)
    yield from _shapes(geometry, said, own, notes)
    nucleus = feature.get("nucleusGeometry")
    if nucleus:
        of_cell = {**said, "id": "", "name": said["name"]}
        of_cell["origin"] = {**said["origin"], "part": "nucleus", "of": said["id"]}
        yield from _shapes(nucleus, of_cell, None, notes)


def _said(feature: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """What is the same for each shape of a feature."""
    given = properties.get("classification") or {}
    if isinstance(given, str):
        given = {"name": given}
    names = given.get("names")
    name = given.get("name") or (": ".join(map(str, names)) if names else "")
    colour = _colour(given.get("color", given.get("colorRGB")))
    own_colour = _colour(properties.get("color"))
    origin: dict[str, Any] = {"imported": "geojson"}
    kind = str(properties.get("objectType") or properties.get("object_type") or "")
    if kind and kind != "annotation":
        origin["object_type"] = kind[:32]
    if properties.get("isLocked"):
        origin["locked"] = True
    if own_colour and not name:
        origin["colour"] = own_colour
    measured = _measured(properties.get("measurements"))
    if measured:
        origin["measured"] = measured
    return {
        "name": str(properties.get("name") or "").strip()[:2000],
        "classification": class_of(name, colour or own_colour),
        "origin": origin,
        "id": _uuid(feature.get("id")),
    }


def _shapes(
    geometry: Mapping[str, Any], said: Mapping[str, Any], own: Any, notes: Notes
) -> Iterator[Drawing]:
    kind: str = geometry["type"]
    coordinates: Any = geometry.get("coordinates")
    match kind:
        case "Point":
            yield Drawing(_own(own, kind, Kind.POINT, 1), points_of([coordinates]), **said)
        case "MultiPoint":
            points = points_of(coordinates)
            yield Drawing(Kind.COUNTER if len(points) > 1 else Kind.POINT, points, **said)
        case "LineString":
            points = points_of(coordinates)
            usual = Kind.LENGTH if len(points) == 2 else Kind.POLYLINE
            if len(points) < 2:
                raise ValueError("a line of one point")
            yield Drawing(_own(own, kind, usual, len(points)), points, **said)
        case "Polygon":
            yield _outline(coordinates, said, own)
        case "MultiLineString" | "MultiPolygon":
            single = kind.removeprefix("Multi")
            parts = list(coordinates)
            if len(parts) > 1:
                group = said["id"] or str(uuid.uuid4())
                said = {**said, "id": "", "origin": {**said["origin"], "group": group}}
            for part in parts:
                yield from _shapes({"type": single, "coordinates": part}, said, own, notes)
        case _:
            notes.ignore(f"Loại hình {kind:.40}", f"Geometry {kind:.40}")


def _outline(coordinates: Any, said: Mapping[str, Any], own: Any) -> Drawing:
    rings = [ring[:-1] if _is_closed(ring) else ring for ring in map(points_of, coordinates)]
    if not rings or any(len(ring) < 3 for ring in rings):
        raise ValueError("an outline of fewer than three points")
    points, counts = bridge(rings)
    rectangle = not counts and is_upright_rectangle(points)
    usual = Kind.RECTANGLE if rectangle else Kind.POLYGON
    if _own(own, "Polygon", usual, len(points)) is Kind.FREEHAND and not counts:
        return Drawing(Kind.FREEHAND, np.vstack([points, points[:1]]), **said)
    return Drawing(usual, points, rings=counts, **said)


def _own(said: Any, geometry: str, usual: Kind, count: int) -> Kind:
    """The kind we wrote ourselves, where the shape still is of that kind."""
    for kind, needed in _OWN_KINDS[geometry].items():
        if said == str(kind) and needed in (None, count):
            return kind
    return usual


def _is_closed(ring: NDArray[np.float64]) -> bool:
    return len(ring) > 1 and np.array_equal(ring[0], ring[-1])


def _colour(given: Any) -> str | None:
    """``#rrggbb`` of [r, g, b] or of a packed ARGB integer."""
    if isinstance(given, int) and not isinstance(given, bool):
        return f"#{given & 0xFFFFFF:06x}"
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) >= 3:
        try:
            return "#" + "".join(f"{min(max(int(one), 0), 255):02x}" for one in given[:3])
        except (TypeError, ValueError, OverflowError):
            return None
    return None


def _measured(given: Any) -> dict[str, float]:
    """Measurements of the other program: kept as they were, and never taken for ours."""
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, Sequence) and not isinstance(given, str):
        pairs = [(one.get("name"), one.get("value")) for one in given if isinstance(one, Mapping)]
    else:
        return {}
    return {
        str(name)[:64]: float(value)
        for name, value in pairs[:100]
        if isinstance(value, int | float) and abs(value) < 1e300
    }


def _uuid(given: Any) -> str:
    try:
        return str(uuid.UUID(str(given)))
    except ValueError:
        return ""


def _feature(drawing: Drawing) -> dict[str, Any]:
    geometry = _geometry(drawing)
    shape = str(geometry["type"])
    properties: dict[str, Any] = {"objectType": "annotation"}
    if drawing.name:
        properties["name"] = drawing.name
    if drawing.classification:
        colour = str(drawing.classification["colour"])
        rgb = [int(colour[first : first + 2], 16) for first in (1, 3, 5)]
        properties["classification"] = {"name": drawing.classification["name"], "color": rgb}
    properties["isLocked"] = bool(drawing.origin.get("locked"))
    if drawing.measurements:
        properties["measurements"] = {
            f"{one['name']} {_UNITS.get(str(one['unit']), one['unit'])}".strip(): one["value"]
            for one in drawing.measurements
        }
    if drawing.kind in _OWN_KINDS.get(shape, {}):
        properties["metadata"] = {_KIND: str(drawing.kind)}
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    return {"id": drawing.id, **feature} if drawing.id else feature


def _geometry(drawing: Drawing) -> dict[str, Any]:
    points = drawing.points
    closed = drawing.kind in _CLOSED
    if drawing.kind is Kind.ELLIPSE:
        points = ellipse_outline(points)
    if drawing.kind is Kind.FREEHAND and len(points) > 3 and _is_closed(points):
        points, closed = points[:-1], True
    if closed:
        rings = rings_of(points, drawing.rings)
        return {
            "type": "Polygon",
            "coordinates": [np.vstack([ring, ring[:1]]).tolist() for ring in rings],
        }
    if drawing.kind not in _POINTS:
        return {"type": "LineString", "coordinates": points.tolist()}
    if len(points) == 1:
        return {"type": "Point", "coordinates": points[0].tolist()}
    return {"type": "MultiPoint", "coordinates": points.tolist()}
