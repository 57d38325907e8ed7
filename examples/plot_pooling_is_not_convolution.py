"""
Is pooling a convolution?
=========================

Both lay a small window on a picture, move it along, and make one number of what is in it. A convolution adds up the
cells, each times a weight. So one kind of pooling **is** a convolution: the mean, a sum with equal weights. The
maximum is not, whatever the weights. This example shows both, and what follows from it.
"""

# %%
# A worked example
# ----------------
#
# The classic: 4 x 4 numbers, windows of 2 x 2, and one window over all (*global* pooling).

import matplotlib.pyplot as plt
import numpy as np
from scipy import signal
from skimage import data

import cypool

table = np.array([[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]])
results = {name: cypool.pool(table, 2, name) for name in ("max", "mean", "min")}
print(*(f"{name} {result.tolist()}" for name, result in results.items()), sep="\n")
print("global", *(f"{name} {cypool.global_pool(table, name).item():g}" for name in ("mean", "max")))
assert [r.ravel().tolist() for r in results.values()] == [[6, 8, 14, 16], [3.75, 5.25, 11.5, 13.5], [1, 2, 9, 11]]

TINTS = np.array([["#cfe3f2", "#f9e3b5"], ["#cdeadf", "#f0d5e2"]])


def draw_table(panel, numbers, title):
    rows, columns = numbers.shape
    for (i, j), value in np.ndenumerate(numbers):
        tint = TINTS[i * 2 // rows, j * 2 // columns]
        panel.add_patch(plt.Rectangle((j, i), 1, 1, fc=tint, ec="w", lw=3))
        panel.text(j + 0.5, i + 0.5, f"{value:g}", ha="center", va="center", fontsize=14)
    panel.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal", title=title)
    panel.set_axis_off()


figure, panels = plt.subplots(1, 4, figsize=(9, 3), layout="constrained", width_ratios=(1.5, 1, 1, 1))
draw_table(panels[0], table, "4 x 4 numbers")
for panel, (name, result) in zip(panels[1:], results.items(), strict=True):
    draw_table(panel, result, f"{name} 2 x 2")
figure.suptitle("Each window becomes one number", weight="bold")

# %%
# A widely copied tutorial prints 3.5 and 5.5 in the upper row of means. That is a slip, easily made by
# head: (1 + 3 + 5 + 6) / 4 = 3.75, and (2 + 4 + 7 + 8) / 4 = 5.25.
#
# The mean is a convolution
# -------------------------
#
# `convolve2d` of SciPy with nine weights of 1/9, of which every second result is kept in each direction
# (*stride* 2), and the mean in windows of 3 x 3 with stride 2. With `weights=`, `pool` does any other convolution
# of one channel, too: here the weights of Sobel, which answer to edges. (A convolution turns its weights by
# half a turn; a net, and `pool`, do not.)

photo = data.camera()[60:252, 130:322] / 255
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])

ninth = np.full((3, 3), 1 / 9)
for name, pooled, weights in [
    ("mean", cypool.pool(photo, 3, "mean", stride=2), ninth),
    ("sum with weights 1/9", cypool.pool(photo, 3, "sum", weights=ninth, stride=2), ninth),
    ("sum with Sobel's weights", cypool.pool(photo, 3, "sum", weights=sobel, stride=2), sobel),
]:
    difference = abs(pooled - signal.convolve2d(photo, weights[::-1, ::-1], "valid")[::2, ::2])
    assert difference.max() < 1e-12
    print(f"{name:25} largest difference from the convolution {difference.max():.0e}")

# %%
# The maximum is not
# ------------------
#
# A convolution is *linear*: that of a sum is the sum of the convolutions. For the maximum one counterexample
# is enough, and here are many: a photo and noise, pooled together and apart.

noise = np.random.default_rng(0).normal(0, 0.2, photo.shape)
for name in "mean", "max":
    together, left, right = (cypool.pool(x, 2, name) for x in (photo + noise, photo, noise))
    difference = together - (left + right)
    same = np.allclose(cypool.pool(-photo, 2, name), -left)
    print(f"{name:5}together - apart: {difference.min():z.3f} to {difference.max():z.3f}; pool(-x) == -pool(x): {same}")
assert np.array_equal(cypool.pool(-photo, 2, "max"), -cypool.pool(photo, 2, "min"))  # it becomes the minimum

# %%
# So the maximum forgets what a sum would keep. Here are four textures with the same maxima, for each window
# of 2 x 2 cells holds a bright one. `max` cannot tell the textures apart; the mean can, but for the two in
# which half of the cells are bright.

i, j = np.mgrid[:16, :16]
textures = {"dots": i % 2 + j % 2 == 0, "stripes": j % 2 == 0, "chequers": (i + j) % 2 == 0, "holes": i % 4 + j % 4 > 0}
figure, panels = plt.subplots(3, 4, figsize=(8, 6.4), layout="constrained")
for column, (name, texture) in zip(panels.T, textures.items(), strict=True):
    texture = texture.astype(float)
    maxima, means = (cypool.pool(texture, 2, reduce) for reduce in ("max", "mean"))
    print(f"{name:9} maxima {np.unique(maxima)}, means {np.unique(means)}")
    for panel, title, x in zip(column, (name, "max 2 x 2", "mean 2 x 2"), (texture, maxima, means), strict=True):
        panel.imshow(x, cmap="cividis", vmin=0, vmax=1)
        panel.set(xticks=[], yticks=[])
        panel.set_title(title, fontsize=11)
figure.suptitle("Four textures, the same to a maximum", weight="bold")

# %%
# What the next layer saves
# -------------------------
#
# Why pool at all? Windows of 2 x 2 make 32 x 32 cells of 64 x 64. In a net, the next convolution then has a
# quarter of the places to visit: here one of 3 x 3 cells, 16 channels of float32 and 32 filters.

face = cypool.pool(photo, 3, "mean")
small = {f"{name} 2 x 2": cypool.pool(face, 2, name) for name in ("max", "mean")}
shown = {"the picture": face, **small}
for x in face, small["max 2 x 2"]:
    print(f"{x.shape} places: {x.size * 3 * 3 * 16 * 32:10,} multiplications, {x.size * 16 * 4 // 1024} kB to read")

figure, panels = plt.subplots(1, 3, figsize=(9, 3.5), layout="constrained")
for panel, (name, x) in zip(panels, shown.items(), strict=True):
    panel.imshow(x, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    panel.set(xticks=[], yticks=[])
    panel.set_title(f"{name}: {x.shape[0]} x {x.shape[1]}")
figure.suptitle("Half as high, half as wide: a quarter of the cells", weight="bold")

# %%
# In short: a mean is a convolution whose weights are fixed and equal; a maximum is none. Neither has
# anything to learn. And a convolution with stride 2 that does learn can take the place of a pooling layer.

if plt.get_backend().lower() != "agg":
    plt.show()
