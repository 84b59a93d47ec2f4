"""Fetching what runs the exercises on the page: only what is pinned comes into the cache."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any

import page_runtime
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "scripts" / "page_runtime.py"
FILES = {"a.mjs": b"export {};", "b.wasm": b"\0asm"}


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tool with two small files pinned as its part python, in the folder ``official``."""
    official = tmp_path / "official"
    official.mkdir()
    for name, data in FILES.items():
        (official / name).write_bytes(data)
    pins = {
        "python": {
            "package": "no-such-package==1",
            "sha256": "0" * 64,
            "folder": "carrier/files",
            "files": {
                name: {"size": len(data), "sha256": sha256(data).hexdigest()}
                for name, data in FILES.items()
            },
        }
    }
    monkeypatch.setattr(page_runtime, "pins", lambda: pins)
    return page_runtime


def test_files_come_from_a_folder_and_stay_in_the_cache(tool: Any, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    place = tool.fetch("python", cache, str(tmp_path / "official"))
    assert {path.name: path.read_bytes() for path in place.iterdir()} == FILES
    assert [path.name for path in cache.iterdir()] == ["python"], "nothing else is left"
    shutil.rmtree(tmp_path / "official")
    assert tool.fetch("python", cache, "nowhere") == place


def test_files_come_from_an_address(
    tool: Any, tmp_path: Path, serve: Callable[[Path], AbstractContextManager[str]]
) -> None:
    with serve(tmp_path / "official") as address:
        place = tool.fetch("python", tmp_path / "cache", address)
        assert tool.is_whole("python", tmp_path / "cache")
        (place / "b.wasm").write_bytes(b"changed")
        assert not tool.is_whole("python", tmp_path / "cache")
        tool.fetch("python", tmp_path / "cache", address)
        assert (place / "b.wasm").read_bytes() == FILES["b.wasm"]


def test_a_file_with_another_sum_is_refused(tool: Any, tmp_path: Path) -> None:
    (tmp_path / "official" / "b.wasm").write_bytes(b"\0asm and more")
    with pytest.raises(tool.RuntimeRefused, match=r"b\.wasm .* is refused: its SHA-256 is"):
        tool.fetch("python", tmp_path / "cache", str(tmp_path / "official"))
    assert not (tmp_path / "cache" / "python" / "b.wasm").exists()
    assert not tool.is_whole("python", tmp_path / "cache")


def test_a_file_out_of_a_package_is_refused_all_the_same(
    tool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a package with the right sum is not trusted for the files in it."""

    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert "--require-hashes" in command
        with zipfile.ZipFile(Path(command[command.index("-d") + 1]) / "c.whl", "w") as archive:
            archive.writestr("carrier/files/a.mjs", FILES["a.mjs"])
            archive.writestr("carrier/files/b.wasm", b"something else")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", download)
    with pytest.raises(tool.RuntimeRefused, match=r"b\.wasm from no-such-package==1 is refused"):
        tool.fetch("python", tmp_path / "cache")


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("ERROR: No matching distribution found for x", False),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", True),
    ],
)
def test_what_pip_says_is_told(
    tool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, refused: bool
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", f"WARNING: old\n{said}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(tool.RuntimeMissing, match="no-such-package==1") as caught:
        tool.fetch("python", tmp_path / "cache")
    assert isinstance(caught.value, tool.RuntimeRefused) == refused
    assert list((tmp_path / "cache" / "python").iterdir()) == []


def test_bad_options_are_told_without_a_traceback(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(TOOL), "--cache", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    wrong = run("kernel")
    assert wrong.returncode == 2
    assert "the parts are editor and python" in wrong.stderr
    nowhere = run("python", "--source", str(tmp_path / "nothing"))
    assert nowhere.returncode == 1
    assert nowhere.stderr.startswith("page_runtime: ")
    assert "Traceback" not in nowhere.stderr


def test_the_pins_are_the_official_lock(tmp_path: Path) -> None:
    """Each package as the official release has it, with what it needs, and no other."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: the official lock comes from the package pyodide")
    version = page_runtime.pins()["python"]["version"]
    command = [npm, "pack", "--silent", f"pyodide@{version}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the package pyodide cannot be had: {done.stderr.strip()[:200]}")
    shutil.unpack_archive(tmp_path / f"pyodide-{version}.tgz", tmp_path, filter="data")
    official = json.loads((tmp_path / "package" / page_runtime.LOCK).read_text("utf-8"))
    pinned = page_runtime.lock()
    assert pinned["info"] == official["info"]
    names = set(pinned["packages"])
    for name in names:
        assert pinned["packages"][name] == official["packages"][name]
        assert set(official["packages"][name]["depends"]) <= names
    files = page_runtime.pins()["python"]["files"]
    for name in page_runtime.pins()["python"]["core"]:
        assert (
            sha256((tmp_path / "package" / name).read_bytes()).hexdigest() == files[name]["sha256"]
        )
    assert set(files) == {
        *page_runtime.pins()["python"]["core"],
        *(package["file_name"] for package in pinned["packages"].values()),
    }
    for package in pinned["packages"].values():
        assert files[package["file_name"]]["sha256"] == package["sha256"]
