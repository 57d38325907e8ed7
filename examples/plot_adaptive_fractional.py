"""
Where the windows lie: sliding, adaptive, fractional
====================================================

A window of 3 with stride 2 leaves a result whose size depends on the picture. Sometimes it is the other way
round: the size of the result is given, and the windows must fit. *Adaptive* pooling shares out the axis as
evenly as it goes, *fractional* pooling does it at random. This example draws the windows of each, and then
pools photos of any size to the same size.
"""

# %%
# One axis of 14 cells
# --------------------
#
# `Windows` describes the windows of one axis; `Windows.bounds(n)` says where they begin and end on an axis of
# n cells. It is given to `pool` in place of a number.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import cypool
from cypool import Windows

n = 14
KINDS = {
    "sliding(4)": Windows.sliding(4),
    "sliding(4, ceil_mode=True)": Windows.sliding(4, ceil_mode=True),
    "sliding(4, shift=True)": Windows.sliding(4, shift=True),
    "sliding(3, stride=2, padding=1)": Windows.sliding(3, stride=2, padding=1),
    "adaptive(5)": Windows.adaptive(5),
    "fractional(n, 5, rng=0)": Windows.fractional(n, 5, rng=0),
    'fractional(n, 5, scheme="random", rng=0)': Windows.fractional(n, 5, scheme="random", rng=0),
    "fractional(n, 5, overlapping=True, rng=0)": Windows.fractional(n, 5, overlapping=True, rng=0),
    "adaptive(20)": Windows.adaptive(20),
}

figure, panels = plt.subplots(3, 3, figsize=(9, 5.8), layout="constrained")
for panel, (name, windows) in zip(panels.flat, KINDS.items(), strict=True):
    starts, stops = windows.bounds(n)
    seen = np.zeros(n, int)
    for i, (a, b) in enumerate(zip(starts, stops, strict=True)):
        panel.barh(i + 1, b - a, 0.7, left=a, color=("#0072B2", "#E69F00")[i % 2])
        seen[a:b] += 1
    for cell, times in enumerate(seen):
        panel.add_patch(plt.Rectangle((cell, -0.9), 1, 0.9, fc="0.9" if times else "#D55E00", ec="w"))
    lengths = stops - starts
    print(f"{name:42} {len(starts):2} windows of", *lengths, f"- a cell is in {seen.min()} to {seen.max()} of them")
    panel.set_title(name.replace("n, 5, ", "n, 5,\n"), fontsize=10)
    panel.set(xlim=(0, n), ylim=(max(len(starts), 6) + 0.6, -1), xticks=[], yticks=[])
    panel.spines[:].set_visible(False)
figure.suptitle("Windows (bars, first to last) over 14 cells (squares; red: in no window)", weight="bold")

# %%
# * `sliding` drops a rest that fills no window. `ceil_mode` keeps it as a smaller window, `shift` moves the
#   last window back inside, and padding lets windows hang over the ends (only the cells inside are drawn).
# * `adaptive` windows differ by a cell or so, and may share one at a border. More windows than cells
#   are possible, too: then some are repeated.
# * `fractional` windows have two neighbouring lengths, in an order that is drawn by chance.
#
# Pictures of any size to one size
# --------------------------------
#
# `adaptive_pool` makes 24 x 24 means of whatever comes in, as the last layers of a net want it, or a search
# for pictures that look alike.

photos = {"cat": data.chelsea(), "coffee": data.coffee(), "rocket": data.rocket(), "astronaut": data.astronaut()}
figure, panels = plt.subplots(2, 4, figsize=(9, 4.4), layout="constrained", height_ratios=(1, 1.2))
for (above, below), (name, photo) in zip(panels.T, photos.items(), strict=True):
    small = cypool.adaptive_pool(photo, (24, 24), "mean", axes=(0, 1), dtype=np.uint8)
    starts, stops = Windows.adaptive(24).bounds(photo.shape[0])
    print(f"{name:10} {photo.shape} -> {small.shape}, windows {np.unique(stops - starts)} pixels high")
    for panel, x, title in ((above, photo, f"{name}, {photo.shape[0]} x {photo.shape[1]}"), (below, small, "24 x 24")):
        panel.imshow(x)
        panel.set_axis_off()
        panel.set_title(title, fontsize=11)
figure.suptitle("adaptive_pool: the size of the result is given", weight="bold")

# %%
# Smaller by less than a half
# ---------------------------
#
# Windows of 2 halve a picture, and after a few layers nothing is left of it. Graham (2014, arXiv:1412.6071)
# shrinks by a factor between 1 and 2, such as the square root of 2: twice as many layers fit before the picture
# is gone.

gray = data.camera()[40:296, 120:376].astype(np.float32)
for ratio in 2, 2**0.5:
    sides, x = [], gray
    while len(x) > 4:
        x = cypool.fractional_pool(x, ratio=ratio, rng=0)
        sides.append(len(x))
    print(f"maxima with a ratio of {ratio:.3f}: 256 to", *sides)

# %%
# Each draw stretches the picture a little in other places, so that a net sees it slightly different each time.
# There are two ways to draw. `"pseudorandom"`, the default, draws one number for an axis and then lays all
# windows evenly; `"random"` shuffles short and long windows, so that errors of place add up along the axis.

even = cypool.adaptive_pool(gray, 100, "mean")
shown = {"adaptive": even}
for scheme in "pseudorandom", "random":
    many = {Windows.fractional(256, 100, scheme=scheme, rng=seed).bounds(256)[0].tobytes() for seed in range(500)}
    shown[scheme], windows = cypool.fractional_pool(gray, 100, "mean", scheme=scheme, rng=1, return_windows=True)
    off = abs(windows[1].centers(256) - Windows.adaptive(100).centers(256)).max()
    print(f"{scheme}: {len(many)} different ways in 500 draws; this one is off from even windows by up to {off:.1f}")
another = cypool.fractional_pool(gray, 100, "mean", scheme="random", rng=0)
shown["random: rng=1 minus rng=0"] = shown["random"] - another
shown["pseudorandom minus adaptive"] = shown["pseudorandom"] - even
shown["random minus adaptive"] = shown["random"] - even

figure, panels = plt.subplots(2, 3, figsize=(9, 6.4), layout="constrained")
for panel, (title, x) in zip(panels.flat, shown.items(), strict=True):
    if "minus" in title:
        panel.imshow(x, cmap="BrBG", vmin=-120, vmax=120, interpolation="nearest")
        panel.set_title(f"{title}:\n{abs(x).mean():.1f} grey levels on average", fontsize=11)
    else:
        panel.imshow(x, cmap="gray", interpolation="nearest")
        panel.set_title(f"{title}: 256 to 100", fontsize=11)
    panel.set(xticks=[], yticks=[])
figure.suptitle("fractional_pool: each draw lays the windows elsewhere", weight="bold")

# %%
# The pictures look alike, and differ along every edge. `return_windows=True` hands out the windows of a draw,
# so that `pool` can lay them on other arrays and `pool_backward` can take the gradient back through them.

if plt.get_backend().lower() != "agg":
    plt.show()
