"""
What is beyond the border?
==========================

A window at the border of a picture hangs over its edge, and something has to be said about the cells
that are not there. A bad answer shows: as a dark rim, or as a colour from the opposite side. This example
measures the rim that padding with zeros leaves in block means, draws the six answers of `cypool.pool`,
and asks which of them comes nearest to what was really there.
"""

# %%
# A dark last row
# ---------------
#
# The coins have 303 x 384 pixels, which blocks of 10 x 10 do not divide: 3 rows and 4 columns are left over.
# `skimage.measure.block_reduce` fills the last blocks with zeros, and the zeros count in the mean.
# `cypool.block_reduce` gives the same numbers unless told otherwise: `boundary="partial"` takes the mean
# of the pixels that exist, `"trim"` drops what is left over.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from skimage.measure import block_reduce as skimage_block_reduce

import cypool

coins = data.coins()
results = {
    "scikit-image": skimage_block_reduce(coins, 10, np.mean),
    'cypool, "pad"': cypool.block_reduce(coins, 10, np.mean),
    'cypool, "partial"': cypool.block_reduce(coins, 10, np.mean, boundary="partial"),
    'cypool, "trim"': cypool.block_reduce(coins, 10, np.mean, boundary="trim"),
}
print(f"pixels: the last 3 rows have mean {coins[-3:].mean():.1f}, the last 4 columns {coins[:, -4:].mean():.1f}\n")
for name, y in results.items():
    print(f"{name:<20} {y.shape!s:<9} last row {y[-1].mean():5.1f}   last column {y[:, -1].mean():5.1f}")
print("\nthe first two are equal:", np.array_equal(results["scikit-image"], results['cypool, "pad"']))

figure, panels = plt.subplots(1, 3, figsize=(9, 3), layout="compressed")
for panel, name in zip(panels, ["scikit-image", 'cypool, "partial"', 'cypool, "trim"'], strict=True):
    panel.imshow(results[name], cmap="gray", vmin=0, vmax=230)
    panel.set_title(name, fontsize=12)
    panel.set(xticks=[], yticks=[], xlim=(-0.5, 38.5), ylim=(30.5, -0.5))
    panel.set_xlabel(f"last row: mean {results[name][-1].mean():.0f}", fontsize=11)

# %%
# Six answers, drawn
# ------------------
#
# `cypool.pool` takes `padding=` and a `border=` that says what padded cells are. A window of one cell
# shows it: its maximum is that cell, so the result is the padded array itself. Here three cells are added
# on each side of a picture of 5 x 5 (inside the frame). With `"ignore"`, the default, there is nothing to
# take a maximum of: these windows are empty.

small = np.add.outer(5.0 * np.arange(5), np.arange(5))
BORDERS = ("ignore", "constant", "reflect", "symmetric", "edge", "wrap")
figure, panels = plt.subplots(2, 3, figsize=(8, 5.9), layout="compressed")
for panel, border in zip(panels.flat, BORDERS, strict=True):
    padded = cypool.pool(small, 1, "max", padding=3, border=border)
    panel.imshow(padded, cmap="viridis", vmin=0, vmax=24)
    for (i, j), value in np.ndenumerate(padded):
        if np.isfinite(value):
            panel.text(j, i, f"{value:.0f}", ha="center", va="center", color="w" if value < 15 else "k", fontsize=8)
    panel.add_patch(plt.Rectangle((2.5, 2.5), 5, 5, fill=False, edgecolor="#d9480f", lw=2.5))
    panel.set_title(f'"{border}"', fontsize=12)
    panel.set(xticks=[], yticks=[])

# %%
# Which is nearest to the truth?
# ------------------------------
#
# A photo ends where the camera stopped looking. But a piece cut from a photo has a border whose other side
# is known. So: smooth the whole photo by the mean of 31 x 31 pixels, smooth the piece alone with each
# border, and compare the two in the 15 pixels along the border, where they can differ. The piece with the
# camera is drawn; the table also has the mean over nine pieces, and how often each border came first.

photo = data.camera() / 255
whole = cypool.pool(photo, 31, "mean", stride=1, padding="same")
rim = np.ones((160, 160), bool)
rim[15:-15, 15:-15] = False


def compare(top, left):
    piece = slice(top, top + 160), slice(left, left + 160)
    smooth = {b: cypool.pool(photo[piece], 31, "mean", stride=1, padding="same", border=b) for b in BORDERS}
    return piece, smooth, {b: np.sqrt(np.mean((y - whole[piece])[rim] ** 2)) for b, y in smooth.items()}


piece, smooth, wrong = compare(100, 180)
nine = [compare(top, left)[2] for top in (15, 176, 337) for left in (15, 176, 337)]
first = [min(errors, key=errors.get) for errors in nine]
print("inside, the largest difference is", max(abs(y - whole[piece])[~rim].max() for y in smooth.values()))
print(f"{'error along the border':<24} {'camera':>7} {'nine pieces':>12} {'came first':>11}")
for border in sorted(wrong, key=wrong.get):
    mean = np.mean([errors[border] for errors in nine])
    print(f"{border:<24} {wrong[border]:>7.3f} {mean:>12.3f} {first.count(border):>11}")

figure, panels = plt.subplots(2, 4, figsize=(9, 5.6), layout="compressed")
figure.suptitle("mean of 31 x 31 pixels, and its error along the border", weight="bold")
pictures = {"the piece": photo[piece], "the truth": whole[piece]} | smooth
for panel, (name, image) in zip(panels.flat, pictures.items(), strict=True):
    panel.imshow(image, cmap="gray", vmin=0, vmax=1)
    panel.set_title(f"{name}\nerror {wrong[name]:.3f}" if name in wrong else name, fontsize=12)
    panel.set(xticks=[], yticks=[])

if plt.get_backend().lower() != "agg":
    plt.show()
