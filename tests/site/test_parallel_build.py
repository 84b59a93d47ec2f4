"""Pages are executed by several processes at once, which share one cache of results."""

from __future__ import annotations

import importlib.util
import sqlite3
from pathlib import Path
from types import ModuleType, SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]


def extension() -> ModuleType:
    path = ROOT / "book" / "_ext" / "parallel.py"
    spec = importlib.util.spec_from_file_location("parallel", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def begin(cache: Path, mode: str) -> None:
    config = SimpleNamespace(execution_mode=mode, execution_cache_path=str(cache))
    extension().begin_cache(SimpleNamespace(env=SimpleNamespace(mystnb_config=config)))


def test_the_cache_is_there_before_processes_race_to_make_it(tmp_path: Path) -> None:
    for _ in range(2):  # one that is there already is left alone
        begin(tmp_path / "cache", "cache")
        with sqlite3.connect(tmp_path / "cache" / "global.db") as db:
            tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        assert ("nbcache",) in tables


def test_a_build_that_executes_nothing_makes_no_cache(tmp_path: Path) -> None:
    begin(tmp_path / "cache", "off")
    assert not (tmp_path / "cache").exists()
