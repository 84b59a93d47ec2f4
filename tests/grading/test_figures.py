"""What is done about the figures of a hand-in: drawn, kept as they were saved, or none."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from autograder.course.directory import CourseDirectory
from autograder.grading.handin import Handin
from autograder.grading.session import Session
from autograder.grading.settings import DRAW, KEEP, NONE, Settings
from autograder.reports.pages import report_page
from autograder.results.tables import Overview

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"


def saved() -> str:
    """A picture of one colour, as base64."""
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


def test_figures_are_drawn_kept_or_not_shown(
    course: CourseDirectory,
    quick_settings: Settings,
    right_notebook: Callable[..., Any],
    tmp_path: Path,
) -> None:
    notebook = right_notebook("ps01-sgd")
    outputs = [
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": saved()}},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "no picture"}},
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>"}},
    ]
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "id": "plot"}
    notebook["cells"].append({**cell, "source": PLOT, "outputs": outputs})
    path = tmp_path / "ps01-sgd.ipynb"
    path.write_text(json.dumps(notebook))
    scores, pictures, reports = {}, {}, {}
    for figures in (DRAW, KEEP, NONE):
        settings = replace(quick_settings, figures=figures)
        with Session(course.assignment("ps01-sgd"), settings) as session:
            result = session.grade(Handin("ada", path)).result
            run = session.job.run
        reports[figures] = report_page(run, {}, Overview())
        scores[figures] = result.score, result.status
        pictures[figures] = [p for each in result.cells for p in each.output.pictures]
        assert run.to_json()["figures"] == figures
    assert len(set(scores.values())) == 1
    assert len(pictures[DRAW]) == 1
    assert pictures[DRAW] != pictures[KEEP]
    (kept,) = pictures[KEEP]
    assert Image.open(io.BytesIO(base64.b64decode(kept))).size == (30, 20)
    assert pictures[NONE] == []
    assert "figures as handed in" in "".join(reports[KEEP])
    assert "figures not shown" in "".join(reports[NONE])
