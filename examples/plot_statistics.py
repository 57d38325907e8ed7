"""
Texture by numbers: statistics of windows
=========================================

Gravel and bricks can be equally bright. To tell them apart, one does not need to know what a stone is:
how much the pixels of a window differ is often enough. This example pools pictures of textures by mean,
standard deviation, range and quantiles, counts how well each map separates them, and ends with a pair for
which all of these fail and two poolings in a row do better.
"""

# %%
# Two textures in one picture
# ---------------------------
#
# A disc of gravel in a wall of bricks. The gravel is shifted to the mean of the bricks, so that brightness
# says nothing.

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import rankdata
from skimage import data

import cypool

TEXTURES = {name: getattr(data, name)() / 255 for name in ("brick", "gravel", "grass")}
rows, columns = np.mgrid[:512, :512] - 255.5
disc = rows**2 + columns**2 < 160**2


def together(outside, inside):
    return np.where(disc, inside - inside[disc].mean() + outside[~disc].mean(), outside)


def quantile(x, size, q):
    return cypool.pool(x, size, "quantile", q=q)


STATISTICS = {
    "mean": lambda x, n: cypool.pool(x, n, "mean"),
    "median": lambda x, n: cypool.pool(x, n, "median"),
    "std": lambda x, n: cypool.pool(x, n, "std"),
    "range": lambda x, n: cypool.pool(x, n, "range"),
    "quantile 0.1": lambda x, n: quantile(x, n, 0.1),
    "quantile 0.9": lambda x, n: quantile(x, n, 0.9),
    "quantile 0.9 - 0.1": lambda x, n: quantile(x, n, 0.9) - quantile(x, n, 0.1),
}
SIZE = 16
picture = together(TEXTURES["brick"], TEXTURES["gravel"])
figure, panels = plt.subplots(2, 4, figsize=(9, 5), layout="compressed")
panels[0, 0].imshow(picture, cmap="gray", vmin=0, vmax=1)
panels[0, 0].set_title("gravel in bricks", fontsize=12)
for panel, (name, statistic) in zip(panels.flat[1:], STATISTICS.items(), strict=True):
    panel.imshow(statistic(picture, SIZE), cmap="viridis")
    panel.set_title(name, fontsize=12)
for panel in panels.flat:
    panel.set(xticks=[], yticks=[])

# %%
# How well do they separate?
# --------------------------
#
# Draw one window inside the disc and one outside, again and again: how often does the same side have the
# larger value? 50 % is guessing, 100 % means that a threshold separates the textures without a mistake. (This
# is the area under the ROC curve.) Windows that the edge of the disc crosses are left out.


def separation(values, size):
    share = cypool.pool(disc.astype(float), size, "mean")
    inside, outside = values[share == 1], values[share == 0]
    ranks = rankdata(np.concatenate([inside, outside]))[: len(inside)].sum()
    area = (ranks - len(inside) * (len(inside) + 1) / 2) / (len(inside) * len(outside))
    return max(area, 1 - area)


SIZES = (8, 16, 32)
print(f"{'gravel in bricks':<20}" + "".join(f"{f'{n} x {n}':>10}" for n in SIZES))
for name, statistic in STATISTICS.items():
    print(f"{name:<20}" + "".join(f"{separation(statistic(picture, n), n):>10.1%}" for n in SIZES))

# %%
# Where statistics of single pixels end
# -------------------------------------
#
# Gravel and grass have the same mean here, and nearly the same standard deviation as well. The statistics
# above see the values of a window, but not how they are arranged; and it is the arrangement that differs,
# blades being finer than stones. Two poolings in a row see it: first the range of 3 x 3 pixels around each
# pixel (fine contrast), then the mean of that in the window.

picture = together(TEXTURES["grass"], TEXTURES["gravel"])
print(f"standard deviation: {picture[disc].std():.3f} inside, {picture[~disc].std():.3f} outside\n")
fine = cypool.pool(picture, 3, "range", stride=1, padding="same")
ways = STATISTICS | {"mean of range 3 x 3": lambda x, n: cypool.pool(fine, n, "mean")}
print(f"{'gravel in grass':<20}" + "".join(f"{f'{n} x {n}':>10}" for n in SIZES))
for name, statistic in ways.items():
    print(f"{name:<20}" + "".join(f"{separation(statistic(picture, n), n):>10.1%}" for n in SIZES))

figure, panels = plt.subplots(1, 4, figsize=(9, 2.8), layout="compressed")
maps = {"gravel in grass": picture, "std": ways["std"](picture, 32), "range": ways["range"](picture, 32)}
maps["mean of range 3 x 3"] = ways["mean of range 3 x 3"](picture, 32)
for panel, (name, image) in zip(panels, maps.items(), strict=True):
    panel.imshow(image, cmap="gray" if "grass" in name else "viridis", interpolation="nearest")
    panel.set_title(name, fontsize=12)
    panel.set(xticks=[], yticks=[])
    if "grass" not in name:
        panel.set_xlabel(f"separates {separation(image, 32):.0%}", fontsize=11)

if plt.get_backend().lower() != "agg":
    plt.show()
