# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Capstone: an optimizer, and a network trained with it
#
# You have written update rules as functions of arrays. Now you will write one as others would use
# it: a `torch.optim.Optimizer`, with parameter groups, gradients that may be missing, and a state
# that survives being saved. Then you will train a network with it, or with whatever else you trust
# more, to a stated accuracy on images it has not seen. There is one question to answer in words.
#
# **Time:** about an hour and a half. The second exercise can be done without the first.
#
# **How to work, check and hand in:** see the page [Exercises](index.md) of the course's website.

# %%
import matplotlib.pyplot as plt
import torch
from selfcheck import check, check_all, digits

torch.set_num_threads(1)  # as the grader does; with more, small networks are often slower

# %% [markdown]
# ## Adam as an optimizer
#
# *About 40 minutes. Chapter: [Notation](../notation.md), for the names.*
#
# The rule, elementwise, for each parameter $\theta$ with its gradient $g$:
#
# $$r \leftarrow \gamma_1 r + (1-\gamma_1) g, \qquad p \leftarrow \gamma_2 p + (1-\gamma_2) g^2,$$
#
# $$\hat r = \frac{r}{1-\gamma_1^t}, \qquad \hat p = \frac{p}{1-\gamma_2^t}, \qquad
# \theta \leftarrow \theta - \alpha \frac{\hat r}{\sqrt{\hat p} + \varepsilon}.$$
#
# What makes it an optimizer of torch:
#
# - `self.param_groups` is a list of dictionaries. Each has a list `"params"` and its own `"lr"`,
#   `"betas"` (that is $\gamma_1, \gamma_2$) and `"eps"`. Others may change `group["lr"]` between
#   two steps, so read it in every step.
# - `w.grad` may be `None`. Then the parameter was not used: leave it, its $r$ and $p$, and its
#   count $t$ of steps as they are.
# - `self.state[w]` is a dictionary for each parameter, empty at first. What is in it is saved by
#   `state_dict()`, and restored by `load_state_dict()`. What is anywhere else is lost.
# - A step changes the parameters in place, and nothing else.
#
# **By hand.** One parameter $\theta = 1$, $g = 2$ in the first step, $\alpha = 0.1$: $\hat r = 2$
# and $\hat p = 4$, so $\theta$ becomes $1 - 0.1 \cdot 2/2 = 0.9$. The first step is $\alpha$ long
# whatever the gradient is.


# %% exercise="CourseAdam"
class CourseAdam(torch.optim.Optimizer):
    """Adam, with parameter groups and a state that can be saved.

        r ← γ₁ r + (1 − γ₁) g          p ← γ₂ p + (1 − γ₂) g²
        θ ← θ − α (r / (1 − γ₁ᵗ)) / (√(p / (1 − γ₂ᵗ)) + ε)

    Arguments:
        params: parameters, or dictionaries for groups of them, as torch's optimizers take them.
        lr: learning rate α.
        betas: the decay rates (γ₁, γ₂), weights of the old values.
        eps: ε, added to the root.

    Lectures: L1 (Adam, with a slip in the correction), L2 to L5. Kingma and Ba 2015.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        """Update every parameter that has a gradient. (You may ignore ``closure``.)"""
        ### BEGIN SOLUTION
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"] = torch.zeros_like(w)
                    state["p"] = torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= group["lr"] * r / (p.sqrt() + group["eps"])
        ### END SOLUTION


# %% [markdown]
# The next cell is locked. It runs your class on a case: it sets the gradients, takes the steps,
# changes rates, saves and loads, and collects the parameters in one array, which is what is
# compared.

# %% driver="CourseAdam"
# How your optimizer is run on a case.

# %% check="CourseAdam"
check(CourseAdam)

# %% [markdown]
# **Next.** `torch.optim.Adam` keeps the same three things in its state, under other names. Look at
# `torch.optim.Adam([...]).state_dict()` after a step.

# %% [markdown]
# ## A network that reaches 93 %
#
# *About 40 minutes. Chapter: [Momentum](../momentum.md), on digits.*
#
# You get 1347 images of handwritten digits with their labels, and 450 images without. Train a
# network on the first and predict the labels of the second. Two points for 88 % right, three more
# for 93 %.
#
# The network, the loss, the optimizer, the rate and its schedule, the batches and the number of
# passes are yours to choose. There are only two rules: learn from `X` and `y` alone, and finish in
# **20 seconds** on one core.
#
# The images are those of scikit-learn's `load_digits`, 8 × 8 pixels with values from 0 to 16,
# flattened, split at random. They come as small integers: convert and scale them first, for a
# network learns faster from inputs of size about one. Let the result not depend on chance:
# `torch.manual_seed(…)` at the start of your function.
#
# How the images are split makes a difference of a percent or two. Aim higher than 93 %. In the
# grading the images are redrawn, each turned and moved a little, and the classes are numbered in
# another order: what counts is what your function learns from `X` and `y`.


# %% exercise="train_and_predict"
def train_and_predict(X, y, X_val):
    """Train on labelled images, and predict the labels of others.

    Arguments:
        X: images to learn from, integer array of shape (n, 64) with values 0 to 16.
        y: their labels, integer array of shape (n,) with values 0 to 9.
        X_val: images to predict, integer array of shape (m, 64).

    Returns:
        The labels of X_val, integer array of shape (m,).

    Lectures: L4 (the recipe).
    """
    ### BEGIN SOLUTION
    torch.manual_seed(0)
    inputs = torch.tensor(X, dtype=torch.float32) / 16
    labels = torch.tensor(y)
    network = torch.nn.Sequential(
        torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
    )
    optimizer = CourseAdam(network.parameters())
    passes = 30
    for k in range(passes):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - k / passes)
        for batch in torch.randperm(len(inputs)).split(64):
            noisy = inputs[batch] + 0.1 * torch.randn(len(batch), 64)
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(noisy), labels[batch])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        scores = network(torch.tensor(X_val, dtype=torch.float32) / 16)
    return scores.argmax(dim=1).numpy()
    ### END SOLUTION


# %% check="train_and_predict"
check(train_and_predict)

# %% [markdown]
# **Next.** The check tells only how many are right. To improve, you need a validation set of your
# own: cut one from `X` and `y`, and look at the loss on it after each pass.

# %% [markdown]
# ## A bake-off
#
# The question below asks for nine runs. Here they are, small: one network, 700 of the 1000 digits
# that come with `selfcheck` to learn from, 300 to be tried on, three methods at three rates each.
# The picture shows the learning curve of each method at the best of its rates. It is a start: one
# seed, 15 passes, and rates somebody guessed. Is the best rate of each method in the middle of
# those tried? Does another seed change the order? Change it until you believe what it says.

# %%
RATES = {"SGD": (0.03, 0.1, 0.3), "momentum": (0.01, 0.03, 0.1), "Adam": (1e-3, 3e-3, 1e-2)}
MAKE = {
    "SGD": lambda params, lr: torch.optim.SGD(params, lr),
    "momentum": lambda params, lr: torch.optim.SGD(params, lr, momentum=0.9),
    "Adam": CourseAdam,
}
images, labels = (torch.tensor(each) for each in digits())
images = images.float() / 16


def run(method, lr, seed=0, passes=15):
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer, curve = MAKE[method](network.parameters(), lr=lr), []
    for _ in range(passes):
        for batch in torch.randperm(700).split(50):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            scores = network(images[700:])
            curve.append(torch.nn.functional.cross_entropy(scores, labels[700:]).item())
    return curve, (scores.argmax(dim=1) == labels[700:]).float().mean().item()


results = {}
try:
    for method, rates in RATES.items():
        for lr in rates:
            results[method, lr] = run(method, lr)
except NotImplementedError:
    print("Adam is left out: answer CourseAdam, then run this cell again.")
except Exception as error:
    print(f"Adam is left out, for CourseAdam does not work: {error!r}")
for (method, lr), (curve, right) in results.items():
    print(f"{method:9} rate {lr:<6} loss {curve[-1]:6.3f}  right {right:6.1%}")

figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
for method, line in zip(RATES, ("--", ":", "-"), strict=True):
    tried = {lr: results[method, lr] for lr in RATES[method] if (method, lr) in results}
    if tried:
        best = min(tried, key=lambda lr: tried[lr][0][-1])
        ax.plot(range(1, 16), tried[best][0], line, label=f"{method}, rate {best}")
ax.set(xlabel="pass", ylabel="loss on the 300", yscale="log")
ax.legend()
plt.show()

# %% [markdown]
# ## In your own words: your choice
#
# *About 15 minutes, ten to fifteen sentences.*
#
# 1. Which method and which settings did you choose in the end, and which others did you try?
#    Give numbers.
# 2. Train the same network with plain SGD, with momentum and with Adam, for each at the best of at
#    least three rates. What do you find? How sure can you be, with one seed and 450 images?
# 3. What in your training would you change first for a network ten times as deep, and why?

# %% [markdown] written="your_choice"
# **A model answer.** (1) One hidden layer of 256 units, batches of 64, 30 passes, Adam at rate
# 0.003 falling to 0, and a little noise on the inputs: about 97 % in a second. Adam at 0.0003
# reached 95.8 %, at 0.1 between 95 and 98 %. (2) At the best of its rates, mean of three ways to
# split the data: SGD 97.5 % (0.3), momentum 98.6 % (0.3), Adam 98.5 % (0.01). Momentum and Adam do
# well over a range of ten in the rate; SGD at a tenth of its best rate has 93.5 %. One image of 450
# is 0.2 %, and the standard error of a share of 98 % is $\sqrt{0.98 \cdot 0.02/450} \approx
# 0.7\,\%$, before the seed is changed; so the order of momentum and Adam is not settled by these
# runs, and SGD's lag hardly. More seeds and splits, the same for all three, would be needed.
# (3) Initialization (He) and normalization of the layers, because in a deep network gradients
# vanish or explode before the choice of optimizer matters; then a warm-up of the rate, and
# clipping.
#
# **Marking scheme** (6 points)
#
# - 1 point: method and settings stated so that another could repeat the run.
# - 1 point: other settings tried, with numbers.
# - 2 points: three methods compared, each at the best of at least three rates (1 if only at one).
# - 1 point: the uncertainty named with a number (standard error about 0.7 %, or a spread over
#   seeds).
# - 1 point: a change for depth with its reason (initialization, normalization, clipping, warm-up,
#   skip connections).

# %% [markdown]
# ## Points so far

# %%
check_all()
