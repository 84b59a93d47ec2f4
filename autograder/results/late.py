"""The policy for late submissions where nbgrader's plugin has it, as a course directory says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.course.errors import UserError

# student, score of the notebook, seconds late -> points to take, or None
LatePolicy = Callable[[str, float, float], float | None]


def late_policy(root: Path) -> LatePolicy:
    """What ``nbgrader autograde`` in the course directory ``root`` does with a late submission.

    A plugin may be a module in ``root``. It is asked for, and loaded, only where somebody is late:
    nbgrader takes seconds to import. Raises UserError if it cannot be loaded, and so does the
    policy if the plugin fails.
    """
    from nbgrader.preprocessors import AssignLatePenalties

    sys.path.insert(0, str(root))
    try:
        preprocessor = AssignLatePenalties(config=_config(root))
        preprocessor.init_plugin()
    except Exception as error:  # of every kind, for it is code that somebody has written
        raise _failed(root, error) from error
    finally:
        sys.path.remove(str(root))

    def policy(student: str, score: float, seconds: float) -> float | None:
        try:
            penalty = preprocessor.plugin_inst.late_submission_penalty(student, score, seconds)
            # no more than there is, and nothing given: as AssignLatePenalties has it
            return None if penalty is None else min(max(float(penalty), 0.0), score)
        except Exception as error:
            raise _failed(root, error) from error

    return policy


def require_no_plugin(root: Path, file: Path) -> None:
    """Raise UserError if nbgrader's plugin takes points off where ``file`` does it already.

    Asked for only where somebody is late, as above.
    """
    sys.path.insert(0, str(root))
    try:
        config = _config(root)
    except Exception as error:
        raise _failed(root, error) from error
    finally:
        sys.path.remove(str(root))
    method = config.LateSubmissionPlugin.get("penalty_method", "none")
    if "plugin_class" in config.AssignLatePenalties or method != "none":
        raise UserError(
            f"{file} and the plugin for late submissions in {root / 'nbgrader_config.py'} both say "
            "what lateness costs, and one must: take [late] and “closes” out of the first, or the "
            "plugin out of the second; no grading is lost: run the same command again then"
        )


def _config(root: Path) -> Any:
    """nbgrader's configuration for a course directory, from all places where it looks for one."""
    from jupyter_core.paths import jupyter_config_path
    from traitlets.config.loader import (
        Config,
        ConfigFileNotFound,
        JSONFileConfigLoader,
        PyFileConfigLoader,
    )

    config = Config()
    for folder in [*reversed(jupyter_config_path()), str(root)]:
        for loader, suffix in ((JSONFileConfigLoader, "json"), (PyFileConfigLoader, "py")):
            try:
                config.merge(loader(f"nbgrader_config.{suffix}", path=folder).load_config())
            except ConfigFileNotFound:
                continue
    return config


def _failed(root: Path, error: Exception) -> UserError:
    return UserError(
        f"the plugin for late submissions in {root / 'nbgrader_config.py'} fails: "
        f"{type(error).__name__}: {error}; no grading is lost: run the same command again when it "
        "is mended"
    )
