"""The capstone: other right answers score full, mistakes are named, and no label gets out."""

import json

import numpy as np
import pytest
import torch

from autograder.definition import evaluate, load_problem_set
from autograder.definition.mutants import mutate
from autograder.definition.problem_set import material_of
from autograder.exercises.capstone.course_adam import optimizer_trajectory
from autograder.exercises.capstone.train_and_predict import TRAINING_SECONDS
from autograder.grading.sample import instructor_answers
from autograder.release.source import instructor_notebook
from autograder.selfcheck.spec import dump, load

NAME = "capstone-optimizer"
ADAM, TRAIN = load_problem_set(NAME).exercises
SEEDS = (0, 7)


class InForeachStyle(torch.optim.Optimizer):
    """Written with torch's foreach functions, on counts kept as tensors."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            some = [w for w in group["params"] if w.grad is not None]
            if not some:
                continue
            for w in some:
                if "step" not in self.state[w]:
                    self.state[w]["step"] = torch.zeros(())
                    self.state[w]["mean"] = torch.zeros_like(w)
                    self.state[w]["square"] = torch.zeros_like(w)
            grads = [w.grad for w in some]
            means = [self.state[w]["mean"] for w in some]
            squares = [self.state[w]["square"] for w in some]
            torch._foreach_lerp_(means, grads, 1 - b1)
            torch._foreach_mul_(squares, b2)
            torch._foreach_addcmul_(squares, grads, grads, 1 - b2)
            for w, mean, square in zip(some, means, squares, strict=True):
                self.state[w]["step"] += 1
                t = int(self.state[w]["step"])
                size = (square / (1 - b2**t)).sqrt().add_(group["eps"])
                w.addcdiv_(mean, size, value=-group["lr"] / (1 - b1**t))


class OnData(torch.optim.Optimizer):
    """Written on .data, with a closure, and a list as the state."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    def step(self, closure=None):
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for w in filter(lambda w: w.grad is not None, group["params"]):
                t, r, p = self.state[w].get("t r p", [0, 0.0, 0.0])
                (b1, b2), g = group["betas"], w.grad.data
                t, r, p = t + 1, r + (1 - b1) * (g - r), p + (1 - b2) * (g * g - p)
                self.state[w]["t r p"] = [t, r, p]
                rate = group["lr"] * (1 - b2**t) ** 0.5 / (1 - b1**t)
                w.data = w.data - rate * r / (p**0.5 + group["eps"] * (1 - b2**t) ** 0.5)
        return loss


def nearest_neighbours(X, y, X_val):
    distances = ((X_val[:, None].astype(float) - X[None]) ** 2).sum(axis=2)
    nearest = y[np.argsort(distances, axis=1)[:, :3]]
    return [int(np.bincount(votes).argmax()) for votes in nearest]


def softmax_regression(X, y, X_val):
    inputs, one_hot = X / 16.0, np.eye(10)[y]
    W, b, v = np.zeros((64, 10)), np.zeros(10), 0.0
    for _ in range(300):
        scores = inputs @ W + b
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = p / p.sum(axis=1, keepdims=True)
        v = 0.9 * v + 0.5 * inputs.T @ (p - one_hot) / len(y)
        W, b = W - v, b - 0.5 * (p - one_hot).mean(axis=0)
    return (X_val / 16.0 @ W + b).argmax(axis=1).astype(float)


@pytest.fixture(scope="module")
def graded(spec_of, grade):
    """Results of an answer to an exercise of the capstone."""

    def results(exercise, answer, seed=0, public=False):
        spec = next(e for e in spec_of(NAME, seed).exercises if e.name == exercise.name)
        spec = spec.public_part() if public else spec
        return grade(spec, exercise.runnable(answer))

    return results


def failed(results):
    return [result.message for result in results if not result.passed]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("answer", [InForeachStyle, OnData])
def test_other_right_optimizers_score_full(answer, seed, graded):
    assert failed(graded(ADAM, answer, seed)) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("answer", [nearest_neighbours, softmax_regression])
def test_other_methods_reach_the_accuracy(answer, seed, graded):
    assert failed(graded(TRAIN, answer, seed)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_the_instructors_answers_score_full(seed, graded):
    torch.set_num_threads(1)
    namespace = {"torch": torch}
    for source in instructor_answers(NAME).values():
        exec(source, namespace)
    assert failed(graded(ADAM, namespace["CourseAdam"], seed)) == []
    assert failed(graded(TRAIN, namespace["train_and_predict"], seed)) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("exercise", "mistake"),
    [(exercise, mistake) for exercise in (ADAM, TRAIN) for mistake in exercise.mistakes],
    ids=lambda item: getattr(item, "name", item),
)
def test_every_mistake_loses_points_and_is_named(exercise, mistake, seed, graded):
    namespace = {"np": np, "torch": torch}
    known = exercise.mistakes[mistake]
    exec(known.source(exercise.name), namespace)
    for public in (True, False):
        lost = [r for r in graded(exercise, namespace[exercise.name], seed, public) if not r.passed]
        assert lost
        assert {result.mistake for result in lost} == {mistake}
        assert known.message in lost[0].message


def test_the_public_cases_tell_the_mutants_of_the_optimizer(spec_of):
    mutation = mutate(NAME, spec_of(NAME, 0))
    assert mutation.problems == ()
    assert mutation.killed >= 10


@pytest.mark.long
def test_the_instructors_training_passes_by_far_for_every_seed():
    """The one score that depends on the seed is that of a training close to what is asked for."""
    torch.set_num_threads(1)
    namespace = {"torch": torch}
    for source in instructor_answers(NAME).values():
        exec(source, namespace)
    shares = []
    for seed in range(20):
        check = evaluate(NAME, seed, "cpu").exercises[1].checks[1]
        (case,) = (case for case in check.cases if not case.case.public)
        labels = namespace["train_and_predict"](*case.case.arguments.values())
        shares.append(np.mean(labels == case.expected[0].value))
    assert check.accuracy == 0.93
    assert min(shares) >= check.accuracy
    assert np.mean(shares) - 3 * np.std(shares) > check.accuracy


def test_each_demand_has_a_check_of_its_own(graded):
    def passed(name):
        return [result.passed for result in graded(ADAM, ADAM.mistakes[name].function)]

    assert passed("none-as-zero") == [True, True, False, True]
    assert passed("state-not-saved") == [True, True, True, False]
    assert passed("rate-at-the-start") == [True, False, True, False]


@pytest.mark.parametrize("ready_made", [torch.optim.Adam, type("Mine", (torch.optim.AdamW,), {})])
def test_a_ready_made_optimizer_is_no_answer(ready_made, graded):
    results = graded(ADAM, ready_made)
    assert not any(result.passed for result in results)
    assert "derive from torch.optim.Optimizer" in results[0].message


class Borrowed(torch.optim.Optimizer):
    """The update is torch's, by name."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, torch.optim.Adam([torch.zeros(1)], lr, betas, eps).defaults)

    _init_group = torch.optim.Adam._init_group
    _cuda_graph_capture_health_check = torch.optim.Adam._cuda_graph_capture_health_check
    step = torch.optim.Adam.step


class Within(torch.optim.Optimizer):
    """A ready-made optimizer inside, made only when it is needed."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    def step(self, closure=None):
        ready = self.__dict__.setdefault("ready", torch.optim.Adam(self.param_groups))
        ready.step()


class ByFunction(torch.optim.Optimizer):
    """The function behind torch's Adam."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    def step(self, closure=None):
        from torch.optim.adam import adam

        adam([], [], [], [], [], [], amsgrad=False, beta1=0.9, beta2=0.9, lr=1, eps=1,
             weight_decay=0, maximize=False)  # fmt: skip


class Fused(torch.optim.Optimizer):
    """What torch's Adam calls where it is fast."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    def step(self, closure=None):
        torch._fused_adam_([], [], [], [], [], [], lr=1, beta1=0.9, beta2=0.9, eps=1,
                           weight_decay=0, amsgrad=False, maximize=False)  # fmt: skip


@pytest.mark.parametrize("borrower", [Borrowed, Within, ByFunction, Fused])
def test_an_update_that_is_torchs_is_no_answer(borrower, graded):
    results = graded(ADAM, borrower)
    assert not any(result.passed for result in results)
    assert "torch's own optimizers are absent here" in results[0].message


def test_ready_made_optimizers_work_elsewhere():
    weight = torch.nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)
    with pytest.raises(TypeError):
        optimizer_trajectory(Within, *_one_step())
    torch.optim.Adam([weight]).step()
    assert weight.item() < 1


def _one_step():
    return [np.ones(1)], [0], [[np.ones(1)]], [[0.1]], 0.9, 0.999, 1e-8, 0


@pytest.mark.slow
def test_a_table_of_the_public_digits_knows_no_image_of_the_grading(spec_of):
    from sklearn.datasets import load_digits

    digits = load_digits()
    known = {tuple(map(int, image)): label for image, label in zip(*digits_of(digits), strict=True)}
    check = spec_of(NAME, 3).exercises[1].checks[0]
    held_out = next(case.case for case in check.cases if not case.case.public)
    images = [*held_out.arguments["X"], *held_out.arguments["X_val"]]
    assert sum(tuple(map(int, image)) in known for image in images) < 0.01 * len(images)
    # the one that is most like an image has another number here
    X, y = (held_out.arguments[name] for name in ("X", "y"))
    nearest = nearest_neighbours(*digits_of(digits), X)
    assert np.mean(np.asarray(nearest) == y) < 0.05


def digits_of(digits):
    return digits.data, digits.target


def test_a_stub_is_unanswered(graded):
    class Stub(torch.optim.Optimizer):
        def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
            super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

        def step(self, closure=None):
            raise NotImplementedError("CourseAdam")

    assert all(result.unanswered for result in graded(ADAM, Stub))


def test_nonsense_scores_nothing_and_never_raises(graded):
    for nonsense in (None, "text", object(), {}, [], 1j, np.zeros(3), np.full(450, np.nan), [[1]]):
        for exercise in (ADAM, TRAIN):
            results = graded(exercise, lambda *_, value=nonsense: value)
            assert not any(result.passed for result in results)
            assert all(result.message for result in results)


def test_half_right_predictions_earn_half_and_the_message_says_how_many(graded):
    def some_wrong(X, y, X_val):
        labels = np.array(nearest_neighbours(X, y, X_val))
        labels[::12] = (labels[::12] + 1) % 10
        return labels

    first, second = graded(TRAIN, some_wrong)
    assert first.passed
    assert not second.passed
    assert "of 450 right" in second.message
    assert "93 % are asked for" in second.message


def test_cases_hold_no_label_of_a_validation_image(spec_of):
    for seed in SEEDS:
        train = spec_of(NAME, seed).exercises[1]
        for check in train.checks:
            assert check.seconds == TRAINING_SECONDS
            for case in check.cases:
                given = case.case.arguments
                assert list(given) == ["X", "y", "X_val"]
                assert (len(given["y"]), len(given["X_val"])) == (1347, 450)
                assert not case.case.steps


def test_the_public_part_survives_dump_and_load_and_is_small(spec_of):
    public = [exercise.public_part() for exercise in spec_of(NAME, 0).exercises]
    text = dump(public)
    assert dump(load(text)) == text
    assert len(text) < 1_500_000
    again = load(text)
    assert again[0].entry == "run_CourseAdam"
    assert [check.accuracy for check in again[1].checks] == [0.88, 0.93]


def test_the_driver_cell_of_the_notebook_is_the_definitions():
    cells = instructor_notebook(load_problem_set(NAME), material_of(NAME).source)["cells"]
    (driver,) = (cell for cell in cells if cell["id"] == "driver-CourseAdam")
    assert driver["metadata"]["nbgrader"]["locked"]
    namespace = {"CourseAdam": OnData}
    exec(driver["source"], namespace)
    case = ADAM.checks["one group"].public[1]
    expected = ADAM.runnable(OnData)(*case.arguments.values())
    np.testing.assert_array_equal(namespace["run_CourseAdam"](*case.arguments.values()), expected)
    assert json.dumps(driver)
