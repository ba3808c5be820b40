"""Results as JSON and back: everything but the arrays, which are files beside them.

Text becomes ``{"vi", "en"}``, Code ``{"value", "scheme_designator", "meaning"}``; a layer has
``dtype``, ``shape`` and ``sha256`` of its file instead of its array.
"""

import hashlib
import json
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydicom.sr.coding import Code

from plugins.nouns import Text
from plugins.results import Layer, LayerKind, Result

__all__ = ["Unsound", "decode", "decode_layer", "encode", "hash_of", "require_sound"]

LONGEST_CONTENT = 4_000_000
MOST_LAYERS = 64
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DTYPES = {
    LayerKind.MASK: np.uint8,
    LayerKind.MAP: np.float32,
    LayerKind.PICTURE: np.uint8,
    LayerKind.POINTS: np.float32,
}
# sizes of an array's axes; 0 is any
_SHAPES = {
    LayerKind.MASK: (0, 0, 0),
    LayerKind.MAP: (0, 0, 0),
    LayerKind.PICTURE: (0, 0, 0, 3),
    LayerKind.POINTS: (0, 3),
}
_FILE_FIELDS = ("dtype", "shape", "sha256")

LoadLayer = Callable[[Mapping[str, Any]], NDArray[Any]]


class Unsound(ValueError):
    """A guest's result is not what `plugins.results` promises; says where."""


def require_sound(result: object, analysis: str, study_instance_uid: str) -> Result:
    """The result, if host and viewers can rely on its form.

    Raises
    ------
    Unsound
    """
    if not isinstance(result, Result):
        raise Unsound(f"compute returned a {type(result).__name__}, not a Result")
    if result.analysis != analysis or result.study_instance_uid != study_instance_uid:
        raise Unsound("the result is of another analysis or study")
    if len(result.layers) > MOST_LAYERS:
        raise Unsound(f"more than {MOST_LAYERS} layers")
    for name, items in (
        ("value", result.values),
        ("layer", result.layers),
        ("handle", result.handles),
        ("control", result.controls),
    ):
        keys = [item.key for item in items]
        if len(keys) != len(set(keys)):
            raise Unsound(f"two of its {name}s have the same key")
    for layer in result.layers:
        _require_sound_layer(layer)
    return result


def encode(result: Result, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The result as JSON values.

    Parameters
    ----------
    files : mapping
        Layer key to ``dtype``, ``shape`` and ``sha256`` of its file.

    Raises
    ------
    Unsound
        It holds what JSON cannot (NaN, an object), or too much.
    """
    content = {
        field.name: _plain(getattr(result, field.name))
        for field in fields(Result)
        if field.name != "layers"
    }
    content["layers"] = [
        {
            **{
                field.name: _plain(getattr(layer, field.name))
                for field in fields(Layer)
                if field.name not in ("array", "load")
            },
            **{name: files[layer.key][name] for name in _FILE_FIELDS},
        }
        for layer in result.layers
    ]
    try:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise Unsound(f"the result cannot be written as JSON: {error}") from None
    if len(text) > LONGEST_CONTENT:
        raise Unsound(f"without its layers the result is longer than {LONGEST_CONTENT} letters")
    kept: dict[str, Any] = json.loads(text)
    return kept


def decode(content: Mapping[str, Any], load: LoadLayer) -> Result:
    """The result that `encode` wrote; ``load(layer as JSON)`` reads a layer's array."""
    result: Result = _decoded(Result, {**content, "layers": ()})
    layers = tuple(decode_layer(one, load) for one in content["layers"])
    return replace(result, layers=layers)


def decode_layer(said: Mapping[str, Any], load: LoadLayer) -> Layer:
    """One layer of a result's JSON."""
    layer: Layer = _decoded(Layer, {k: v for k, v in said.items() if k not in _FILE_FIELDS})
    return replace(layer, load=lambda: load(said))


def hash_of(content: Mapping[str, Any], edits: Mapping[str, Any]) -> str:
    """SHA-256 of a result and the corrections it came from, in hexadecimal."""
    text = json.dumps(
        {"content": content, "edits": edits},
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _require_sound_layer(layer: Layer) -> None:
    if not _KEY.fullmatch(layer.key):
        raise Unsound(f"a layer's key is of 1-64 letters, digits and _.-, not {layer.key!r}")
    kind = LayerKind(layer.kind)
    shape = layer.array.shape
    if layer.array.dtype != _DTYPES[kind]:
        raise Unsound(f"layer {layer.key}: a {kind} is {_DTYPES[kind].__name__}")
    expected = _SHAPES[kind]
    fits = len(shape) == len(expected) and all(
        size in (0, have) for size, have in zip(expected, shape, strict=True)
    )
    if not fits or 0 in shape:
        raise Unsound(f"layer {layer.key}: a {kind} cannot have the shape {shape}")
    slices = 0 if kind is LayerKind.POINTS else shape[0]
    if len(layer.frames) != slices:
        raise Unsound(f"layer {layer.key}: {slices} slices, but {len(layer.frames)} frames")
    if kind in (LayerKind.MAP, LayerKind.POINTS) and not np.isfinite(layer.array).all():
        raise Unsound(f"layer {layer.key}: NaN or infinity among its values")


def _plain(value: Any) -> Any:
    if isinstance(value, Code):
        return {
            "value": value.value,
            "scheme_designator": value.scheme_designator,
            "meaning": value.meaning,
        }
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


@cache
def _hints(dataclass_: type) -> dict[str, Any]:
    return get_type_hints(dataclass_, localns={"Code": Code})


def _decoded(dataclass_: Any, said: Mapping[str, Any]) -> Any:
    """An instance of `dataclass_`; fields that an older version did not write have defaults."""
    hints = _hints(dataclass_)
    return dataclass_(
        **{name: _value(hints[name], one) for name, one in said.items() if name in hints}
    )


def _value(hint: Any, said: Any) -> Any:
    if said is None:
        return None
    if hint is Text and isinstance(said, str):
        return Text(said, said)  # results of an older version have methods of one string
    if hint is Text or hint is Code:
        return hint(**said)
    if isinstance(hint, type) and is_dataclass(hint):
        return _decoded(hint, said)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(said)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        first = next(one for one in arguments if one is not type(None))
        return _value(first, said) if type(None) in arguments else said
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(_value(arguments[0], one) for one in said)
        return tuple(_value(*pair) for pair in zip(arguments, said, strict=True))
    return said
