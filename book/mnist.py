"""MNIST for the labs: a command that fetches the files, and a function that reads them.

The book builds without it. Who wants a lab at the size of real MNIST fetches the data once::

    python book/mnist.py                 # the 10,000 test images, 1.7 MB
    python book/mnist.py --full          # all 70,000 images, 11.6 MB
    python book/mnist.py --mirror FOLDER-OR-ADDRESS

The files go to ``data/mnist`` beside ``book``, or where ``--folder`` or the environment variable
MNIST_FOLDER says. They come from public copies of the official files; ``--mirror``, or
MNIST_MIRROR, names another web address or a folder that holds them. Every file is compared with its
SHA-256 before it is put in place, and again each time it is read. In a lab::

    from mnist import load
    data = load()                        # 8,000 to train, 2,000 to validate, of the test images
    data = load(full=True)               # 50,000 to train, 10,000 to validate; the test images rest
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import http.client
import os
import struct
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import torch
from torch import Tensor

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


class File(NamedTuple):
    """Size in bytes and SHA-256 of one of the official files."""

    size: int
    sha256: str


TEST = {
    "t10k-images-idx3-ubyte.gz": File(
        1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": File(
        4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
TRAIN = {
    "train-images-idx3-ubyte.gz": File(
        9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": File(
        28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
}


class MnistError(Exception):
    """The data are not there, or are not what they should be; the message says what to do."""


class Images(NamedTuple):
    """Images as rows of 784 grey values in [0, 1], and their labels 0 to 9 (int64)."""

    X: Tensor
    y: Tensor
    X_val: Tensor
    y_val: Tensor


def default_folder() -> Path:
    """Return where the files lie: MNIST_FOLDER, or ``data/mnist`` beside ``book``."""
    given = os.environ.get("MNIST_FOLDER")
    return Path(given) if given else Path(__file__).resolve().parent.parent / "data" / "mnist"


# ---- fetching ------------------------------------------------------------------------------------


def _is_right(path: Path, file: File) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def _open(mirror: str, name: str) -> IO[bytes]:
    if mirror.startswith(("http://", "https://")):
        return urllib.request.urlopen(f"{mirror.rstrip('/')}/{name}", timeout=30)
    return (Path(mirror) / name).open("rb")


def _copy(mirror: str, name: str, file: File, folder: Path) -> str | None:
    """Put a file in place if it is the right one; else say why not."""
    try:
        with _open(mirror, name) as source:
            data = source.read(file.size + 1)  # no more, whatever the mirror sends
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{mirror}: {error}"
    if hashlib.sha256(data).hexdigest() != file.sha256:
        return f"{mirror}: its {name} is not the official file (another SHA-256)"
    part = folder / f".{name}.part"
    try:
        part.write_bytes(data)
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)
    return None


def fetch(
    folder: Path,
    files: Mapping[str, File],
    mirrors: Sequence[str] = MIRRORS,
) -> list[str]:
    """Fetch the files that are not in ``folder`` yet; return the names of those that were fetched.

    Raises:
        MnistError: no mirror has the right file, or the folder cannot be written.
    """
    fetched = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in files.items():
            if _is_right(folder / name, file):
                continue
            reasons = []
            for mirror in mirrors:
                reason = _copy(mirror, name, file, folder)
                if reason is None:
                    fetched.append(name)
                    break
                reasons.append(reason)
            else:
                tried = "".join(f"\n  {reason}" for reason in reasons)
                raise MnistError(
                    f"{name} could not be fetched:{tried}\n"
                    "Try again later, or name a mirror that has it: --mirror ADDRESS-OR-FOLDER"
                )
    except OSError as error:
        raise MnistError(f"{folder} cannot be written: {error.strerror or error}") from None
    return fetched


# ---- reading -------------------------------------------------------------------------------------


def read_idx(data: bytes) -> Tensor:
    """Return the array of bytes in a file of the IDX format, as uint8.

    The header is big-endian: two zero bytes, the type (8: bytes), the number of dimensions, and
    each dimension as four bytes.

    Raises:
        MnistError: the data are not of that form.
    """
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise MnistError("this is no file of bytes in the IDX format")
    start = 4 + 4 * data[3]
    shape = struct.unpack(f">{data[3]}I", data[4:start]) if len(data) >= start else ()
    expected = 1
    for extent in shape:
        expected *= extent
    if not shape or len(data) - start != expected:
        raise MnistError("this file in the IDX format is cut off, or longer than it says")
    return torch.frombuffer(bytearray(data[start:]), dtype=torch.uint8).reshape(shape)


def _read(folder: Path, name: str, file: File, full: bool) -> Tensor:
    path = folder / name
    if not _is_right(path, file):
        what = "is not the official file" if path.exists() else "is not there"
        flag = " --full" if full else ""
        raise MnistError(f"{path} {what}. Fetch it with: python book/mnist.py{flag}")
    return read_idx(gzip.decompress(path.read_bytes()))


def load(folder: Path | str | None = None, *, full: bool = False) -> Images:
    """Return MNIST, split into images to train on and images to validate on.

    Without ``full`` these are the 10,000 test images alone, the first 8,000 to train and the last
    2,000 to validate. With it they are the 60,000 training images, the first 50,000 to train and
    the last 10,000 to validate; the test images are left alone. Grey values are of torch's default
    float type.

    Raises:
        MnistError: a file is missing, or is not the official one.
    """
    place = default_folder() if folder is None else Path(folder)
    images, labels = (_read(place, *entry, full) for entry in (TRAIN if full else TEST).items())
    X = images.reshape(len(images), -1).to(torch.get_default_dtype()) / 255
    y = labels.to(torch.int64)
    fit = 50_000 if full else 8_000
    return Images(X[:fit], y[:fit], X[fit:], y[fit:])


# ---- the command ---------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch the files; return the exit status."""
    parser = argparse.ArgumentParser(description="Fetch MNIST for the labs of the book.")
    parser.add_argument("--full", action="store_true", help="the 60,000 training images, too")
    parser.add_argument("--folder", type=Path, help="where to (else MNIST_FOLDER or data/mnist)")
    parser.add_argument("--mirror", help="a web address or a folder with the files (MNIST_MIRROR)")
    given = parser.parse_args(arguments)
    folder = given.folder or default_folder()
    mirror = given.mirror or os.environ.get("MNIST_MIRROR")
    files = TEST | TRAIN if given.full else TEST
    try:
        fetched = fetch(folder, files, (mirror,) if mirror else MIRRORS)
    except MnistError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{folder} holds {len(files)} official files, {len(fetched)} of them fetched now.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
