"""What the commands of the labs share: size and device, the words on the way, and refusals."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from mnist import MnistError

Say = Callable[[str], None]


class Scale(Protocol):
    """How large everything is for one set of data; ``device`` is where it is to be computed."""

    @property
    def device(self) -> str: ...


def parser_of(description: str, scales: Mapping[str, Scale]) -> argparse.ArgumentParser:
    """The options that all labs have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", choices=scales, default="digits", help="the size of everything")
    parser.add_argument("--device", help="cpu or cuda (else that of the size)")
    return parser


def run_lab(
    parser: argparse.ArgumentParser,
    scales: Mapping[str, Scale],
    work: Callable[[Any, str, Say], None],
    arguments: Sequence[str] | None,
) -> int:
    """Do the work, given the options, the device, and how to say what is done.

    Returns the exit status: 1, with the reason, where MNIST or a CUDA device is missing.
    """
    given = parser.parse_args(arguments)
    place = given.device or scales[given.data].device
    if place not in ("cpu", "cuda"):
        parser.error(f"--device {place}: choose cpu or cuda")
    if place == "cuda" and not torch.cuda.is_available():
        print(
            "torch finds no CUDA device. On a CPU (--device cpu) this size takes very long.",
            file=sys.stderr,
        )
        return 1
    begun = time.time()

    def say(what: str) -> None:
        print(f"{time.time() - begun:6.0f} s  {what}", flush=True)

    try:
        work(given, place, say)
    except MnistError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def clock(place: str) -> float:
    """Seconds of computing on this device."""
    if place == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()
