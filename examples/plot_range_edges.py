"""
Edges by pooling: the range of a window
=======================================

Where all pixels of a window are alike, their range (largest minus smallest) is 0. Where an edge crosses it,
the range is the height of the edge. So a pooling with `"range"` that moves by one pixel draws outlines. In
morphology this is known as the *morphological gradient*: dilation minus erosion.
"""

# %%
# One call instead of two
# -----------------------
#
# Dilation is a sliding maximum, erosion a sliding minimum. `"range"` gives their difference at once,
# without the two pictures in between.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import cypool

coins = data.coins()


def slide(image, reducer, size=3, **options):
    return cypool.pool(image, size, reducer, stride=1, padding="same", **options)


edges = slide(coins, "range")
same = np.array_equal(edges, slide(coins, "max") - slide(coins, "min"))
print(f"the same as max minus min: {same}; dtype {edges.dtype}")

figure, panels = plt.subplots(2, 2, figsize=(8, 6.9), layout="compressed")
pictures = {"the coins": coins, "max 3 x 3 (dilation)": slide(coins, "max")}
pictures |= {"min 3 x 3 (erosion)": slide(coins, "min"), "range 3 x 3 = max - min": edges}
for panel, (name, image) in zip(panels.flat, pictures.items(), strict=True):
    panel.imshow(image, cmap="magma" if "range" in name else "gray")
    panel.set_title(name, fontsize=12)
    panel.set(xticks=[], yticks=[])

# %%
# How wide is an edge?
# --------------------
#
# A sharp edge lies between two pixels. A window of 3 cells sees it from two places, one of 9 cells from
# eight: the line is one pixel thinner than the window. Its height does not depend on the window.
#
# Half of it is thinner: maximum minus pixel is its dark side, pixel minus minimum its bright side.

step = np.repeat([20, 80], 20)
halves = {"max - x": lambda x, n: slide(x, "max", n) - x, "x - min": lambda x, n: x - slide(x, "min", n)}
for size in (3, 5, 9):
    whole = slide(step, "range", size)
    widths = [np.count_nonzero(half(step, size)) for half in halves.values()]
    print(f"window {size}: height {whole.max()}, width {np.count_nonzero(whole)}; halves {widths[0]} and {widths[1]}")

figure, panels = plt.subplots(1, 3, figsize=(8.5, 3), layout="constrained", sharey=True)
for panel, size in zip(panels, (3, 5, 9), strict=True):
    panel.fill_between(np.arange(40), slide(step, "range", size), step="mid", color="#f0b49a", label="range")
    panel.step(np.arange(40), step, where="mid", color="#1d2433", lw=2, label="the edge")
    panel.set_title(f"window of {size}", fontsize=12)
    panel.set_xlabel("pixel")
    panel.spines[["top", "right"]].set_visible(False)
panels[0].set_ylim(0, 115)
panels[0].legend(frameon=False, loc="upper left")

# %%
# Window sizes on the coins
# -------------------------
#
# A small window answers to the faces on the coins and to the grain of the photo. A large one begins to
# fill the coins. The table says how much of the picture lies above a range of 60, and what a window of 1 x 9 or
# 9 x 1 cells sees of the edges that cross it: a window need not be square.

WINDOWS = {"3 x 3": 3, "5 x 5": 5, "9 x 9": 9, "1 x 9": (1, 9), "9 x 1": (9, 1)}
figure, panels = plt.subplots(2, 3, figsize=(9, 5.2), layout="compressed")
panels[0, 0].imshow(coins[:160, :200], cmap="gray")
panels[0, 0].set_title("a part of the coins", fontsize=12)
for panel, (name, size) in zip(panels.flat[1:], WINDOWS.items(), strict=True):
    image = slide(coins, "range", size)
    print(f"range {name}: {np.mean(image > 60):5.1%} of the pixels above 60, largest {image.max()}")
    panel.imshow(image[:160, :200], cmap="magma", vmin=0, vmax=200)
    panel.set_title(f"range {name}", fontsize=12)
_ = plt.setp(panels, xticks=[], yticks=[])

# %%
# Noise is an edge, too
# ---------------------
#
# A range knows only the two outermost cells, so one wrong pixel makes a square as large as the window. Here
# 1 % of the pixels are set to white. A median before the range, or two quantiles for it, mend most of that.

noisy = coins.copy()
noisy[np.random.default_rng(0).random(coins.shape) < 0.01] = 255
ways = {
    "range 5 x 5": lambda x: slide(x, "range", 5),
    "median 3 x 3, then range": lambda x: slide(slide(x, "median"), "range", 5),
    "quantile 0.9 - 0.1": lambda x: slide(x, "quantile", 5, q=0.9) - slide(x, "quantile", 5, q=0.1),
}
figure, panels = plt.subplots(1, 3, figsize=(9, 2.9), layout="compressed")
for panel, (name, way) in zip(panels, ways.items(), strict=True):
    change = np.mean(abs(way(noisy) - way(coins).astype(float)))
    print(f"{name:<25} changed by the noise by {change:.1f} on average")
    panel.imshow(way(noisy)[:160, :200], cmap="magma", vmin=0, vmax=200)
    panel.set_title(f"{name}\nchanged by {change:.1f}", fontsize=12)
    panel.set(xticks=[], yticks=[])

if plt.get_backend().lower() != "agg":
    plt.show()
