"""Slides in a real browser: what lies where, in which colours, at which magnification."""

import io
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.dicom_node.slides.glass import Glass, put, tile_colour
from tests.viewers.slidedriver import lay, map_pixels, opened, sharp, stage_pixels, until, view
from tests.viewers.slidesite import SlideSite
from tests.viewers.tissue import red_for_blue, tissue_slide

pytestmark = pytest.mark.usefixtures("bundle")

TILE = 128
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def tiled(make_slides: Callable[..., SlideSite]) -> SlideSite:
    """1000 x 700 at 0.5 µm, and a third of it: no power of two, borders that cut tiles."""
    glass = Glass()
    whole = glass.level(1000, 700, (TILE, TILE), spacing=0.0005)
    third = glass.level(
        334, 234, (64, 64), spacing=0.0015, pixels=lambda *_: np.full((64, 64, 3), 200, np.uint8)
    )
    return make_slides(whole, third, base="/hoichan")


def colour_of(x: float, y: float) -> tuple[int, int, int]:
    return tile_colour(0, 0, int(y // TILE), int(x // TILE))


def seen_at(page: Page, x: float, y: float, pane: int = 0) -> np.ndarray:
    """The colour drawn where a level-0 pixel lies on the screen."""
    here = view(page, pane)
    pixels = stage_pixels(page, pane)
    height, width = pixels.shape[:2]
    column, row = here.on_screen((x, y), (width, height))
    return pixels[round(row), round(column)].astype(int)


def test_every_tile_lies_where_it_belongs(tiled: SlideSite, open_page: Open) -> None:
    page = opened(open_page(tiled.page()))
    page.keyboard.press("7")
    sharp(page, scale=1)
    for row in range(6):
        for column in range(8):
            x, y = min(column * TILE + 60, 990), min(row * TILE + 60, 690)
            here = view(page)
            if abs(x - here.x) < 600 and abs(y - here.y) < 320:
                assert np.abs(seen_at(page, x, y) - colour_of(x, y)).max() <= 4, (x, y)


def test_borders_of_tiles_and_of_the_slide_are_sharp(tiled: SlideSite, open_page: Open) -> None:
    page = opened(open_page(tiled.page()))
    page.keyboard.press("7")
    sharp(page, scale=1)
    for x in (4 * TILE - 3, 4 * TILE + 3, 996):
        assert np.abs(seen_at(page, x, 300) - colour_of(x, 300)).max() <= 6, x
    # beyond the slide: the viewer's own ground, not a padded tile
    assert seen_at(page, 1006, 300).max() < 40


def test_a_small_level_is_shown_from_afar(tiled: SlideSite, open_page: Open) -> None:
    page = opened(open_page(tiled.page()))
    here = view(page)
    page.keyboard.press("2")
    sharp(page, scale=0.125)
    assert here.scale > 0.125
    for x, y in ((20, 20), (500, 350), (980, 680)):
        assert np.abs(seen_at(page, x, y) - 200).max() <= 4


@pytest.mark.parametrize("degrees", [90, 35])
def test_a_turned_and_mirrored_slide_is_drawn_and_told_alike(
    tiled: SlideSite, open_page: Open, degrees: int
) -> None:
    page = opened(open_page(tiled.page()))
    page.keyboard.press("7")
    page.locator(".hs-angle").fill(str(degrees))
    page.locator(".hs-angle").press("Enter")
    page.locator(".hs-stages").click(position={"x": 5, "y": 400})
    page.keyboard.press("f")
    sharp(page, scale=1)
    here = view(page)
    assert here.flipped
    assert here.degrees == pytest.approx(degrees)
    for x, y in ((400, 300), (500, 450), (600, 200), (450, 330)):
        if min(x % TILE, y % TILE, -x % TILE, -y % TILE) > 5:
            assert np.abs(seen_at(page, x, y) - colour_of(x, y)).max() <= 6, (x, y)


def test_what_has_not_come_is_hatched_and_what_is_glass_is_glass(
    make_slides: Callable[..., SlideSite], open_page: Open
) -> None:
    coming, bare = Glass(), Glass()
    # the second of two parts is still on its way
    first = coming.level(
        512,
        512,
        (256, 256),
        frames=slice(0, 2),
        ConcatenationUID="1.2.826.0.1.3680043.8.498.7",
        SOPInstanceUIDOfConcatenationSource="1.2.826.0.1.3680043.8.498.8",
        InConcatenationNumber=1,
        InConcatenationTotalNumber=2,
        ConcatenationFrameOffsetNumber=0,
    )
    sparse = bare.level(512, 512, (256, 256), sparse=[(0, 0, 0, 0), (0, 0, 1, 1)])
    site = make_slides(first, sparse)

    slides = {}
    page = opened(open_page(site.page()))
    for one in (first, sparse):
        lay(page, site.slide(one.SeriesInstanceUID))
        page.keyboard.press("7")
        sharp(page, scale=1)
        part = stage_pixels(page)
        here = view(page)
        height, width = part.shape[:2]
        left, top = map(round, here.on_screen((0, 256), (width, height)))
        middle = part[top + 20 : top + 236, left + 20 : left + 236].astype(int)
        slides[page.locator(".hs-pane").get_attribute("data-slide")] = middle
    hatched = slides[site.slide(first.SeriesInstanceUID)]
    glass = slides[site.slide(sparse.SeriesInstanceUID)]
    assert hatched.max() < 180
    assert hatched.std() > 8
    assert glass.min() > 200
    assert glass.std() < 1


def test_magnification_is_told_from_micrometres(tiled: SlideSite, open_page: Open) -> None:
    page = opened(open_page(tiled.page()))
    power = page.locator(".hs-power")
    for key, words, scale in (("1", "1,25×", 0.0625), ("3", "5×", 0.25), ("5", "20×", 1)):
        page.keyboard.press(key)
        sharp(page, scale=scale)
        expect(power).to_contain_text(words)
        expect(power).not_to_contain_text("số hóa")
    page.keyboard.press("6")
    sharp(page, scale=2)
    expect(power).to_contain_text("40×")
    expect(power).to_contain_text("số hóa")
    # never beyond twice the native resolution
    for _ in range(4):
        page.keyboard.press("+")
    sharp(page)
    assert view(page).scale == pytest.approx(2)
    bar = page.locator(".hs-bar i").bounding_box()
    assert bar is not None
    expect(page.locator(".hs-bar")).to_contain_text("20 µm")
    assert bar["width"] == pytest.approx(20 / 0.25, abs=1)


def test_arrows_and_letters_go_four_fifths_of_a_field(tiled: SlideSite, open_page: Open) -> None:
    page = opened(open_page(tiled.page(), width=900, height=640))
    page.keyboard.press("6")
    sharp(page, scale=2)
    box = page.locator(".hs-stages").bounding_box()
    assert box is not None
    before = view(page)
    page.keyboard.press("ArrowRight")
    sharp(page)
    assert view(page).x - before.x == pytest.approx(0.8 * box["width"] / 2, abs=1)
    page.keyboard.press("a")
    page.keyboard.press("w")
    sharp(page)
    after = view(page)
    assert after.x == pytest.approx(before.x, abs=1)
    assert before.y - after.y == pytest.approx(0.8 * box["height"] / 2, abs=1)


def test_colours_are_corrected_by_the_profile_unless_asked_not_to(
    make_slides: Callable[..., SlideSite], open_page: Open
) -> None:
    def flat(*_: int) -> np.ndarray:
        return np.tile(np.array([210, 120, 40], np.uint8), (256, 256, 1))

    with_profile, without = Glass(), Glass()
    coloured = with_profile.level(
        512, 512, (256, 256), pixels=flat, OpticalPathSequence=[red_for_blue()]
    )
    plain = without.level(512, 512, (256, 256), pixels=flat)
    site = make_slides(coloured, plain)
    page = opened(open_page(site.page()))
    lay(page, site.slide(coloured.SeriesInstanceUID))
    page.keyboard.press("7")
    sharp(page, scale=1)
    assert np.abs(seen_at(page, 200, 200) - (40, 120, 210)).max() <= 6
    until(page, lambda: redness_of_map(page) < -100)
    expect(page.locator(".hs-badges")).to_be_empty()
    page.keyboard.press("Shift+I")
    expect(page.locator(".hs-badges")).to_contain_text("tắt hiệu chỉnh màu")
    until(page, lambda: np.abs(seen_at(page, 200, 200) - (210, 120, 40)).max() <= 6)
    # the small map beside it, too, and back with it
    until(page, lambda: redness_of_map(page) > 30)
    page.keyboard.press("Shift+I")
    expect(page.locator(".hs-badges")).to_be_empty()
    until(page, lambda: redness_of_map(page) < -100)
    lay(page, site.slide(plain.SeriesInstanceUID))
    expect(page.locator(".hs-badges")).to_contain_text("ICC")


def redness_of_map(page: Page) -> int:
    """Red less blue in a corner of the small map; what was looked at is tinted blue there."""
    red, _, blue = map_pixels(page)[4, 4].astype(int)
    return int(red - blue)


def test_a_stain_view_says_that_it_is_one(tiled: SlideSite, open_page: Open) -> None:
    page = opened(open_page(tiled.page()))
    page.keyboard.press("7")
    sharp(page, scale=1)
    own = seen_at(page, 500, 350)
    page.keyboard.press("i")
    page.get_by_label("Tách Eosin").check()
    expect(page.locator(".hs-watermark")).to_contain_text("không phải màu gốc")
    until(page, lambda: np.abs(seen_at(page, 500, 350) - own).max() > 20)
    page.get_by_label("Màu gốc").check()
    expect(page.locator(".hs-watermark")).to_be_hidden()
    until(page, lambda: np.abs(seen_at(page, 500, 350) - own).max() <= 1)


def test_channels_are_added_up_and_can_be_turned_off(
    make_slides: Callable[..., SlideSite], open_page: Open
) -> None:
    def grey(path: int, *_: int) -> np.ndarray:
        return np.full((256, 256), (80, 160)[path], np.uint8)

    glass = Glass()
    slide = glass.level(512, 512, (256, 256), paths=("DAPI", "FITC"), pixels=grey)
    page = opened(open_page(make_slides(slide).page()))
    page.keyboard.press("7")
    sharp(page, scale=1)
    page.keyboard.press("i")
    assert np.abs(seen_at(page, 200, 200) - (0, 160, 80)).max() <= 2
    page.get_by_label("FITC").first.uncheck()
    until(page, lambda: np.abs(seen_at(page, 200, 200) - (0, 0, 80)).max() <= 2)
    page.get_by_label("Mức sáng: path DAPI").fill("160")
    until(page, lambda: np.abs(seen_at(page, 200, 200) - (0, 0, 128)).max() <= 2)


def test_of_many_channels_only_those_shown_are_asked_for(
    make_slides: Callable[..., SlideSite], open_page: Open
) -> None:
    def grey(path: int, *_: int) -> np.ndarray:
        return np.full((256, 256), 20 * (path + 1), np.uint8)

    glass = Glass()
    names = tuple(f"M{number}" for number in range(8))
    site = make_slides(glass.level(512, 512, (256, 256), paths=names, pixels=grey))

    def asked(path: int) -> bool:
        alone = [each.split("?")[0].split("/")[-4:-3] for each in site.slide_requests]
        batches = [each.split("?at=")[1] for each in site.slide_requests if "?at=" in each]
        together = [one.split(".")[1] for batch in batches for one in batch.split(",")]
        return str(path) in [*together, *(one[0] for one in alone if one)]

    page = opened(open_page(site.page()))
    page.keyboard.press("7")
    sharp(page, scale=1)
    page.keyboard.press("i")
    boxes = page.locator(".hs-channel input[type=checkbox]")
    assert [boxes.nth(n).is_checked() for n in range(8)] == [True] * 6 + [False] * 2
    assert asked(5)
    assert not asked(6)
    assert not asked(7)
    for number in range(6):
        boxes.nth(number).uncheck()
    turns_to(page, 0)
    boxes.nth(7).check()
    turns_to(page, 160)
    assert asked(7)
    assert not asked(6)


def turns_to(page: Page, grey: int) -> None:
    """Wait until the slide is painted in this grey."""
    until(page, lambda: np.abs(seen_at(page, 200, 200) - grey).max() <= 2)


def test_a_focal_plane_is_chosen_by_key(
    make_slides: Callable[..., SlideSite], open_page: Open
) -> None:
    glass = Glass()
    site = make_slides(glass.level(512, 512, (256, 256), planes=(0.0, 2.0, 4.0)))
    page = opened(open_page(site.page()))
    page.keyboard.press("7")
    sharp(page, scale=1)
    # The middle one first: it is the likeliest to be sharp.
    expect(page.locator(".hs-badges")).to_contain_text("2/3")
    assert np.abs(seen_at(page, 100, 100) - tile_colour(0, 1, 0, 0)).max() <= 4
    page.keyboard.press(".")
    expect(page.locator(".hs-badges")).to_contain_text("3/3")
    sharp(page)
    until(page, lambda: np.abs(seen_at(page, 100, 100) - tile_colour(0, 2, 0, 0)).max() <= 4)


def test_what_comes_later_is_shown_without_asking(
    make_slides: Callable[..., SlideSite], open_page: Open
) -> None:
    glass = Glass()
    both = {
        "ConcatenationUID": "1.2.826.0.1.3680043.8.498.17",
        "SOPInstanceUIDOfConcatenationSource": "1.2.826.0.1.3680043.8.498.18",
        "InConcatenationTotalNumber": 2,
    }
    first, second = (
        glass.level(
            512,
            512,
            (256, 256),
            frames=slice(2 * part, 2 * part + 2),
            InConcatenationNumber=part + 1,
            ConcatenationFrameOffsetNumber=2 * part,
            **both,
        )
        for part in range(2)
    )
    site = make_slides(first)
    page = opened(open_page(site.page()))
    page.keyboard.press("7")
    sharp(page, scale=1)
    assert np.abs(seen_at(page, 100, 400) - tile_colour(0, 0, 1, 0)).max() > 20
    before = view(page)
    put(site.archive, second)
    expect(page.locator(".hs-badges")).not_to_contain_text("chưa nhận")
    sharp(page, scale=1)
    until(page, lambda: np.abs(seen_at(page, 100, 400) - tile_colour(0, 0, 1, 0)).max() <= 4)
    assert view(page).x == pytest.approx(before.x, abs=1)


def test_a_resampled_slide_says_so_and_waits_for_nothing(
    make_slides: Callable[..., SlideSite], open_page: Open
) -> None:
    """Its original may never have been stored; should it come all the same, it is shown."""
    glass = Glass()
    small = glass.level(
        256, 256, (256, 256), spacing=0.001, ImageType=["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]
    )
    site = make_slides(small)
    badges = opened(open_page(site.page())).locator(".hs-badges")
    expect(badges).to_contain_text("bản lấy mẫu lại")
    expect(badges).not_to_contain_text("chưa nhận")
    in_english = opened(open_page(site.page(language="en"))).locator(".hs-badges")
    expect(in_english).to_contain_text("a resampled one")
    expect(in_english).not_to_contain_text("not complete")
    put(site.archive, glass.level(512, 512, (256, 256)))
    expect(badges).not_to_contain_text("bản lấy mẫu lại")


def test_a_large_slide_looks_as_the_server_draws_it(
    make_slides: Callable[..., SlideSite], open_page: Open
) -> None:
    glass = Glass()
    site = make_slides(*tissue_slide(glass))
    page = opened(open_page(site.page()))
    name = site.slide(glass.shared["SeriesInstanceUID"])
    version = httpx.get(f"{site.url}/slides/v1/{name}", timeout=90).json()["version"]
    for key, scale in (("0", None), ("3", 0.125), ("5", 0.5)):
        page.keyboard.press(key)
        sharp(page, scale=scale)
        here, seen = view(page), stage_pixels(page).astype(int)
        height, width = seen.shape[:2]
        # the middle of the window, as the server draws it from the same levels
        size = 400
        left, top = here.of_slide(((width - size) / 2, (height - size) / 2), (width, height))
        wanted = httpx.get(
            f"{site.url}/slides/v1/{name}/{version}/rendered",
            params={
                "x": left,
                "y": top,
                "width": size / here.scale,
                "height": size / here.scale,
                "scale": here.scale,
                "format": "png",
            },
            timeout=90,
        )
        picture = np.asarray(Image.open(io.BytesIO(wanted.content)).convert("RGB")).astype(int)
        row, column = (height - size) // 2, (width - size) // 2
        shown = seen[row : row + size, column : column + size]
        assert picture.shape == shown.shape
        assert np.abs(picture.mean(axis=(0, 1)) - shown.mean(axis=(0, 1))).max() < 3
        blocks = [one.reshape(20, 20, 20, 20, 3).mean(axis=(1, 3)) for one in (picture, shown)]
        assert np.abs(blocks[0] - blocks[1]).max() < 14, key
