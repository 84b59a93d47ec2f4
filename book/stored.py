"""Results of long runs, kept in ``book/data`` with what made them.

A study is a command that writes one file; the pages read it::

    save("gain", results, seeds=SEEDS, seconds=812)     # book/data/gain.json
    load("gain").results                                # what was saved
    load("gain").origin                                 # a sentence for the caption
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

DATA = Path(__file__).resolve().parent / "data"


class Stored(NamedTuple):
    """Results as they were saved, and a sentence on the command, seeds, hardware and time."""

    results: Any
    origin: str


def hardware() -> str:
    """Name the machine: its GPU if results were made on one, else its processor."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def made_by(command: str, seeds: Sequence[int], seconds: float) -> dict[str, Any]:
    """What made results, as it is stored with them."""
    return {
        "command": command,
        "seeds": list(seeds),
        "seconds": round(seconds),
        "hardware": hardware(),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }


def save(name: str, results: Any, *, seeds: Sequence[int], seconds: float) -> Path:
    """Write results, which must be plain numbers, texts, lists and tables, and what made them."""
    script = Path(sys.argv[0]).name
    made = made_by(" ".join(["python", f"book/{script}", *sys.argv[1:]]), seeds, seconds)
    DATA.mkdir(exist_ok=True)
    path = DATA / f"{name}.json"
    text = json.dumps({"made": made, "results": results}, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def load(name: str) -> Stored:
    """Read what was saved under this name."""
    data = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    made = data["made"]
    time = made["seconds"]
    minutes, seeds = round(time / 60), len(made["seeds"])
    parts = [
        f"Stored results: <code>{made['command']}</code>",
        *([f"{seeds} seeds"] if seeds else []),
        f"{_count(minutes, 'minute') if minutes else _count(time, 'second')} of computing on one "
        f"{'thread' if made['threads'] == 1 else 'machine'} ({made['hardware']}).",
    ]
    return Stored(data["results"], ", ".join(parts))


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
