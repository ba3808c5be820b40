"""Numbers as people read them."""

import pytest
from pydicom.sr.coding import Code

from dicom_node.objects import codes
from dicom_node.objects.content import Value
from dicom_node.objects.values import describe_value


@pytest.mark.parametrize(
    ("unit", "number", "said"),
    [
        ("{nuclei}", 169.0, "nuclei 169"),
        ("{score}", 8.0, "nuclei 8"),
        ("1", 0.25, "nuclei 0,25"),
        ("{pixels}", 12.0, "nuclei 12,0 px"),
        ("/mm2", 5565.0, "nuclei 5565/mm²"),
        ("mm2", 0.03, "nuclei 0,03 mm²"),
        ("[hnsf'U]", 41.0, "nuclei 41,0 HU"),
        ("10*3.{cells}", 2.0, "nuclei 2,00 10*3.{cells}"),
    ],
)
def test_what_is_counted_is_no_unit(unit: str, number: float, said: str) -> None:
    value = Value(
        name=codes.MEASURED_VALUE, number=number, unit=Code(unit, "UCUM", unit), label="nuclei"
    )
    assert describe_value(value, "vi") == said
