"""The policy for late submissions where nbgrader's plugin has it, as a course directory says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.course.errors import UserError

from .policies import Policies

# student, score of the notebook, seconds late -> points to take, or None
LatePolicy = Callable[[str, float, float], float | None]


def late_policy(root: Path) -> LatePolicy:
    """What ``nbgrader autograde`` in the course directory ``root`` does with a late submission.

    A plugin may be a module in ``root``. It is asked for, and loaded, only where somebody is late:
    nbgrader takes seconds to import. Raises UserError if it cannot be loaded, and so does the
    policy if the plugin fails.
    """
    from nbgrader.preprocessors import AssignLatePenalties

    with _modules_of(root):
        preprocessor = AssignLatePenalties(config=_config(root))
        preprocessor.init_plugin()

    def policy(student: str, score: float, seconds: float) -> float | None:
        try:
            penalty = preprocessor.plugin_inst.late_submission_penalty(student, score, seconds)
            # no more than there is, and nothing given: as AssignLatePenalties has it
            return None if penalty is None else min(max(float(penalty), 0.0), score)
        except Exception as error:
            raise _failed(root, error) from error

    return policy


def require_one_rule(root: Path, policies: Policies, problem_set: str) -> None:
    """Raise UserError if both ``policies`` and nbgrader's plugin say what lateness costs.

    Seconds are spent on that only where a file of nbgrader's configuration speaks of lateness. What
    such a file loads from others is met by :func:`require_no_plugin` when somebody is late.
    """
    if policies.rule(problem_set) is None:
        return
    files = (folder / f"nbgrader_config.{suffix}" for folder, suffix in _places(root))
    try:
        told = any("Late" in file.read_text("utf-8", "replace") for file in files if file.is_file())
    except OSError as error:
        raise _failed(root, error) from error
    if told:
        require_no_plugin(root, policies.path)


def require_no_plugin(root: Path, file: Path) -> None:
    """Raise UserError if nbgrader's plugin takes points off where ``file`` does it already."""
    with _modules_of(root):
        config = _config(root)
    method = config.LateSubmissionPlugin.get("penalty_method", "none")
    if "plugin_class" in config.AssignLatePenalties or method != "none":
        raise UserError(
            f"{file} and the plugin for late submissions in {root / 'nbgrader_config.py'} both say "
            "what lateness costs, and one must: take [late] and “closes” out of the first, or the "
            "plugin out of the second; no grading is lost: run the same command again then"
        )


@contextmanager
def _modules_of(root: Path) -> Iterator[None]:
    """Let configuration and plugin find their modules in ``root``; UserError if they fail."""
    sys.path.insert(0, str(root))
    try:
        yield
    except Exception as error:  # of every kind, for it is code that somebody has written
        raise _failed(root, error) from error
    finally:
        sys.path.remove(str(root))


def _config(root: Path) -> Any:
    """nbgrader's configuration for a course directory, from all places where it looks for one."""
    from traitlets.config.loader import (
        Config,
        ConfigFileNotFound,
        JSONFileConfigLoader,
        PyFileConfigLoader,
    )

    loaders = {"json": JSONFileConfigLoader, "py": PyFileConfigLoader}
    config = Config()
    for folder, suffix in _places(root):
        loader = loaders[suffix](f"nbgrader_config.{suffix}", path=str(folder))
        try:
            config.merge(loader.load_config())
        except ConfigFileNotFound:
            continue
    return config


def _places(root: Path) -> list[tuple[Path, str]]:
    """Where nbgrader looks for its configuration: folders and kinds of file, the strongest last."""
    from jupyter_core.paths import jupyter_config_path

    folders = [*map(Path, reversed(jupyter_config_path())), root]
    return [(folder, suffix) for folder in folders for suffix in ("json", "py")]


def _failed(root: Path, error: Exception) -> UserError:
    return UserError(
        f"the plugin for late submissions in {root / 'nbgrader_config.py'} fails: "
        f"{type(error).__name__}: {error}; no grading is lost: run the same command again when it "
        "is mended"
    )
