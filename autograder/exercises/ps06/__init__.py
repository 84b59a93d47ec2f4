"""Problem set 6: methods that use curvature, and two relatives."""

from autograder.definition import ProblemSet, Written

from . import (
    bfgs_update,
    conjugate_gradient,
    coordinate_descent_sweep,
    lbfgs_direction,
    newton_step,
    polyak_average,
    vsgd_step,
)

PROBLEM_SET = ProblemSet(
    "ps06-curvature",
    title="Methods that use curvature",
    exercises=(
        newton_step.EXERCISE,
        conjugate_gradient.EXERCISE,
        bfgs_update.EXERCISE,
        lbfgs_direction.EXERCISE,
        vsgd_step.EXERCISE,
        polyak_average.EXERCISE,
        coordinate_descent_sweep.EXERCISE,
    ),
    written=(Written("which_method", 4),),
)
