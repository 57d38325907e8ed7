"""
Pooling or convolution? A tiny net reads digits
===============================================

A convolutional net alternates two kinds of layers. What does each of them do, how do they differ, and
what would go missing without pooling? This example trains the same small net four times on handwritten
digits. Only the layer that halves the picture changes: **max**, **average** and **stochastic** pooling,
and a **strided convolution**. Then it moves every test picture by one pixel and asks again.

Everything is NumPy; the pooling layers and their gradients are those of `cypool.layers`. It takes
half a minute on one core.
"""

# %%
# A convolution is a filter that is learned
# -----------------------------------------
#
# A convolution layer looks at a small window, multiplies its cells by *weights*, adds them up, and does
# so everywhere. The weights are numbers that training finds: a filter may come to answer to a stroke that
# leans to the right, another to the end of a line. It says **what** is there, and it mixes channels: each
# output sees all of them.
#
# With `sliding_window_view` the layer is one product of matrices, and so is its gradient.

import time

import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_digits

from cypool.layers import AveragePooling2D, MaxPooling2D, MaxUnpooling2D, StochasticPooling2D, UpSampling2D


class Convolution:
    """`filters` learned filters of size x size cells, on (batch, rows, columns, channels)."""

    def __init__(self, rng, channels, filters, size, strides=1):
        scale = np.sqrt(2 / (size * size * channels))
        self.size, self.strides = size, strides
        weights = rng.normal(0, scale, (channels, size, size, filters))
        self.weights = [weights.astype(np.float32), np.zeros(filters, np.float32)]

    def __call__(self, x, training=False):
        self.shape = x.shape
        windows = sliding_window_view(x, (self.size, self.size), (1, 2))
        self.windows = windows[:, :: self.strides, :: self.strides]
        return np.einsum("bijckl,cklf->bijf", self.windows, self.weights[0], optimize=True) + self.weights[1]

    def backward(self, grad):
        self.gradients = [
            np.einsum("bijckl,bijf->cklf", self.windows, grad, optimize=True),
            grad.sum((0, 1, 2)),
        ]
        dx, s = np.zeros(self.shape, np.float32), self.strides
        rows, columns = (n * s for n in grad.shape[1:3])
        for k in range(self.size):
            for j in range(self.size):
                dx[:, k : k + rows : s, j : j + columns : s] += grad @ self.weights[0][:, k, j].T
        return dx


class Relu:
    weights = ()

    def __call__(self, x, training=False):
        self.positive = x > 0
        return x * self.positive

    def backward(self, grad):
        return grad * self.positive


class Dense:
    """Scores of the ten digits from all features."""

    def __init__(self, rng, features, classes):
        weights = rng.normal(0, np.sqrt(1 / features), (features, classes))
        self.weights = [weights.astype(np.float32), np.zeros(classes, np.float32)]

    def __call__(self, x, training=False):
        self.shape, self.features = x.shape, x.reshape(len(x), -1)
        return self.features @ self.weights[0] + self.weights[1]

    def backward(self, grad):
        self.gradients = [self.features.T @ grad, grad.sum(0)]
        return (grad @ self.weights[0].T).reshape(self.shape)


# %%
# Pooling is a filter that is fixed
# ---------------------------------
#
# A pooling layer looks at a window, too, but it has nothing to learn: it takes the largest value, or the
# mean, of each channel by itself. It says **that** something is there, and not quite where: a stroke that
# moves within a window leaves the maximum as it was. That is what it is for:
#
# * the picture has a quarter of the cells, and the layers behind it a quarter of the work and weights;
# * a small shift changes little, because the exact place within a window is thrown away;
# * each cell behind it sees more of the picture.
#
# A convolution with stride 2 halves the picture as well, with weights of its own: whether it forgets small
# shifts depends on what it learns.
#
# In a net of layers, a pooling layer is one more object with a call and a `backward`. Only the stochastic
# one must know whether the net is training: then it draws a cell of each window, in proportion to its
# value, and afterwards it gives the mean of such draws.


class Pooling:
    weights = ()

    def __init__(self, layer):
        self.layer, self.backward = layer, layer.backward

    def __call__(self, x, training=False):
        return self.layer(x, training=training) if isinstance(self.layer, StochasticPooling2D) else self.layer(x)


FILTERS = 12
KINDS = {
    "max": lambda rng, size: [Pooling(MaxPooling2D(size))],
    "average": lambda rng, size: [Pooling(AveragePooling2D(size))],
    "stochastic": lambda rng, size: [Pooling(StochasticPooling2D(size, seed=0))],
    "strided convolution": lambda rng, size: [Convolution(rng, FILTERS, FILTERS, size, strides=size), Relu()],
}


def build(kind, size, seed):
    rng = np.random.default_rng(seed)
    cells = (12 // size) ** 2
    return [Convolution(rng, 1, FILTERS, 3), Relu(), *KINDS[kind](rng, size), Dense(rng, cells * FILTERS, 10)]


def run(net, x, training=False):
    for layer in net:
        x = layer(x, training)
    return x


# %%
# Four nets, four windows
# -----------------------
#
# The digits have 8 x 8 pixels; a margin of three makes room to move them without losing any. The
# convolution makes 12 maps of 12 x 12 cells of a picture, and the layer that shrinks them has windows of
# 2 x 2, 3 x 3, 6 x 6 or all 12 x 12 cells (*global* pooling). The nets see 1000 digits, all in the middle
# of the picture, and are asked about the other 797: in the middle, and moved by one pixel.

digits = load_digits()
order = np.random.default_rng(0).permutation(len(digits.images))
pictures = np.pad(digits.images[order] / 16, ((0, 0), (3, 3), (3, 3)))[..., None].astype(np.float32)
labels = digits.target[order]
seen, unseen = slice(None, 1000), slice(1000, None)
AROUND = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
SIZES = (2, 3, 6, 12)


def moved(x, down, right):
    return np.roll(x, (down, right), (1, 2))  # the margin is empty


def train(net, x, labels, seed, epochs=14, batch=50, rate=5e-3, move=False):
    """Cross-entropy, minimised by Adam; `move`: each batch is moved, by chance."""
    rng = np.random.default_rng(seed)
    moments = [[np.zeros_like(w), np.zeros_like(w)] for layer in net for w in layer.weights]
    step = 0
    for _ in range(epochs):
        for picked in np.array_split(rng.permutation(len(x)), len(x) // batch):
            some = moved(x[picked], *rng.integers(-1, 2, 2)) if move else x[picked]
            scores = run(net, some, training=True)
            odds = np.exp(scores - scores.max(1, keepdims=True))
            grad = odds / odds.sum(1, keepdims=True)
            grad[np.arange(len(picked)), labels[picked]] -= 1
            grad /= len(picked)
            for layer in reversed(net):
                grad = layer.backward(grad)
            step += 1
            learning = [layer for layer in net if layer.weights]
            weights = [w for layer in learning for w in layer.weights]
            gradients = [g for layer in learning for g in layer.gradients]
            for w, g, (mean, square) in zip(weights, gradients, moments, strict=True):
                mean += 0.1 * (g - mean)
                square += 0.001 * (g * g - square)
                w -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return net


def score(net):
    """Percent of right answers: in the middle, and moved by one pixel in eight directions."""
    right = labels[unseen]
    still = (run(net, pictures[unseen]).argmax(1) == right).mean()
    shifted = np.mean([(run(net, moved(pictures[unseen], *by)).argmax(1) == right).mean() for by in AROUND])
    return 100 * still, 100 * shifted


start = time.perf_counter()
nets, scores = {}, {}
for kind in KINDS:
    for size in SIZES:
        for seed in range(2):
            net = train(build(kind, size, seed), pictures[seen], labels[seen], seed)
            nets.setdefault((kind, size), net)
            scores.setdefault((kind, size), []).append(score(net))

print("right answers in %, digits in the middle / moved by one pixel\n")
print(f"{'':22}" + "".join(f"{f'window {size}':>14}" for size in SIZES))
for kind in KINDS:
    means = [np.mean(scores[kind, size], 0) for size in SIZES]
    print(f"{kind:22}" + "".join(f"{still:7.0f} /{shifted:3.0f}  " for still, shifted in means))
taught = score(train(build("strided convolution", 6, 0), pictures[seen], labels[seen], 0, epochs=30, move=True))
print(f"\nstrided convolution of 6 that was shown moved digits: {taught[0]:.0f} / {taught[1]:.0f}")
print(f"\n{time.perf_counter() - start:.0f} s")

# %%
# What the answers say
# --------------------
#
# Each curve is one way of shrinking; to the right, larger windows.

STYLE = {"max": ("#0072B2", "o"), "average": ("#E69F00", "s"), "stochastic": ("#009E73", "^"),
         "strided convolution": ("#A2468A", "D")}  # fmt: skip

figure, panels = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
titles = "digits in the middle, as trained", "the same digits, moved by one pixel"
for which, (panel, title) in enumerate(zip(panels, titles, strict=True)):
    for kind, (colour, marker) in STYLE.items():
        values = np.array([[one[which] for one in scores[kind, size]] for size in SIZES])
        panel.plot(range(len(SIZES)), values.mean(1), color=colour, marker=marker, markersize=8, lw=2, label=kind)
    panel.axhline(10, color="0.6", lw=1, ls=":")
    panel.set(title=title, xlabel="window (and stride)", ylim=(0, 103))
    panel.set_xticks(range(len(SIZES)), [f"{n} x {n}" for n in SIZES[:-1]] + ["12 x 12\n(global)"])
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color="0.92")
panels[0].set_ylabel("right answers in %")
panels[0].text(-0.1, 12, "guessing", color="0.4", fontsize=9)
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
figure.suptitle("The maximum forgives a shift, and pays for it in detail", weight="bold")

# %%
# * **Maximum**: with windows of 6 the net still knows its digits, and gets twice as many of the moved ones
#   right as the strided convolution, without having seen a moved digit. With global pooling both panels show
#   the same number: the place is gone, and no shift can matter. So is the detail: several
#   digits are made of the same strokes, in other places.
# * **Average**: small windows do well; in large ones a thin stroke drowns among empty cells.
# * **Stochastic** pooling trains on drawn cells, which hinders learning by heart, and behaves much like the
#   maximum.
# * The **strided convolution** has a weight for each place of its window. It loses no detail, and no shift
#   is forgiven. It can *learn* to forgive if it is shown moved digits: the last line of the table. Pooling
#   has that built in.

# %%
# The same in pictures: a digit, the digit one pixel further, and what arrives behind each layer. The
# number is how far the two lie apart, in percent of their size.

digit = pictures[unseen][labels[unseen] == 4][:1]
pair = np.concatenate([digit, moved(digit, 0, 1)])
features = run(nets["max", 6][:2], pair)
channel = int((features[0].max((0, 1)) * (features[0].min((0, 1)) == 0)).argmax())
one = features[..., channel : channel + 1]
learned = run(nets["strided convolution", 3][:4], pair)
busy = int(learned.sum((0, 1, 2)).argmax())
columns = {
    "the picture": pair,
    "convolution\n(1 of 12 maps)": one,
    "max 3 x 3": MaxPooling2D(3)(one),
    "average 3 x 3": AveragePooling2D(3)(one),
    "max 6 x 6": MaxPooling2D(6)(one),
    "convolution 3 x 3,\nstride 3": learned[..., busy : busy + 1],
}

figure, panels = plt.subplots(2, len(columns), figsize=(11, 4.6), layout="constrained")
for column, (title, maps) in zip(panels.T, columns.items(), strict=True):
    apart = np.sqrt(((maps[0] - maps[1]) ** 2).sum() / (maps**2).sum() * 2)
    for panel, image in zip(column, maps, strict=True):
        panel.imshow(image[..., 0], cmap="cividis", vmin=0, vmax=maps.max())
        panel.set(xticks=[], yticks=[])
    column[0].set_title(title, fontsize=10)
    column[1].set_xlabel(f"{100 * apart:.0f} % apart", fontsize=11)
panels[0, 0].set_ylabel("digit")
panels[1, 0].set_ylabel("one pixel to the right")
figure.suptitle("What a shift of one pixel does", weight="bold")

# %%
# Fixed and learned filters
# -------------------------
#
# The average is a convolution whose weights are all the same and never change; the maximum is no sum of
# weighted cells at all. The weights of the convolution were noise before training. Here they are after it:
# edges and lines in several directions (teal adds, brown takes away).

kernels = nets["max", 6][0].weights[0][0]
figure, panels = plt.subplots(2, 7, figsize=(10, 3.4), layout="constrained")
peak = abs(kernels).max()
shown = [("mean, fixed", np.full((3, 3), 1 / 9)), *((f"learned {i + 1}", kernels[..., i]) for i in range(FILTERS))]
for panel in panels.flat:
    panel.set_axis_off()
for panel, (title, kernel) in zip([panels[0, 0], *panels[:, 1:].flat], shown, strict=True):
    panel.imshow(kernel, cmap="BrBG", vmin=-peak, vmax=peak)
    panel.set_title(title, fontsize=10, weight="bold" if "mean" in title else "normal")
for i, j in np.ndindex(3, 3):
    panels[0, 0].text(j, i, "1/9", ha="center", va="center", fontsize=11)
panels[1, 0].text(0.5, 0.55, "the maximum\nhas no weights", ha="center", va="center", fontsize=10)
figure.suptitle("A pooling filter, and twelve that training found", weight="bold")

# %%
# What is lost, and where the gradient goes
# -----------------------------------------
#
# Pooling cannot be undone. `UpSampling2D` puts a value into the whole window: the place is lost.
# `MaxUnpooling2D` puts the maximum back where it was, since the layer kept its indices: all other cells
# are lost. The gradient takes the same ways back, without a choice: that of the maximum goes to the cell
# that won (the first, where all are 0), and the rest of the window learns nothing; that of the average is
# shared out equally.

one = one[:1]
maximum, average = MaxPooling2D(3), AveragePooling2D(3)
pooled = maximum(one)
smooth = average(one)
ones = np.ones_like(pooled)
ways = {
    "a map": one,
    "max 3 x 3": pooled,
    "UpSampling2D:\nwhat, not where": UpSampling2D(3)(pooled),
    "MaxUnpooling2D:\nthe winners alone": MaxUnpooling2D(3)(pooled, maximum.indices),
    "gradient of max:\n1 for the winner": maximum.backward(ones),
    "gradient of average:\n1/9 for each cell": average.backward(ones),
}
figure, panels = plt.subplots(1, len(ways), figsize=(11, 2.6), layout="constrained")
for panel, (title, image) in zip(panels, ways.items(), strict=True):
    gradient = title.startswith("gradient")
    shades = ("gray", np.sqrt(image)) if gradient else ("cividis", image)  # the root, so that 1/9 can be seen
    panel.imshow(shades[1][0, ..., 0], cmap=shades[0], vmin=0, vmax=1 if gradient else one.max())
    panel.set(xticks=[], yticks=[])
    panel.set_title(title, fontsize=10)
    if image.shape[1] == 12:
        for at in (2.5, 5.5, 8.5):
            panel.axhline(at, color="w", lw=0.6, alpha=0.6)
            panel.axvline(at, color="w", lw=0.6, alpha=0.6)
figure.suptitle("There and back: a map of 12 x 12 cells, windows of 3 x 3", weight="bold")

# %%
# Which one to take
# -----------------
#
# * A convolution finds out *what* to look for; a net cannot do without it.
# * Pooling says *roughly where* is enough. It costs no weights, and needs no examples of shifts. Take the
#   maximum where a feature is there or not, the average where the amount counts, global pooling in front of
#   the last layer of a deep net.
# * A strided convolution instead of pooling keeps what pooling would throw away. It is for nets with enough
#   examples to learn from, or where the exact place is the answer.

if plt.get_backend().lower() != "agg":
    plt.show()
