"""Curves: the picture shows the numbers that the table lists."""

import xml.etree.ElementTree as ET
from pathlib import Path

import jupytext
import numpy as np
import pytest

from autograder.selfcheck import Curves

PS01 = Path(__file__).parents[2] / "solutions" / "ps01-sgd" / "ps01-sgd.py"


def pictures(curves):
    return ET.fromstring(curves._repr_html_()).findall("svg")


def lines(picture):
    """The places of each unbroken line of the curve."""
    found = [line.get("points").split() for line in picture.findall("polyline")]
    return [[tuple(map(float, place.split(","))) for place in line] for line in found]


def words(picture):
    return [text.text for text in picture.findall("text")]


def read_off(picture):
    """The curve's points as a reader finds them: by the labels of the axes."""
    texts = [(t.text, float(t.get("x")), float(t.get("y"))) for t in picture.findall("text")[1:-1]]
    down = {float(said): y - 4 for said, x, y in texts if x < 40}
    right = {float(said): x for said, x, _ in texts if x > 40}
    ticks = [sorted(axis.items()) for axis in (right, down)]
    at = [[place[axis] for line in lines(picture) for place in line] for axis in (0, 1)]
    values = []
    for places, ((v0, p0), *_, (v1, p1)) in zip(at, ticks, strict=True):
        values.append([v0 + (place - p0) * (v1 - v0) / (p1 - p0) for place in places])
    return values


@pytest.mark.parametrize("size", [1e-6, 1.0, 3e4])
def test_a_picture_can_be_read_off(size):
    xs, ys = [0, 10, 20, 25], [2.3 * size, 1.1 * size, -0.4 * size, 0.7 * size]
    (picture,) = pictures(Curves({"update": xs, "loss": ys}))
    assert (words(picture)[0], words(picture)[-1]) == ("loss", "update")
    read_x, read_y = read_off(picture)
    assert read_x == pytest.approx(xs, abs=0.01 * 25)
    assert read_y == pytest.approx(ys, abs=0.01 * 3 * size)
    assert len(picture.findall("circle")) == 4


def test_the_table_has_the_same_numbers():
    loss, right = [2.302585, 0.25], [np.float64(9.5), 88]
    curves = Curves({"update": [0, 100], "loss": loss, "% right": right})
    table = "update   loss  % right\n     0  2.303      9.5\n   100   0.25       88"
    assert repr(curves) == table
    assert [words(picture)[0] for picture in pictures(curves)] == ["loss", "% right"]


def test_what_is_no_number_is_a_gap():
    ys = [1.0, 2.0, float("nan"), float("inf"), 1e300, 3.0]
    (picture,) = pictures(Curves({"k": range(6), "loss": ys}))
    assert [len(line) for line in lines(picture)] == [2, 1]
    for empty in ([], [float("nan")] * 2, [0.0, 0.0]):
        (picture,) = pictures(Curves({"k": range(len(empty)), "loss": empty}))
        assert "nan" not in ET.tostring(picture, encoding="unicode")


def test_names_are_words_and_nothing_else():
    curves = Curves({"<script>": [0, 1], '"><b>&': [1, 2]})
    (picture,) = pictures(curves)
    assert words(picture)[-1] == "<script>"
    assert picture.get("aria-label") == '"><b>&: 1 … 2'
    assert "<script" not in curves._repr_html_()


@pytest.mark.parametrize("columns", [{}, {"k": [1]}, {"k": [1, 2], "loss": [1]}])
def test_columns_that_do_not_fit_are_refused(columns):
    with pytest.raises(ValueError, match="two or more columns of the same length"):
        Curves(columns)


def test_problem_set_1_ends_in_curves_of_a_training_that_learns():
    cells = jupytext.reads(PS01.read_text(encoding="utf-8"), fmt="py:percent").cells
    (training,) = (cell.source for cell in cells if "= digits()" in cell.source)
    answers = "\n".join(cell.source for cell in cells if "exercise" in cell.metadata)
    names = {}
    imports = "import numpy as np\nfrom autograder.selfcheck import Curves, digits\n"
    exec(imports + answers + "\n" + training, names)
    loss, right = pictures(names["curves"])
    assert sum(np.diff(read_off(loss)[1]) < 0) > 7
    assert read_off(right)[1][-1] > 80
    # one answer is missing: the picture of before does not stay
    exec("def sgd_step(*_): raise NotImplementedError('sgd_step')\n" + training, names)
    assert names["curves"] is None
