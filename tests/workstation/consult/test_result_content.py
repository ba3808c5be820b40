"""A result survives its way through JSON, and one that is not sound is turned away."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom.sr.coding import Code

from plugins import testing
from plugins.nouns import Text
from plugins.results import (
    Chart,
    Control,
    ControlKind,
    Curve,
    Grade,
    Handle,
    HandleKind,
    Layer,
    LayerKind,
    Result,
    Step,
    Table,
    Value,
)
from plugins.testing import uid
from workstation.consult.result_content import Unsound, decode, encode, hash_of, require_sound

WORD = Text("Chữ", "Word")
ML = Code("mL", "UCUM", "milliliter")
FILES = {"dtype": "|u1", "shape": [2, 8, 8], "sha256": "0" * 64}


def whole() -> Result:
    """A result that has everything."""
    made = testing.result()
    left = Code("7771000", "SCT", "Left")
    return replace(
        made,
        grade=Grade.AMBER,
        reasons=(WORD, Text("Nghiêng", "Tilted")),
        reason=WORD,
        summary=WORD,
        values=(
            *made.values,
            Value("none", WORD, None, ML, low=1.0, high=2.5, note=WORD, laterality=left),
        ),
        handles=(
            Handle("line", HandleKind.LINE, WORD, ((0.0, 1.0, 2.0), (3.0, 4.0, 5.0)), uid("s")),
        ),
        controls=(
            Control("n", WORD, ControlKind.NUMBER, 1.5, "s", 0.0, 2.0, 0.5, help=WORD),
            Control("c", WORD, ControlKind.CHOICE, "a", choices=(("a", WORD), ("b", WORD))),
            Control("s", WORD, ControlKind.SWITCH, True),
        ),
        charts=(
            Chart(
                "c",
                WORD,
                WORD,
                WORD,
                (Curve(WORD, (0.0, 1.0), (2.0, 3.0), (1, 2, 3)),),
                ((1.0, WORD),),
            ),
        ),
        tables=(Table("t", WORD, (WORD, WORD), ((WORD, WORD), (WORD, WORD)), WORD),),
        steps=(Step(WORD, 0.25, WORD), Step(WORD, 1.0)),
        parameters={"lambda": 0.1, "names": ["a", "b"], "deep": {"x": None, "y": True}},
        alternatives=((uid("other"), WORD),),
        form="aspects",
        detail={"regions": [{"key": "M1", "state": "normal"}]},
    )


def test_what_comes_back_is_what_was_kept() -> None:
    made = whole()
    content = encode(made, {"lesion": FILES})
    assert json.loads(json.dumps(content)) == content
    assert content["layers"][0]["sha256"] == FILES["sha256"]
    asked: list[Any] = []

    def load(layer: Any) -> Any:
        asked.append(layer)
        return made.layers[0].array

    again = decode(content, load)
    assert again == made
    assert type(again.grade) is Grade
    assert asked == []  # nothing is read before somebody wants it
    assert again.layers[0].load is not None
    np.testing.assert_array_equal(again.layers[0].load(), made.layers[0].array)
    assert asked == [content["layers"][0]]
    assert encode(again, {"lesion": FILES}) == content


def test_numbers_of_arrays_are_numbers() -> None:
    value = replace(testing.result().values[0], value=np.float32(0.5), digits=np.int64(2))  # type: ignore[arg-type]
    content = encode(replace(whole(), values=(value,)), {"lesion": FILES})
    assert (content["values"][0]["value"], content["values"][0]["digits"]) == (0.5, 2)


def test_a_field_that_came_later_has_its_default() -> None:
    content = encode(testing.result(), {"lesion": FILES})
    del content["layers"][0]["is_exported"], content["alternatives"]
    content["some_day"] = 1
    assert decode(content, lambda _: np.empty(0)) == testing.result()


def test_the_hash_is_of_result_and_corrections() -> None:
    content = encode(testing.result(), {"lesion": FILES})
    first = hash_of(content, {})
    assert first == hash_of(json.loads(json.dumps(content)), {})
    assert first != hash_of(content, {"rejected": ["a"]})
    assert first != hash_of({**content, "grade": "red"}, {})


def layer(**changes: Any) -> Layer:
    return replace(testing.result().layers[0], **changes)


NAN = np.full((2, 8, 8), np.nan, np.float32)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"analysis": "other"}, "another analysis"),
        ({"study_instance_uid": "1.2"}, "another analysis or study"),
        ({"values": testing.result().values * 2}, "two of its values"),
        ({"layers": (layer(), layer())}, "two of its layers"),
        ({"layers": (layer(key="../up"),)}, "a layer's key"),
        ({"layers": (layer(array=np.zeros((2, 8, 8), np.int16)),)}, "is uint8"),
        ({"layers": (layer(kind=LayerKind.MAP),)}, "is float32"),
        ({"layers": (layer(kind=LayerKind.MAP, array=NAN),)}, "NaN"),
        ({"layers": (layer(array=np.zeros((8, 8), np.uint8)),)}, "shape"),
        ({"layers": (layer(array=np.zeros((0, 8, 8), np.uint8), frames=()),)}, "shape"),
        ({"layers": (layer(kind=LayerKind.PICTURE),)}, "shape"),
        ({"layers": (layer(frames=(("1.2", 1),)),)}, "2 slices, but 1 frames"),
    ],
)
def test_a_result_that_is_not_sound_is_refused(changes: dict[str, Any], reason: str) -> None:
    made = replace(testing.result(), **changes)
    with pytest.raises(Unsound, match=reason):
        require_sound(made, "lesion", uid("study"))


def test_only_a_result_is_one() -> None:
    with pytest.raises(Unsound, match="not a Result"):
        require_sound({"analysis": "lesion"}, "lesion", uid("study"))
    assert require_sound(testing.result(), "lesion", uid("study")) == testing.result()


@pytest.mark.parametrize(
    "detail",
    [
        {"x": float("nan")},
        {"x": float("inf")},
        {"x": object()},
        {"x": b"bytes"},
        {"x": "\ud800"},
        {"x": "y" * 5_000_000},
    ],
)
def test_what_json_cannot_hold_is_refused(detail: dict[str, Any]) -> None:
    with pytest.raises(Unsound):
        encode(replace(testing.result(), detail=detail), {"lesion": FILES})
