import pytest
from starlette.requests import Request

from dicom_node.web.media import accepted, first_covered, parse_accept


def request(accept: str = "", query: str = "") -> Request:
    headers = [(b"accept", accept.encode())] if accept else []
    scope = {"type": "http", "headers": headers, "query_string": query.encode(), "method": "GET"}
    return Request(scope)


def test_quality_orders_and_zero_excludes() -> None:
    ranges = parse_accept("image/png;q=0.5, image/jpeg, image/gif;q=0, text/html;q=0.9")
    assert [one.type for one in ranges] == ["image/jpeg", "text/html", "image/png"]


@pytest.mark.parametrize(
    "text",
    [
        'multipart/related; type="image/jphc"; transfer-syntax=1.2.840.10008.1.2.4.201',
        "multipart/related;type=image/jphc;transfer-syntax=1.2.840.10008.1.2.4.201",
        'Multipart/Related; Type="image/jphc"; transfer-syntax="1.2.840.10008.1.2.4.201"',
    ],
)
def test_multipart_is_its_payload(text: str) -> None:
    (one,) = parse_accept(text)
    assert one.multipart
    assert one.type == "image/jphc"
    assert one.syntaxes == ("1.2.840.10008.1.2.4.201",)


def test_two_transfer_syntaxes_in_one_range_keep_their_order() -> None:
    (one,) = parse_accept(
        'multipart/related; type="image/jls"; '
        'transfer-syntax="1.2.840.10008.1.2.4.80"; transfer-syntax="*"'
    )
    assert one.syntaxes == ("1.2.840.10008.1.2.4.80", "*")


def test_commas_and_semicolons_within_quotes_part_nothing() -> None:
    ranges = parse_accept('multipart/related; type="a,b;c/d"; q=0.5, image/png')
    assert [one.type for one in ranges] == ["image/png", "a,b;c/d"]


@pytest.mark.parametrize("text", ["", "nonsense", ";;;,,,", "q=1", "image/png;q=zero"])
def test_nonsense_accepts_nothing_or_anything_but_never_fails(text: str) -> None:
    assert parse_accept(text) == []
    assert accepted(request(text))[0].is_any


def test_the_query_wins_over_the_header() -> None:
    found = accepted(request("application/json", "accept=image/png"))
    assert [one.type for one in found] == ["image/png"]
    found = accepted(request("image/png", "accept=application/dicom+json"))
    assert first_covered(found, ("application/dicom+json",))


def test_wildcards_cover() -> None:
    (image,) = parse_accept("image/*")
    assert image.covers("image/png")
    assert not image.covers("imagex/png")
    (anything,) = parse_accept("*/*")
    assert anything.covers("application/pdf")
    (star,) = parse_accept("*")
    assert star.is_any


def test_an_endless_header_is_cut() -> None:
    assert len(parse_accept("image/png," * 10_000)) <= 64
