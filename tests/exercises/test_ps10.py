"""Problem set 10: correct solutions in other styles score full, and conventions are named."""

import numpy as np
import pytest

NAME = "ps10-regularization"


def train_by_where(x, mask, keep):
    return np.where(mask > 0.5, x, 0.0)


def train_in_loops(x, mask, keep):
    flat = [float(a) if m else 0.0 for a, m in zip(np.ravel(x), np.ravel(mask), strict=True)]
    return np.reshape(flat, np.shape(x)).tolist()


def train_on_a_copy(x, mask, keep):
    y = x.copy()
    y[mask == 0] = 0
    return y


def weights_by_subtracting(W, b, keep):
    return W - (1 - keep) * W, b


def weights_in_loops(W, b, keep):
    return [[float(w) * keep for w in row] for row in W], [float(v) for v in b]


def weights_on_a_copy(W, b, keep):
    W = np.array(W)
    W *= np.float64(keep)
    return [W, np.array(b)]


def inverted_scaling_the_mask(x, mask, keep):
    scaled = mask / keep
    return np.multiply(scaled, x)


def inverted_in_loops(x, mask, keep):
    flat = [
        float(a) * (1 / keep) if m == 1 else 0.0
        for a, m in zip(np.ravel(x), np.ravel(mask), strict=True)
    ]
    return np.reshape(flat, np.shape(x)).tolist()


def inverted_by_where(x, mask, keep):
    return np.where(mask.astype(bool), x / np.float64(keep), 0)


def l2_as_a_gradient(w, b, grad_w, grad_b, lr, lam):
    total = grad_w + lam * w
    return w - lr * total, b - lr * grad_b


def l2_in_loops(w, b, grad_w, grad_b, lr, lam):
    new = [
        [float(a) - lr * float(g) - lr * lam * float(a) for a, g in zip(*rows, strict=True)]
        for rows in zip(w, grad_w, strict=True)
    ]
    return new, [float(a) - lr * float(g) for a, g in zip(b, grad_b, strict=True)]


def l2_on_copies(w, b, grad_w, grad_b, lr, lam):
    w, b = w.copy(), b.copy()
    w *= 1 - np.float64(lr) * lam
    w += -lr * grad_w
    b -= lr * grad_b
    return [w, b]


def l1_by_comparing(w, b, grad_w, grad_b, lr, lam):
    push = (w > 0).astype(float) - (w < 0)
    return w - lr * grad_w - lam * lr * push, -lr * grad_b + b


def l1_in_loops(w, b, grad_w, grad_b, lr, lam):
    new = np.empty(w.shape)
    for i in np.ndindex(*w.shape):
        sign = 0 if w[i] == 0 else (1 if w[i] > 0 else -1)
        new[i] = w[i] - lr * (lam * sign + grad_w[i])
    return new.tolist(), (b - lr * grad_b).tolist()


def l1_by_dividing(w, b, grad_w, grad_b, lr, lam):
    size = np.abs(w)
    sign = np.divide(w, size, out=np.zeros_like(w), where=size > 0)
    return w - np.float64(lr) * (grad_w + lam * sign), np.subtract(b, np.multiply(lr, grad_b))


def stopping_by_a_counter(val_losses, patience):
    best, lowest, waited = 0, float("inf"), 0
    for t, loss in enumerate(val_losses.tolist()):
        if loss < lowest:
            best, lowest, waited = t, loss, 0
        else:
            waited += 1
            if waited == patience:
                return best, t
    return [best, t]


def stopping_by_prefixes(val_losses, patience):
    for t in range(len(val_losses)):
        best = np.argmin(val_losses[: t + 1])
        if t - best >= patience:
            break
    return best, np.int64(t)


def stopping_vectorized(val_losses, patience):
    lowest = np.minimum.accumulate(val_losses)
    new = np.concatenate([[True], lowest[1:] < lowest[:-1]])
    epochs = np.arange(len(val_losses))
    best = np.maximum.accumulate(np.where(new, epochs, 0))
    late = np.flatnonzero(epochs - best >= patience)
    stop = late[0] if len(late) else len(val_losses) - 1
    return np.array([best[stop], stop])


def ensemble_in_loops(probs):
    m, n, k = probs.shape
    p = [[sum(float(probs[j, i, c]) for j in range(m)) / m for c in range(k)] for i in range(n)]
    return p, [row.index(max(row)) for row in p]


def ensemble_by_einsum(probs):
    p = np.einsum("mnk->nk", probs / len(probs))
    return p, np.argmax(p, axis=-1)


def ensemble_sorted(probs):
    total = np.sum(probs, axis=0)
    return [np.divide(total, probs.shape[0]), np.argsort(-total, axis=1, kind="stable")[:, 0]]


def crop_by_padding(img, dy, dx, flip):
    H, W = img.shape[-2:]
    p, q = abs(dy), abs(dx)
    width = [(0, 0)] * (img.ndim - 2) + [(p, p), (q, q)]
    padded = np.pad(img, width)
    out = padded[..., p + dy : p + dy + H, q + dx : q + dx + W]
    return np.flip(out, axis=-1) if flip else out


def crop_in_loops(img, dy, dx, flip):
    H, W = img.shape[-2:]
    out = np.zeros(img.shape)
    for i in range(H):
        for j in range(W):
            y, x = i + dy, j + dx
            if 0 <= y < H and 0 <= x < W:
                out[..., i, W - 1 - j if flip else j] = img[..., y, x]
    return out.tolist()


def crop_by_shift_matrices(img, dy, dx, flip):
    H, W = img.shape[-2:]
    out = np.eye(H, k=dy) @ img @ np.eye(W, k=dx).T
    return out @ np.eye(W)[::-1] if flip else out


CORRECT = {
    "dropout_train": [train_by_where, train_in_loops, train_on_a_copy],
    "dropout_test": [weights_by_subtracting, weights_in_loops, weights_on_a_copy],
    "inverted_dropout_forward": [
        inverted_scaling_the_mask,
        inverted_in_loops,
        inverted_by_where,
    ],
    "inverted_dropout_backward": [
        inverted_scaling_the_mask,
        inverted_in_loops,
        inverted_by_where,
    ],
    "l2_step": [l2_as_a_gradient, l2_in_loops, l2_on_copies],
    "l1_step": [l1_by_comparing, l1_in_loops, l1_by_dividing],
    "early_stopping": [stopping_by_a_counter, stopping_by_prefixes, stopping_vectorized],
    "ensemble_predict": [ensemble_in_loops, ensemble_by_einsum, ensemble_sorted],
    "random_crop_flip": [crop_by_padding, crop_in_loops, crop_by_shift_matrices],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


def test_the_two_forms_of_dropout_are_named_in_place_of_each_other(judged):
    lecture, inverted = "dropout_train", "inverted_dropout_forward"
    assert judged(lecture, inverted_scaling_the_mask).named == {"scaled-up-already"}
    assert judged(inverted, train_by_where).named == {"not-rescaled"}


def test_a_drop_rate_taken_for_a_keep_rate_is_named(judged):
    results = judged("inverted_dropout_forward", lambda x, m, p: m * (x / (1 - p)))
    assert results.named == {"divided-by-drop-rate"}


def test_what_is_wrong_on_average_is_said_first(judged):
    failed = judged("inverted_dropout_forward", lambda x, mask, keep: x * mask * 1.5).failed
    assert "on average over all masks" in failed["the mean over all masks"].message


@pytest.mark.parametrize("exercise", ["l2_step", "l1_step"])
def test_penalized_biases_earn_the_check_without_biases(exercise, judged):
    def decays_all(w, b, grad_w, grad_b, lr, lam):
        def part(v):
            return v if exercise == "l2_step" else np.sign(v)

        return w - lr * (grad_w + lam * part(w)), b - lr * (grad_b + lam * part(b))

    failed = judged(exercise, decays_all).failed
    assert "the weights, with biases zero" not in failed
    assert "biases" in failed["weights and biases"].message


def test_soft_thresholding_is_named_as_another_method(judged):
    def proximal(w, b, grad_w, grad_b, lr, lam):
        u = w - lr * grad_w
        return u - np.clip(u, -lr * lam, lr * lam), b - lr * grad_b

    assert judged("l1_step", proximal).named == {"soft-threshold"}


def test_the_patience_of_schedulers_earns_what_never_stops(judged):
    def later(val_losses, patience):
        return stopping_by_a_counter(val_losses, patience + 1)

    results = judged("early_stopping", later)
    assert "the patience does not run out" not in results.failed
    assert results.named == {"one-epoch-too-late"}


def test_a_vote_is_told_from_a_mean(judged):
    def vote(probs):
        votes = np.eye(probs.shape[2])[probs.argmax(axis=2)].sum(axis=0)
        return np.average(probs, axis=0), np.argmax(votes, axis=1)

    assert judged("ensemble_predict", vote).named == {"majority-vote"}


def test_mirroring_first_earns_crops_and_mirror_images(judged):
    def mirrored_first(img, dy, dx, flip):
        return crop_by_padding(img[..., ::-1] if flip else img, dy, dx, False)

    failed = judged("random_crop_flip", mirrored_first).failed
    assert set(failed) == {"a crop, mirrored", "channels and memory layouts"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("start", "least"), [(100.0, 0.0), (1e9, 0.0), (np.inf, 1e-3), (np.inf, 1e-9)]
)
def test_early_stopping_with_thresholds_of_its_own_is_found(judged, start, least, seed):
    def with_thresholds(val_losses, patience):
        best, lowest = 0, start
        for t, loss in enumerate(val_losses):
            if loss < lowest - least:
                best, lowest = t, loss
            if t - best >= patience:
                return best, t
        return best, len(val_losses) - 1

    assert "the patience runs out" in judged("early_stopping", with_thresholds, seed).failed


@pytest.mark.parametrize("seed", range(3))
def test_a_crop_that_is_right_only_near_the_image_is_found(judged, seed):
    def by_slices(img, dy, dx, flip):
        H, W = img.shape[-2:]
        out = np.zeros_like(img)
        rows = slice(max(0, -dy), H - max(0, dy)), slice(max(0, dy), H + min(0, dy))
        columns = slice(max(0, -dx), W - max(0, dx)), slice(max(0, dx), W + min(0, dx))
        out[..., rows[0], columns[0]] = img[..., rows[1], columns[1]]
        return out[..., ::-1] if flip else out

    assert "a crop" in judged("random_crop_flip", by_slices, seed).failed


@pytest.mark.parametrize("seed", range(3))
def test_a_crop_out_of_a_frame_of_a_fixed_width_is_found(judged, seed):
    def with_frame(img, dy, dx, flip, width=8):
        H, W = img.shape[-2:]
        framed = np.pad(img, [(0, 0)] * (img.ndim - 2) + [(width, width)] * 2)
        top, left = (width + min(max(d, -width), width) for d in (dy, dx))
        out = framed[..., top : top + H, left : left + W]
        return out[..., ::-1] if flip else out

    assert set(judged("random_crop_flip", with_frame, seed).failed) == {"a crop"}
