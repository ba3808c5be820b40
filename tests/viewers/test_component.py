"""The loader and the pages that mount an entry of the bundle."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import viewers
from viewers import _component, build


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build.build()


def test_every_entry_has_a_hashed_file() -> None:
    manifest = json.loads((_component.DIST / "manifest.json").read_text())
    folders = {path.parents[2].name for path in build.FOLDER.glob("*/frontend/src/index.ts")}
    assert set(manifest) == folders
    assert {"radiology", "report", "worklist", "standalone"} <= folders
    for entry in manifest:
        name = viewers.asset(entry)
        assert re.fullmatch(rf"{entry}-[\w-]{{8,}}\.js", name)
        assert (_component.DIST / name).is_file()


def test_everything_that_shrinks_is_compressed_beside() -> None:
    for path in _component.DIST.iterdir():
        if path.suffix in {".js", ".wasm", ".css"}:
            assert gzip.decompress(Path(f"{path}.gz").read_bytes()) == path.read_bytes()


def test_the_bundle_asks_nobody_outside() -> None:
    """No address of another host is fetched, and no file of this machine is named."""
    for path in _component.DIST.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert str(build.FOLDER) not in text
        fetched = re.findall(r"(?:fetch|import|Worker|open)\(\s*[\"'`](https?://[^\"'`]+)", text)
        assert not fetched, (path.name, fetched)


def test_unknown_entry_says_what_to_do() -> None:
    with pytest.raises(viewers.BundleMissing, match=r"python -m viewers\.build"):
        viewers.asset("waveform")


def test_absent_bundle_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_component, "DIST", tmp_path)
    with pytest.raises(viewers.BundleMissing):
        viewers.asset("radiology")


def test_page_carries_its_configuration_as_data() -> None:
    data = {"base": "/hoichan", "language": "en", "case_id": "</script><b>", "height": "50vh"}
    html = viewers.page("radiology", data, "A & <b>")
    assert html.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>A &amp; &lt;b></title>" in html
    found = re.search(r'id="hoichan-radiology">(.*?)</script>', html, re.S)
    assert found is not None
    assert json.loads(found[1]) == data
    assert f'src="/hoichan/assets/{viewers.asset("standalone")}"' in html


def test_page_fetches_its_parts_side_by_side() -> None:
    html = viewers.page("radiology", {"base": "/x", "language": "vi"}, "")
    names = _component.parts("radiology")
    assert names[0] == viewers.asset("radiology")
    assert any(name.startswith("engine-") for name in names)
    for name in names:
        assert f'<link rel="modulepreload" href="/x/assets/{name}">' in html
        assert (_component.DIST / name).is_file()


def test_import_needs_no_streamlit() -> None:
    """Command line and worker import the package without the cost, or a runtime, of Streamlit."""
    code = "import sys, viewers, viewers.radiology; sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=build.FOLDER.parent).returncode == 0


def page_with_viewer() -> None:
    import viewers

    viewers.mount(
        "radiology",
        {"base": "/x", "language": "vi", "case_id": "c", "permissions": []},
        key="viewer",
    )


def test_mount_in_streamlit() -> None:
    """The component registers on first use, in each new runtime, with the module's address."""
    for _ in range(2):
        app = AppTest.from_function(page_with_viewer)
        app.run(timeout=240)
        assert not app.exception
        (element,) = app.get("bidi_component")
        assert json.loads(element.proto.json)["module"] == f"/x/assets/{viewers.asset('radiology')}"


@pytest.mark.parametrize(
    ("modalities", "entries"),
    [
        (["CT", "SR"], ["radiology"]),
        ([], ["radiology"]),
        (["SM"], ["slide"]),
        (["SM", "ANN", "SR"], ["slide"]),
        (["MG", "SM"], ["slide", "radiology"]),
    ],
)
def test_slides_and_images_have_viewers_of_their_own(
    modalities: list[str], entries: list[str]
) -> None:
    assert viewers.entries_of(modalities) == entries
