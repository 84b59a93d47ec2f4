"""Problem set 11: correct solutions in other styles score full, and conventions are named."""

from fractions import Fraction
from itertools import accumulate, takewhile

import numpy as np

from autograder.definition import load_problem_set
from autograder.definition.problem_set import material_of
from autograder.release.source import instructor_notebook

NAME = "ps11-at-scale"


def conv_by_an_array(h, w, c_in, c_out, k):
    kernels = np.empty((c_out, c_in, k, k), dtype=bool)
    return np.array([kernels.size, kernels.size * h * w])


def conv_in_floats(h, w, c_in, c_out, k):
    one_pixel = float(k) * float(k) * float(c_in) * float(c_out)
    return [one_pixel, one_pixel * float(h) * float(w)]


def conv_added_up(h, w, c_in, c_out, k):
    params = sum(k**2 for _ in range(c_in)) * c_out
    return np.int64(params), np.int64(h) * w * params


def inception_factored(row):
    h, w, c, n1, r3, n3, r5, n5, p = row.tolist()
    params = c * (n1 + r3 + r5 + p) + 9 * r3 * n3 + 25 * r5 * n5
    return params, params * h * w


def inception_by_dot(row):
    reads = row[[2, 2, 4, 2, 6, 2]]
    writes = row[3:9]
    params = np.einsum("i,i,i->", reads, writes, np.array([1, 1, 9, 1, 25, 1]))
    return np.array([params, params * np.prod(row[:2])])


def inception_by_slices(row):
    area = float(row[0] * row[1])
    branches = {1: [(row[2], n) for n in (row[3], row[4], row[6], row[8])]}
    branches |= {3: [(row[4], row[5])], 5: [(row[6], row[7])]}
    params = 0.0
    for side, layers in branches.items():
        for a, b in layers:
            params += side * side * float(a) * float(b)
    return [params, area * params]


def local_by_einsum(x, blocks):
    pieces = x.reshape(*x.shape[:-1], blocks.shape[0], blocks.shape[2])
    return np.einsum("...bm,bnm->...bn", pieces, blocks).reshape(*x.shape[:-1], -1)


def local_by_the_large_matrix(x, blocks):
    count, n, m = blocks.shape
    W = np.zeros((count * n, count * m))
    for b, block in enumerate(blocks):
        W[b * n : (b + 1) * n, b * m : (b + 1) * m] = block
    return (W @ x[..., None])[..., 0]


def local_in_loops(x, blocks):
    count, n, m = blocks.shape
    rows = []
    for one in np.reshape(x, (-1, count * m)).tolist():
        row = []
        for b in range(count):
            for i in range(n):
                row.append(sum(float(blocks[b, i, j]) * one[b * m + j] for j in range(m)))
        rows.append(row)
    return np.reshape(rows, (*np.shape(x)[:-1], count * n)).tolist()


def shards_by_average(shards):
    gradients, sizes = zip(*shards, strict=True)
    return np.average(np.array(gradients), axis=0, weights=sizes)


def shards_by_shares(shards):
    total = sum(n for _, n in shards)
    result = np.zeros(np.shape(shards[0][0]))
    for gradient, n in shards:
        result = result + float(Fraction(n, total)) * gradient
    return result.tolist()


def shards_running(shards):
    mean, seen = 0.0, 0
    for gradient, n in shards:
        if n > 0:
            seen += n
            mean = mean + (gradient - mean) * (n / seen)
    return mean


def stale_by_cumsum(grads, delay, lr):
    used = np.zeros((len(grads) + 1, *grads.shape[1:]))
    if delay < len(grads):
        used[delay + 1 :] = grads[: len(grads) - delay]
    return -(lr * used).cumsum(axis=0)


def stale_by_a_queue(grads, delay, lr):
    theta, queue, rows = 0.0 * grads[0], [], []
    for gradient in [*grads, None]:
        rows.append(np.copy(theta))
        if gradient is None:
            break
        queue.append(gradient)
        if len(queue) > delay:
            theta = theta - np.float64(lr) * queue.pop(0)
    return [row.tolist() for row in rows]


def stale_by_accumulate(grads, delay, lr):
    waiting = min(delay, len(grads))
    zero = np.zeros(grads.shape[1:])
    steps = [zero] * (waiting + 1) + [lr * g for g in grads[: len(grads) - waiting]]
    return np.stack(list(accumulate(steps, lambda total, step: total - step)))


CORRECT = {
    "conv_cost": [conv_by_an_array, conv_in_floats, conv_added_up],
    "inception_cost": [inception_factored, inception_by_dot, inception_by_slices],
    "local_matmul": [local_by_einsum, local_by_the_large_matrix, local_in_loops],
    "data_parallel_gradient": [shards_by_average, shards_by_shares, shards_running],
    "stale_sgd": [stale_by_cumsum, stale_by_a_queue, stale_by_accumulate],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


def test_biases_of_torch_are_named_however_written(judged):
    def with_biases(h, w, c_in, c_out, k):
        return [c_out * (c_in * k**2 + 1), c_out * c_in * k**2 * w * h]

    results = judged("conv_cost", with_biases)
    assert results.named == {"with-biases"}
    assert "Conv2d" in results[0].message


def test_the_plain_mean_of_workers_earns_the_points_for_equal_shards(judged):
    results = judged(
        "data_parallel_gradient",
        lambda shards: np.mean([gradient for gradient, _ in shards], axis=0),
    )
    assert results[0].passed
    assert results.named == {"unweighted-mean"}


def test_an_index_from_the_end_is_named(judged):
    def negative_index(grads, delay, lr):
        rows = [np.zeros(grads.shape[1:])]
        for t in range(len(grads)):
            rows.append(rows[-1] - lr * np.roll(grads, delay, axis=0)[t])
        return np.stack(rows)

    results = judged("stale_sgd", negative_index)
    assert results[0].passed
    assert results.named == {"wrapped-around"}


def test_a_dense_layer_by_kron_is_no_answer_but_shared_blocks_are_named(judged):
    def shared(x, blocks):
        return x @ np.kron(np.eye(len(blocks)), blocks[0]).T

    assert judged("local_matmul", shared).named == {"first-block-only"}


def test_the_published_table_has_two_rows_that_are_not_explained(answers, capsys):
    cells = instructor_notebook(load_problem_set(NAME), material_of(NAME).source)["cells"]
    (cell,) = (c for c in cells if "PUBLISHED = {" in c["source"])
    exec(cell["source"], dict(answers(NAME)))
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed if line.endswith("*")] == ["4c", "5a"]
    assert printed[1].split() == ["first", "2.6", "2.7", "34.0", "34"]
    (text,) = (c for c in cells if "unexplained" in c["source"])
    assert "two rows are marked" in text["source"]
    assert "2{,}712$ weights and 34.02 M" in text["source"]


def test_empty_shards_that_are_not_left_out_are_found(judged):
    def counted_as_one(shards):
        return sum(n * g for g, n in shards) / sum(max(n, 1) for _, n in shards)

    def ends_at_the_first(shards):
        used = list(takewhile(lambda shard: shard[1] > 0, shards)) or shards[-1:]
        return sum(n * g for g, n in used) / sum(n for _, n in used)

    for wrong in (counted_as_one, ends_at_the_first):
        failed = judged("data_parallel_gradient", wrong).failed
        assert set(failed) == {"one worker, and none to do"}
