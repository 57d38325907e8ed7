"""
One photo, twelve reducers
==========================

Pooling lays a window on an array and makes one value of its cells. *Which* value is the choice of a
reducer. This example pools the same photo in windows of 12 x 12 pixels by twelve of them, side by side,
and measures what each one keeps: the brightness, the extremes, values that really occur, or the contrast.
"""

# %%
# The same windows, twelve answers
# --------------------------------
#
# The first nine reducers answer with a brightness, and are drawn in gray. The last three answer with
# something else, and are drawn in colour, from dark (little) to bright (much): `range` and `std` say how far
# the pixels of a window lie apart, and `lp` is the root of the sum of their squares, which grows with the
# window. Options of a reducer are further keywords: `q` of a quantile, `p` of a norm, `alpha` of softpool.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import cypool

photo = data.camera()[:456, :456] / 255  # brightness from 0 to 1
SIZE = 12
LEVELS = {
    "max": {},
    "min": {},
    "mean": {},
    "median": {},
    "quantile": {"q": 0.9},
    "mode": {},
    "gem": {"p": 8},
    "softpool": {"alpha": 8},
    "first": {},
}
OTHERS = {"range": {}, "std": {}, "lp": {"p": 2}}
pooled = {name: cypool.pool(photo, SIZE, name, **options) for name, options in (LEVELS | OTHERS).items()}

figure, panels = plt.subplots(4, 3, figsize=(8, 11), layout="constrained")
figure.suptitle(f"{photo.shape[0]} x {photo.shape[1]} pixels, windows of {SIZE} x {SIZE}", weight="bold")
for panel, (name, image) in zip(panels.flat, pooled.items(), strict=True):
    options = ", ".join(f"{key} = {value}" for key, value in (LEVELS | OTHERS)[name].items())
    if name in LEVELS:
        panel.imshow(image, cmap="gray", vmin=0, vmax=1)
    else:
        panel.imshow(image, cmap="magma")
    panel.set_title(f"{name} ({options})" if options else name, fontsize=12)
    panel.set(xticks=[], yticks=[])

# %%
# What each one keeps
# -------------------
#
# Three questions about the nine brightnesses:
#
# * Is the picture as bright as it was? Only the mean promises that.
# * Do the values occur in the photo? Maximum, minimum, mode and first cell pick a pixel; so do most
#   quantiles. Means of any kind make values up.
# * Does an outlier matter? The pixel in the middle of each window is set to white, and the table says by
#   how much the result moves, on average. (The first cell is another one, and the minimum cannot rise
#   unless the darkest pixel is hit: a black pixel would be its outlier.)

spoiled = photo.copy()
spoiled[SIZE // 2 :: SIZE, SIZE // 2 :: SIZE] = 1
print(f"The photo has a mean of {photo.mean():.3f}\n")
print(f"{'reducer':<10} {'mean':>7} {'values of the photo':>21} {'moved by a white pixel':>24}")
for name, options in LEVELS.items():
    moved = abs(cypool.pool(spoiled, SIZE, name, **options) - pooled[name]).mean()
    real = np.isin(pooled[name], photo).mean()
    print(f"{name:<10} {pooled[name].mean():>7.3f} {real:>19.0%}   {moved:>22.4f}")

# %%
# One row of windows
# ------------------
#
# The row of windows through the camera shows the order among them. The minimum lies below all, the maximum
# above; between them the generalised mean (`gem`) and softpool lean towards the maximum. Mean and median
# part where a window has few pixels that differ much from the rest.

row = 10
place = np.arange(pooled["max"].shape[1])
figure, (above, below) = plt.subplots(2, 1, figsize=(8, 6.5), layout="constrained", sharex=True)
above.fill_between(place, pooled["min"][row], pooled["max"][row], color="#c5ccd8", label="min to max")
for name, colour in {"mean": "#1d2433", "median": "#d9480f", "gem": "#2b8a3e", "softpool": "#1971c2"}.items():
    above.plot(place, pooled[name][row], color=colour, lw=2, label=name)
above.set_title(f"brightness along row {row} of the windows", fontsize=12)
above.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.1), frameon=False)
below.plot(place, pooled["range"][row], color="#1d2433", lw=2, label="range")
below.plot(place, pooled["std"][row], color="#d9480f", lw=2, label="std")
below.set_title("spread along the same row", fontsize=12)
below.set_xlabel("window")
below.legend(frameon=False)
for panel in (above, below):
    panel.spines[["top", "right"]].set_visible(False)

# %%
# Which one to take
# -----------------
#
# * A smaller picture of a scene: the **mean**.
# * Is there anything bright, or dark, in here? The **maximum**, or the **minimum**.
# * Noise with outliers: the **median**, or a **quantile** if one side of the window counts.
# * Labels, classes, palettes, where a value in between means nothing: the **mode**.
# * Something between mean and maximum: **gem** or **softpool**, with a number to set how far between.
# * Where is texture, where are edges? **range** and **std**.

if plt.get_backend().lower() != "agg":
    plt.show()
