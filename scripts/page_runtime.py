"""Fetch what runs the exercises on the page: Python for browsers, and the code editor.

    python scripts/page_runtime.py                 # both, into .make/page-runtime
    python scripts/page_runtime.py python --source https://cdn.jsdelivr.net/pyodide/v314.0.3/full/
    python scripts/page_runtime.py --pin           # after an upgrade: write page_runtime.json anew

Building the site does the first by itself. Everything comes by pip out of two packages on PyPI that
carry these files unchanged; nothing of them is installed or run. ``page_runtime.json`` names each
file with its SHA-256: of Pyodide's packages as its official lock has it, of its core and of the
editor as they were when pinned. A file with another sum is refused. With ``--source``, Pyodide's
files come from a folder or an address that holds its official release.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINS = Path(__file__).with_suffix(".json")
CACHE = ROOT / ".make" / "page-runtime"
PARTS = ("editor", "python")
LOCK = "pyodide-lock.json"
PACKAGES = ("numpy", "matplotlib")  # what the notebooks import; with what these need
PATIENCE = 30  # seconds without an answer


class RuntimeMissing(Exception):
    """A part could not be had; the text says what, why, and what to do."""


class RuntimeRefused(RuntimeMissing):
    """A file came that is not what it must be."""


def pins() -> dict[str, Any]:
    """What is fetched: for each part, where it comes from, and its files with size and SHA-256."""
    found: dict[str, Any] = json.loads(PINS.read_text("utf-8"))
    return found


def folder(part: str, cache: Path = CACHE) -> Path:
    """Where the files of a part lie once they are fetched."""
    return cache / part


def is_whole(part: str, cache: Path = CACHE) -> bool:
    """Whether every file of a part is in the cache, and is what it must be."""
    place = folder(part, cache)
    return all(
        (place / name).is_file() and _digest((place / name).read_bytes()) == file["sha256"]
        for name, file in pins()[part]["files"].items()
    )


def fetch(part: str, cache: Path = CACHE, source: str | None = None) -> Path:
    """Put the files of a part into the cache, unless they are there; return their folder.

    Raises RuntimeMissing if a file cannot be had, RuntimeRefused if it is not what it must be. No
    such file comes into the cache.
    """
    pinned = pins()[part]
    place = folder(part, cache)
    if is_whole(part, cache):
        return place
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        if source is None:
            read = _from_package(pinned, Path(scratch))
            origin = pinned["package"]
        else:
            read, origin = _from_place(source), source
        for name, file in pinned["files"].items():
            data = read(name)
            if _digest(data) != file["sha256"]:
                raise RuntimeRefused(
                    f"{name} from {origin} is refused: its SHA-256 is {_digest(data)}, and must be "
                    f"{file['sha256']} ({PINS.name})"
                )
            whole = Path(scratch) / "whole"
            whole.write_bytes(data)
            whole.replace(place / name)  # so that what the cache holds is never half a file
    return place


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _from_package(pinned: dict[str, Any], scratch: Path) -> Callable[[str], bytes]:
    """Download the package that carries the files; return how to read one of them."""
    package = pinned["package"]
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"{package} --hash=sha256:{pinned['sha256']}\n")
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"]
    # the files are for browsers: which Python the package wants does not matter
    pip += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--require-hashes"]
    pip += ["--retries", "1", "--timeout", str(PATIENCE), "-d", str(scratch), "-r", str(wanted)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in said if line.startswith("ERROR")] or said or ["pip failed"]
        if any("DO NOT MATCH THE HASHES" in line for line in said):
            raise RuntimeRefused(f"{package} is refused: it is not the one in {PINS.name}")
        raise RuntimeMissing(f"{package} cannot be had from the package index: {errors[0]}")
    archive = zipfile.ZipFile(wheels[0])

    def read(name: str) -> bytes:
        try:
            return archive.read(f"{pinned['folder']}/{name}")
        except (KeyError, zipfile.BadZipFile) as error:
            raise RuntimeMissing(f"{package} lacks a whole {name}: {error}") from None

    return read


def _from_place(source: str) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        try:
            if "://" in source:
                address = f"{source.rstrip('/')}/{name}"
                with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
                    data: bytes = answer.read()
                    return data
            return (Path(source) / name).read_bytes()
        except (OSError, ValueError, urllib.error.URLError) as error:
            raise RuntimeMissing(f"{name} cannot be had from {source}: {error}") from None

    return read


def lock() -> dict[str, Any]:
    """The lock that the pages use: of the official one, the packages that the course needs."""
    found: dict[str, Any] = pins()["python"]["lock"]
    return found


def _closure(packages: dict[str, Any]) -> list[str]:
    needed: list[str] = []
    left = list(PACKAGES)
    while left:
        name = left.pop(0)
        if name not in needed:
            needed.append(name)
            left += packages[name]["depends"]
    return sorted(needed)


def pin(official: Path, carriers: dict[str, Path]) -> dict[str, Any]:
    """The pins as they follow from an official release and the carriers that hold the same.

    ``official`` is the folder of the npm package ``pyodide``, ``carriers`` has the wheel of each
    part. Versions, packages and folders stay as they are in page_runtime.json: edit them first.
    """
    new = pins()
    whole = json.loads((official / LOCK).read_text("utf-8"))
    new["python"]["lock"] = {
        "info": whole["info"],
        "packages": {name: whole["packages"][name] for name in _closure(whole["packages"])},
    }
    for part, wheel in carriers.items():
        new[part]["sha256"] = _digest(wheel.read_bytes())
    core = {name: (official / name).read_bytes() for name in new["python"]["core"]}
    sums = {name: _digest(data) for name, data in core.items()}
    with zipfile.ZipFile(carriers["python"]) as archive:
        sizes = {name: len(data) for name, data in core.items()}
        for package in new["python"]["lock"]["packages"].values():
            name = package["file_name"]
            sums[name] = package["sha256"]
            sizes[name] = archive.getinfo(f"{new['python']['folder']}/{name}").file_size
    new["python"]["files"] = {
        name: {"size": sizes[name], "sha256": sums[name]} for name in sorted(sums)
    }
    with zipfile.ZipFile(carriers["editor"]) as archive:
        of = {name: archive.read(f"{new['editor']['folder']}/{name}") for name in _modules(archive)}
    new["editor"]["files"] = {
        name: {"size": len(data), "sha256": _digest(data)} for name, data in sorted(of.items())
    }
    return new


def _modules(archive: zipfile.ZipFile) -> list[str]:
    """The editor's modules: its entry, what that imports, and what brings Python's syntax."""
    import re

    place = pins()["editor"]["folder"]
    needed: list[str] = []
    left = ["index.js"]
    while left:
        name = left.pop(0)
        if name in needed:
            continue
        needed.append(name)
        text = archive.read(f"{place}/{name}").decode("utf-8")
        left += re.findall(r'(?:from|import)"\./([\w.-]+\.js)"', text)
        left += re.findall(r'name:"Python",[^}]*?import\("\./([\w.-]+\.js)"\)', text)
    return needed


def _pin_all() -> None:
    """Write page_runtime.json anew. Needs npm, for the official release with its lock."""
    with tempfile.TemporaryDirectory() as scratch:
        version = pins()["python"]["version"]
        subprocess.run(["npm", "pack", "--silent", f"pyodide@{version}"], cwd=scratch, check=True)
        subprocess.run(["tar", "xzf", f"pyodide-{version}.tgz"], cwd=scratch, check=True)
        carriers = {}
        for part in PARTS:
            into = Path(scratch) / part
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(into)]
            pip += ["--ignore-requires-python", pins()[part]["package"]]
            subprocess.run(pip, check=True)
            (carriers[part],) = into.glob("*.whl")
        new = pin(Path(scratch) / "package", carriers)
    PINS.write_text(json.dumps(new, indent=1) + "\n", "utf-8")


def main() -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Fetch what runs the exercises on the page: Python for browsers, the editor."
    )
    parser.add_argument("parts", nargs="*", metavar="editor|python", help="by default both")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR", help="where to put it")
    parser.add_argument(
        "--source", metavar="PLACE", help="a folder or an address with Pyodide's official release"
    )
    parser.add_argument("--pin", action="store_true", help=f"write {PINS.name} anew; needs npm")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; the parts are {' and '.join(PARTS)}")
    if options.pin:
        _pin_all()
    try:
        for part in options.parts or PARTS:
            source = options.source if part == "python" else None
            print(f"{part}: {fetch(part, options.cache, source)}")
    except (RuntimeMissing, OSError) as error:
        print(f"page_runtime: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
