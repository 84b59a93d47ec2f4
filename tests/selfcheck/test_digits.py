"""The digits that come with selfcheck are scikit-learn's."""

import numpy as np
from sklearn.datasets import load_digits

from autograder.selfcheck import digits


def test_the_digits_are_the_first_thousand_of_scikit_learn():
    images, labels = digits()
    whole = load_digits()
    np.testing.assert_array_equal(images, whole.data[:1000])
    np.testing.assert_array_equal(labels, whole.target[:1000])
    assert (images.dtype, labels.dtype) == (np.float64, np.int64)
    images[0] = 0  # they are the caller's own
    assert digits()[0][0].any()
