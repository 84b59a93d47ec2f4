"""What a convolution costs."""

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import case_maker

from .sizes import two_sizes

case = case_maker("h", "w", "c_in", "c_out", "k")


def pointwise(h: int, w: int, c_in: int, c_out: int) -> list[Case]:
    return [
        case("a square image", h, h, c_in, c_out, 1),
        case("an image that is not square", h, w, c_in, c_out, 1),
        case("few channels", w, h, 3, 2, 1),
    ]


def larger(h: int, w: int, c_in: int, c_out: int) -> list[Case]:
    return [
        case("3 × 3 kernels", h, h, c_in, c_out, 3),
        case("5 × 5 kernels", h, h, c_out, c_in, 5),
        case("an image that is not square", h, w, c_in, c_out, 3),
        case("a large layer", 225, 223, 63 + 2 * c_in, 63 + 2 * c_out, 7),
    ]


def single(h: int, w: int, c_in: int, c_out: int) -> list[Case]:
    return [
        case("an image of one pixel", 1, 1, c_in, c_out, 1),
        case("a linear layer, more weights than int32 holds", 1, 1, 50000 + c_in, 50257, 1),
        case("one input channel", h, w, 1, c_out, 3),
        case("one output channel", h, w, c_in, 1, 3),
        case("an image of one row", 1, w, c_in, c_out, 3),
    ]


EXERCISE = Exercise(
    "conv_cost",
    title="What a convolution costs",
    minutes=10,
    section="efficient-models.md#the-rule",
    parameters=("h", "w", "c_in", "c_out", "k"),
    returns=("params", "ops"),
    reference=reference.conv_cost,
    checks={
        "1 × 1 kernels": Check(
            points=1,
            public=[
                case("a square image", 28, 28, 192, 64, 1),
                case("an image that is not square", 6, 8, 3, 5, 1),
                case("few channels", 4, 5, 3, 2, 1),
            ],
            held_out=lambda rng: pointwise(*two_sizes(rng, 5, 60), *two_sizes(rng, 2, 200)),
        ),
        "larger kernels": Check(
            points=2,
            public=[
                case("the first convolution of GoogLeNet", 112, 112, 3, 64, 7),
                case("the second, without its reduction", 56, 56, 64, 192, 3),
                case("5 × 5 kernels", 14, 14, 24, 64, 5),
                case("an image that is not square", 9, 12, 2, 5, 3),
                case("a large layer", 225, 223, 65, 129, 7),
            ],
            held_out=lambda rng: larger(*two_sizes(rng, 8, 60), *two_sizes(rng, 2, 200)),
            rtol=1e-9,
        ),
        "one pixel, one channel": Check(
            points=1,
            public=[
                case("an image of one pixel (a linear layer)", 1, 1, 1024, 1000, 1),
                case("a linear layer, more weights than int32 holds", 1, 1, 50257, 50257, 1),
                case("one input channel", 6, 5, 1, 4, 3),
                case("one output channel", 5, 6, 4, 1, 3),
                case("an image of one row", 1, 7, 2, 3, 3),
            ],
            held_out=lambda rng: single(*two_sizes(rng, 4, 30), *two_sizes(rng, 2, 300)),
        ),
    },
    mistakes={
        "with-biases": edit(
            "Your function counts c_out biases, too, as torch's Conv2d has them: the course "
            "counts weights only, as the table of GoogLeNet does.",
            ("return params", "return params + c_out"),
        ),
        "two-operations-each": edit(
            "Your function counts a multiplication and its addition as two operations, a common "
            "convention: the course, like the table of GoogLeNet, counts them as one.",
            ("h * w", "2 * h * w"),
        ),
        "side-of-the-kernel": edit(
            "Your function multiplies by k: a kernel has k × k entries, so multiply by k².",
            ("k**2", "k"),
        ),
        "without-padding": edit(
            "Your function takes h and w for the size of an input without padding: they are the "
            "size of the output, and each of its pixels takes one operation a weight.",
            ("h * w", "(h - k + 1) * (w - k + 1)"),
        ),
        "swapped-outputs": edit(
            "Your function returns the operations first: return params, then ops.",
            ("params, h * w * params", "h * w * params, params"),
        ),
        "weights-for-each-pixel": edit(
            "Your function has weights of its own for each pixel: a convolution uses the same "
            "weights at all of them, so params does not depend on h and w.",
            ("return params", "return h * w * params"),
        ),
        "operations-of-one-pixel": edit(
            "Your function counts the operations of one pixel of the output: there are h·w pixels.",
            ("h * w * params", "params"),
        ),
        "one-input-channel": edit(
            "Your function leaves c_in out: each output channel has a kernel for every input "
            "channel.",
            ("c_in * ", ""),
        ),
        "separable": edit(
            "Your function is the cost of a depthwise separable convolution, k² c_in + c_in c_out: "
            "in an ordinary one every output channel has a kernel for every input channel.",
            ("c_in * c_out", "c_in + c_in * c_out"),
        ),
        "square-image": edit(
            "Your function uses the height for the width, too: the output has h·w pixels.",
            ("h * w", "h * h"),
        ),
        "channels-added": edit(
            "Your function adds the numbers of channels: every input channel is connected to "
            "every output channel, so multiply them.",
            ("c_in * c_out", "(c_in + c_out)"),
        ),
    },
)
