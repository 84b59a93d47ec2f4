"""What lies at the place of the hand-in, what lies beside it, and whose name is on it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from .attack import EXHAUSTS, Corpus, G

FILES = Corpus("links, other files and names")
add = FILES.file


def _replace_folder(path: Path, target: Path) -> None:
    path.parent.rmdir()
    path.parent.symlink_to(target, target_is_directory=True)


def _replace_student(path: Path, data: bytes) -> None:
    student = path.parents[1]
    other = student.with_name(f".{student.name}-other")
    student.rename(other)
    (other / path.parent.name / path.name).write_bytes(data)
    student.symlink_to(other, target_is_directory=True)


def _elsewhere(path: Path, data: bytes) -> Path:
    """The hand-in in another place below the student's folder, for links to lead to."""
    place = path.parent.parent / "elsewhere" / path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


def _beside(name: str, text: str | bytes) -> None:
    """A right file, and another beside it."""

    def put(path: Path, data: bytes) -> None:
        path.write_bytes(data)
        other = path.parent / name
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(text if isinstance(text, bytes) else text.encode())

    add(f"{name} beside the notebook", put, G)


def _unix_socket(path: Path, data: bytes) -> None:
    # the address of a socket must be short
    folder = os.open(path.parent, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def _sparse(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.truncate(1 << 36)


def _timestamp_link(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    (path.parent / "timestamp.txt").symlink_to("/dev/zero")


def _timestamp_fifo(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    os.mkfifo(path.parent / "timestamp.txt")


add("a link to a file", lambda path, data: path.symlink_to(_elsewhere(path, data)))
add("a hard link to a file", lambda path, data: path.hardlink_to(_elsewhere(path, data)), G)
add("a link to itself", lambda path, data: path.symlink_to(path))
add("a link to nowhere", lambda path, data: path.symlink_to("/nowhere/x"))
add(
    "a link to a device without end",
    lambda path, data: path.symlink_to("/dev/zero"),
    not_at_stock="would never end",
)
add("a link to the reader's own memory", lambda path, data: path.symlink_to("/proc/self/mem"))
add("a link to the reader's own descriptors", lambda path, data: path.symlink_to("/proc/self/fd/0"))
add("a link to the passwords", lambda path, data: path.symlink_to("/etc/shadow"))
add(
    "a folder that is a link",
    lambda path, data: _replace_folder(path, _elsewhere(path, data).parent),
)
add("a student who is a link to another", _replace_student)
add("a folder in its place", lambda path, data: path.mkdir())
add("a pipe in its place", lambda path, data: os.mkfifo(path), not_at_stock="would never end")
add("a socket in its place", _unix_socket)
add("no file", lambda path, data: None)
add(
    "a file of another name",
    lambda path, data: path.with_name("my homework.ipynb").write_bytes(data),
    G,  # it is taken for the one that was meant, with a note
)
add("a file of 64 GB with a hole", _sparse, not_at_stock=EXHAUSTS)
_beside("another.ipynb", "{")
_beside("numpy.py", "import sys\nallclose = lambda *a, **k: True\narray = lambda *a, **k: 0\n")
_beside("selfcheck.py", "check = lambda *a: print('✓')\n")
_beside("sitecustomize.py", "raise SystemExit\n")
_beside("json.py", "loads = dumps = lambda *a, **k: {'score': 27}\n")
_beside("nbgrader_config.py", "c = get_config()\nc.Execute.timeout = 1\nraise SystemExit\n")
_beside(".ipython/profile_default/startup/0.py", "import numpy\nnumpy.allclose = lambda *a: True\n")
_beside("timestamp.txt", b"\xff\xfe not a time \x00" * 1000)
add("a timestamp without end", _timestamp_link, G, not_at_stock="would never end")
add("a timestamp that is a pipe", _timestamp_fifo, G, not_at_stock="would never end")

NAMES = Corpus("links, other files and names")
add = NAMES.file


def _as_it_is(path: Path, data: bytes) -> None:
    path.write_bytes(data)


for what, name in (
    ("a formula", "=cmd|' C'!A0"),
    ("a sum", "+1+1"),
    ("an option", "-help"),
    ("a function of a spreadsheet", "@SUM(1;1)"),
    ("a script", "<script>alert(1)<"),
    ("an order to a database", "'; DROP TABLE grade; --"),
    ("markup of the terminal", "[red]rich["),
    ("a template", "{{7*7}} {0} %s $(x) `x`"),
    ("not ASCII", "名前 Ünïcode"),
    ("what a table must quote", 'quo"te, comma'),
    ("200 characters long", "n" * 200),
):
    add(f"a name that is {what}", _as_it_is, G, student=name)

ATTACKS = [*FILES.attacks, *NAMES.attacks]
