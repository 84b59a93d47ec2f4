"""All that grading an assignment needs, opened once: its release, its cases, where it is done."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from types import TracebackType

from autograder import __version__
from autograder.course.directory import Assignment
from autograder.course.errors import UserError
from autograder.definition import ProblemSetSpec
from autograder.definition.reference_process import Evaluation
from autograder.release.cases import write_cases
from autograder.release.released import Release, read_release
from autograder.results.adjustments import FILE, read_adjustments
from autograder.results.result import Run

from .evaluations import PendingEvaluation, first_seed
from .executor import Executor, Graded, Job
from .fitting import fitted
from .grader import Grader
from .handin import Handin
from .local import LocalExecutor, Opening, open_sandbox
from .settings import Settings


class Session:
    """The grading of one assignment, here or on the cluster that the settings name.

    Use it in a ``with`` block. The sandbox, which may be ``opening`` already, starts while the
    reference is evaluated in its own process. Raises UserError.
    """

    def __init__(
        self, assignment: Assignment, settings: Settings, opening: Opening | None = None
    ) -> None:
        self.assignment = assignment
        self.settings = settings
        self.seed = first_seed(assignment) if settings.seed is None else settings.seed
        self.release = read_release(assignment.release)
        self.adjustments = read_adjustments(assignment.root, assignment.problem_set)
        self._evaluation = PendingEvaluation(assignment, self.seed, settings.device)
        try:
            self.executor = self._executor(opening)
        except BaseException:
            self._evaluation.close()
            raise

    def _executor(self, opening: Opening | None) -> Executor:
        settings, directory = self.settings, self.assignment.directory
        (cases,) = write_cases(self.assignment.material)
        if settings.scheduler is not None:
            try:
                from .cluster import ClusterExecutor  # Dask is loaded only where it is asked for
            except ModuleNotFoundError as error:
                told = (
                    f"--scheduler needs {error.name}; install it: pip install autograder[cluster]"
                )
                raise UserError(told) from None

            return ClusterExecutor(settings, directory, self.release, cases)
        sandbox = None if opening is None else opening.take(settings)
        sandbox = sandbox or open_sandbox(settings, directory, self.release.libraries, cases)
        return LocalExecutor(sandbox, settings.worker_count)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox and the reference process."""
        self.executor.close()
        self._evaluation.close()

    @property
    def evaluation(self) -> Evaluation:
        """The cases with what is expected; waits while that is still being computed."""
        return self._evaluation.result()

    @cached_property
    def spec(self) -> ProblemSetSpec:
        """What hand-ins are graded with: the evaluated cases, of what was released.

        Raises UserError if the course has become another one than the release is of.
        """
        spec = fitted(self.evaluation.spec, self.release, self.assignment.options)
        address = self.assignment.directory.course.address
        return replace(spec, sections={name: address(s) for name, s in spec.sections.items()})

    @cached_property
    def grader(self) -> Grader:
        """What grades the hand-ins; waits as :attr:`evaluation` does. Raises UserError."""
        self.adjustments.require(self.spec.exercises, self.assignment.root / FILE)
        return self._grader_of(self.release, self.spec)

    def _grader_of(self, release: Release, spec: ProblemSetSpec) -> Grader:
        settings = self.settings
        return Grader.of(release, spec, settings.time, self.adjustments, settings.figures)

    @cached_property
    def job(self) -> Job:
        """What is done with each hand-in; waits as :attr:`evaluation` does."""
        evaluation = self.evaluation
        run = Run(
            self.assignment.problem_set,
            evaluation.spec.title,
            self.seed,
            evaluation.device,
            self.executor.level,
            versions(evaluation),
            adjustments=self.adjustments.told,
            figures=self.settings.figures,
            language=self.assignment.directory.course.language,
        )
        numbers = range(self.release.variants if self.release.constants else 0)
        variants = (
            self._grader_of(self.release.variant(each), self.spec.variant(each)) for each in numbers
        )
        return Job(self.grader, run, tuple(variants))

    def grade(self, handin: Handin) -> Graded:
        """Grade one hand-in."""
        return next(self.grade_all([handin]))

    def grade_all(self, handins: Iterable[Handin]) -> Iterator[Graded]:
        """Grade in parallel; yield what comes of it as it comes."""
        return self.executor.run(self.job, handins)


def versions(evaluation: Evaluation) -> dict[str, str]:
    """Versions that decide a score, for reports."""
    found = {
        "autograder": __version__,
        "python": platform.python_version(),
        "numpy": importlib.metadata.version("numpy"),
    }
    return {**found, "torch": evaluation.torch_version} if evaluation.torch_version else found
