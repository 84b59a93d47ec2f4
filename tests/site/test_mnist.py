"""Fetching and reading MNIST, without a network: mirrors are folders and a server of the test."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import mnist
import pytest
import torch
from mnist import File, MnistError, fetch, load, main, read_idx


def idx(array: torch.Tensor) -> bytes:
    """A file in the IDX format, written by the letter of its definition."""
    header = bytes([0, 0, 8, array.ndim])
    for extent in array.shape:
        header += struct.pack(">I", extent)
    return gzip.compress(header + bytes(array.flatten().tolist()), mtime=0)


def entry(data: bytes) -> File:
    return File(len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small MNIST, which the module takes for the official one."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    for table, prefix in ((mnist.TEST, "t10k"), (mnist.TRAIN, "train")):
        images = torch.randint(256, (20, 28, 28), generator=generator)
        labels = torch.randint(10, (20,), generator=generator)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = folder / f"{prefix}-{name}-ubyte.gz"
            path.write_bytes(idx(array))
            monkeypatch.setitem(table, path.name, entry(path.read_bytes()))
    for variable in ("MNIST_FOLDER", "MNIST_MIRROR"):
        monkeypatch.delenv(variable, raising=False)
    return folder


@pytest.fixture
def address(mirror: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_the_sums_are_those_published_for_mnist() -> None:
    assert set(mnist.TEST) == {"t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"}
    assert set(mnist.TRAIN) == {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}
    sizes = [file.size for file in (mnist.TRAIN | mnist.TEST).values()]
    assert sizes == [9912422, 28881, 1648877, 4542]
    assert all(len(file.sha256) == 64 for file in (mnist.TRAIN | mnist.TEST).values())


def test_a_folder_as_mirror(mirror: Path, tmp_path: Path) -> None:
    place = tmp_path / "new" / "data"
    assert fetch(place, mnist.TEST, (str(mirror),)) == list(mnist.TEST)
    assert sorted(path.name for path in place.iterdir()) == sorted(mnist.TEST)
    assert fetch(place, mnist.TEST, ("nowhere",)) == [], "what is there is not fetched again"
    data = load(place)
    raw = gzip.decompress((mirror / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    assert data.X.shape == (20, 784) and data.X.dtype == torch.get_default_dtype()
    assert [round(float(z) * 255) for z in data.X[3]] == list(raw[3 * 784 : 4 * 784])
    labels = gzip.decompress((mirror / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    assert data.y.tolist() == list(labels)


def test_the_splits(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for table, prefix, count in ((mnist.TEST, "t10k", 10_000), (mnist.TRAIN, "train", 60_000)):
        for name, array in (
            ("images-idx3", torch.zeros(count, 1, 1, dtype=torch.int64)),
            ("labels-idx1", torch.arange(count) % 10),
        ):
            path = mirror / f"{prefix}-{name}-ubyte.gz"
            path.write_bytes(idx(array))
            monkeypatch.setitem(table, path.name, entry(path.read_bytes()))
    small, full = load(mirror), load(mirror, full=True)
    assert (len(small.X), len(small.y), len(small.X_val), len(small.y_val)) == (
        8000,
        8000,
        2000,
        2000,
    )
    assert small.y_val.tolist() == (torch.arange(8000, 10_000) % 10).tolist()
    assert (len(full.X), len(full.y), len(full.X_val), len(full.y_val)) == (
        50_000,
        50_000,
        10_000,
        10_000,
    )


def test_the_command(
    mirror: Path, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "data"
    assert main(["--mirror", address, "--folder", str(place)]) == 0
    assert "holds 2 official files, 2 of them fetched now" in capsys.readouterr().out
    assert main(["--mirror", f"{address}/", "--folder", str(place), "--full"]) == 0
    assert "holds 4 official files, 2 of them fetched now" in capsys.readouterr().out
    assert len(load(place, full=True).X) == 20


def test_settings_from_the_environment(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_MIRROR", str(mirror))
    monkeypatch.setenv("MNIST_FOLDER", str(tmp_path / "own"))
    assert main([]) == 0
    assert len(load().y) == 20


def test_another_mirror_is_tried_after_one_that_fails(
    mirror: Path, address: str, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in mnist.TEST:
        (bad / name).write_bytes(b"<html>moved</html>")
    place = tmp_path / "data"
    assert len(fetch(place, mnist.TEST, (f"{address}/gone", str(bad), address))) == 2
    assert len(load(place).y) == 20


@pytest.mark.parametrize("content", [b"", b"<html>moved</html>", b"right and more"])
def test_a_wrong_file_is_refused_and_nothing_is_left(
    content: bytes, mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "t10k-images-idx3-ubyte.gz"
    right = (mirror / name).read_bytes()
    (mirror / name).write_bytes(right + content if content.startswith(b"right") else content)
    place = tmp_path / "data"
    assert main(["--mirror", str(mirror), "--folder", str(place)]) == 1
    said = capsys.readouterr().err
    assert name in said and "not the official file" in said and "--mirror" in said
    assert list(place.iterdir()) == []


def test_an_address_without_the_file(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "data"
    assert main(["--mirror", f"{address}/elsewhere", "--folder", str(place)]) == 1
    assert "404" in capsys.readouterr().err


@pytest.mark.parametrize(
    "mirror_name", ["http://127.0.0.1:9/", "http://[broken", "no/such/folder", ""]
)
def test_a_mirror_that_is_none(
    mirror_name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mnist, "MIRRORS", ("no/such/folder",))
    monkeypatch.delenv("MNIST_MIRROR", raising=False)
    assert main(["--mirror", mirror_name, "--folder", str(tmp_path / "data")]) == 1
    said = capsys.readouterr().err
    assert "could not be fetched" in said and "Traceback" not in said


def test_a_folder_that_cannot_be_written(
    mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert main(["--mirror", str(mirror), "--folder", str(blocked)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_reading_says_what_to_do(mirror: Path, tmp_path: Path) -> None:
    with pytest.raises(MnistError, match=r"is not there.*python book/mnist\.py$"):
        load(tmp_path)
    with pytest.raises(MnistError, match=r"is not there.*python book/mnist\.py --full$"):
        load(tmp_path, full=True)
    (mirror / "t10k-labels-idx1-ubyte.gz").write_bytes(b"x")
    with pytest.raises(MnistError, match="is not the official file"):
        load(mirror)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x09\x01\0\0\0\x01\0",
        b"\0\0\x08\x01\0\0\0\x02\0",
        b"\0\0\x08\x03\0\0",
        b"\0\0\x08\0",
    ],
)
def test_what_is_not_idx_is_refused(data: bytes) -> None:
    with pytest.raises(MnistError):
        read_idx(data)


def test_idx_is_read_in_the_order_of_its_bytes() -> None:
    assert read_idx(b"\0\0\x08\x02\0\0\0\x02\0\0\0\x03" + bytes(range(6))).tolist() == [
        [0, 1, 2],
        [3, 4, 5],
    ]
