"""Early stopping."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker, floats, readonly, strided

case = case_maker("val_losses", "patience")

# after the best epoch: a small rise, a partial recovery, and a new best that comes too late
TOO_LATE = [0.5, 0.6, 0.55, 0.58, 0.57, 0.2, 0.1, 0.15]
TOO_LATE_FOR_FIVE = [*TOO_LATE[:5], 0.59, 0.56, 0.58, 0.1]
# bad epochs in between, more than the patience in total, but never in a row
INTERRUPTED = [0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.72, 0.6, 0.65]
STOPPED_LATER = [*INTERRUPTED, 0.7, 0.68, 0.5, 0.4]
# an improvement at once, and then none until too late: of huge losses, and by next to nothing
LARGE = 1e10 * floats([1, 0.7, 0.9, 0.95, 1, 1e-3])
SMALL = floats([0, -1e-12, 0.1, 0.2, 0.3, -0.9])


def learned(rng: Rng, pattern: list[float]) -> Array:
    """Losses that fall for some epochs and then follow the pattern; equal ones stay equal."""
    before = np.cumsum(rng.uniform(0.1, 0.3, rng.integers(1, 6)))[::-1] + pattern[0]
    scale, offset = rng.uniform(0.5, 3), rng.uniform(0, 1)
    return np.asarray(scale * np.concatenate([before, pattern]) + offset)


def short(rng: Rng, value: float) -> list[Case]:
    return [
        case("a plateau", learned(rng, [0.5, 0.5, 0.5, 0.5, 0.4, 0.3]), 3),
        case("the first epoch is the best", value + np.arange(7.0), 3),
        case("a single epoch", [value], 3),
        case("patience one", learned(rng, [0.5, 0.6, 0.4, 0.3]), 1),
        case("small improvements", value - 1e-3 * np.arange(4), 1),
        case("read-only losses", readonly(learned(rng, [*TOO_LATE, 0.3, 0.3])), 3),
        case("losses that skip memory", strided(learned(rng, [0.5, 0.5, 0.6, 0.7, 0.3])), 2),
    ]


@mistake
def counter_never_reset(val_losses, patience):
    """Your function counts all bad epochs together: a new best sets the count to zero."""
    best, bad = 0, 0
    for t in range(1, len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        else:
            bad += 1
        if bad >= patience:
            return best, t
    return best, len(val_losses) - 1


@mistake
def compares_with_the_last(val_losses, patience):
    """Your function compares each epoch with the one before: compare with the best so far."""
    best, bad = 0, 0
    for t in range(1, len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        bad = 0 if val_losses[t] < val_losses[t - 1] else bad + 1
        if bad >= patience:
            return best, t
    return best, len(val_losses) - 1


@mistake
def never_stops(val_losses, patience):
    """Your function never stops: stop at the first epoch with t − best ≥ patience."""
    return int(np.argmin(val_losses)), len(val_losses) - 1


EXERCISE = Exercise(
    "early_stopping",
    title="Early stopping",
    minutes=15,
    section="regularization.md#the-rule",
    parameters=("val_losses", "patience"),
    returns=("best", "stop"),
    reference=reference.early_stopping,
    checks={
        "the patience runs out": Check(
            points=2,
            public=[
                case("a new best comes too late", [3, 2, *TOO_LATE], 3),
                case("bad epochs before the best", [1.5, *STOPPED_LATER], 3),
                case("a longer patience", [2, *TOO_LATE_FOR_FIVE], 5),
                case("large losses", [3e12, 2e12, 2.8e12, 2.9e12, 3e12, 1], 3),
                case("a small improvement", [2, 2 - 1e-12, 2.1, 2.2, 2.3, 1], 3),
            ],
            held_out=lambda rng: [
                case("a new best comes too late", learned(rng, TOO_LATE), 3),
                case("a longer patience", learned(rng, TOO_LATE_FOR_FIVE), 5),
                case("bad epochs before the best", learned(rng, STOPPED_LATER), 3),
                case("large losses", rng.uniform(300, 900) * LARGE, 3),
                case("a small improvement", rng.uniform(1, 3) + SMALL, 3),
            ],
        ),
        "the patience does not run out": Check(
            points=1,
            public=[
                case("bad epochs, but never enough", [2, *INTERRUPTED], 3),
                case("falling throughout", [4, 3, 2.5, 2.4], 2),
                case("a patience longer than training", [2, *TOO_LATE], 40),
            ],
            held_out=lambda rng: [
                case("bad epochs, but never enough", learned(rng, INTERRUPTED), 3),
                case("falling throughout", learned(rng, [0.5, 0.4, 0.3, 0.2]), 2),
                case("a patience longer than training", learned(rng, TOO_LATE), 40),
            ],
        ),
        "ties and short runs": Check(
            points=1,
            public=[
                case("a plateau", [3, 2, 2, 2, 2, 1, 0], 3),
                case("the first epoch is the best", [1, 2, 3, 4, 5], 3),
                case("a single epoch", [0.7], 3),
                case("patience one", [3, 2, 2.5, 1], 1),
                case("small improvements", [2, 1.999, 1.998, 1.997], 1),
                case("read-only losses", readonly([3, *TOO_LATE]), 3),
                case("losses that skip memory", strided([3, 2, 2, 2.5, 3, 1]), 2),
            ],
            held_out=lambda rng: short(rng, rng.uniform(0.1, 2)),
        ),
    },
    mistakes={
        "one-epoch-too-late": edit(
            "Your function stops when MORE than `patience` epochs brought nothing, the convention "
            "of ReduceLROnPlateau: in this course `patience` of them are enough, "
            "t − best ≥ patience.",
            (">= patience", "> patience"),
        ),
        "one-epoch-too-early": edit(
            "Your function stops one epoch too early: wait until t − best ≥ patience, with the "
            "epoch after the best one as the first that brought nothing.",
            (">= patience", ">= max(patience - 1, 1)"),
        ),
        "ties-count": edit(
            "Your function takes an equal loss for an improvement: only a lower one is "
            "(`<`, not `<=`).",
            ("loss <", "loss <="),
        ),
        "looks-into-the-future": edit(
            "Your best epoch is the lowest loss of all: what comes after the stop was never "
            "trained, so take the best up to there.",
            ("best, t", "int(np.argmin(val_losses)), t"),
        ),
        "counter-never-reset": counter_never_reset,
        "compares-with-the-last": compares_with_the_last,
        "maximizes": edit(
            "Your function looks for the highest value, as one does with accuracies: losses are "
            "to be low.",
            ("loss <", "loss >"),
        ),
        "loss-returned": edit(
            "Your function returns the best loss: return the epoch at which it occurred.",
            ("best, t", "val_losses[best], t"),
            ("best, len", "val_losses[best], len"),
        ),
        "stop-first": edit(
            "Your function returns the last epoch first: return the best, then the last.",
            ("best, t", "t, best"),
            ("best, len(val_losses) - 1", "len(val_losses) - 1, best"),
        ),
        "counted-from-one": edit(
            "Your function counts epochs from 1: the first one has the number 0.",
            ("best, t", "best + 1, t + 1"),
            ("best, len(val_losses) - 1", "best + 1, len(val_losses)"),
        ),
        "number-of-epochs": edit(
            "Your second value is how many epochs were trained: return the number of the last "
            "one, which is one less.",
            ("best, t", "best, t + 1"),
            ("len(val_losses) - 1", "len(val_losses)"),
        ),
        "last-epoch-kept": edit(
            "Your function returns the last epoch as the best: the parameters to keep are those "
            "of the epoch with the lowest loss.",
            ("best, t", "t, t"),
            ("best, len", "len(val_losses) - 1, len"),
        ),
        "never-stops": never_stops,
    },
    equivalents={
        "best in int32": "An epoch has no number that int32 does not hold.",
        "stop in int32": "An epoch has no number that int32 does not hold.",
    },
)
