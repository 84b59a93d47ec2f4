"""report.html for the instructor and the feedback pages for students: self-contained, inert.

Whatever comes from a student is text, escaped by the template engine, or a PNG picture whose
bytes were checked. The pages hold no script at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from autograder.grading.gradebook import GradebookRow
from autograder.grading.results import Submission
from autograder.selfcheck.judge import messages

from .tables import Run


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("autograder.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def feedback_page(submission: Submission, run: Run) -> str:
    """The page on which a student reads how the hand-in was graded."""
    return _template("feedback.html").render(
        submission=submission,
        run=run,
        results={exercise.name: exercise for exercise in submission.exercises},
        messages=messages,
    )


def report_page(run: Run, rows: Mapping[str, GradebookRow]) -> str:
    """The instructor's report: the class at a glance, then every hand-in."""
    graded = len(run.submissions)
    exercises = []
    names = list(dict.fromkeys(e.name for s in run.submissions for e in s.exercises))
    for name in names:
        results = [e for s in run.submissions for e in s.exercises if e.name == name]
        exercises.append(
            {
                "name": name,
                "max_score": results[0].max_score,
                "mean": sum(e.score for e in results) / len(results),
                "full": sum(e.score == e.max_score for e in results),
                "share": sum(e.score for e in results) / max(1, sum(e.max_score for e in results)),
            }
        )
    mistakes = Counter(
        (exercise.name, mistake)
        for submission in run.submissions
        for exercise in submission.exercises
        for mistake in {check.mistake for check in exercise.checks if check.mistake}
    )
    return _template("report.html").render(
        run=run,
        rows=rows,
        exercises=sorted(exercises, key=lambda e: float(e["share"])),
        names=names,
        mistakes=mistakes.most_common(20),
        statuses=Counter(str(s.status) for s in run.submissions).most_common(),
        histogram=_histogram(run),
        graded=graded,
        scores={s.student: {e.name: e.score for e in s.exercises} for s in run.submissions},
    )


def _histogram(run: Run) -> list[tuple[str, int, float]]:
    """Ten bins of the score in percent: label, count, height relative to the largest."""
    counts = [0] * 10
    for submission in run.submissions:
        share = submission.score / max(1, submission.max_score)
        counts[min(9, int(share * 10))] += 1
    largest = max([*counts, 1])
    return [(f"{10 * i}–{10 * i + 10} %", count, count / largest) for i, count in enumerate(counts)]
