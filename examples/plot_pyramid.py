"""
A pyramid of a photo
====================

A picture, the same at half the size, at a quarter, and so on down to one pixel: an image *pyramid*. Viewers
of large pictures keep one, and so do programs that look for things of unknown size. Each level is the one
before it, pooled in windows of 2 x 2 pixels with stride 2. This example builds one, and then asks what
happens if the pooling is left out and every fourth pixel is simply taken.
"""

# %%
# Levels by block means
# ---------------------
#
# `block_reduce` with a block of 2 halves both axes; `channel_axis` keeps the colours apart. `dtype=np.uint8`
# asks for whole numbers again, rounded to the nearest.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import cypool

photo = data.astronaut()
levels = [photo]
while levels[-1].shape[0] > 1:
    levels.append(cypool.block_reduce(levels[-1], 2, "mean", channel_axis=-1, dtype=np.uint8))

canvas = np.full((512, 768, 3), 255, np.uint8)
canvas[:, :512] = photo
row = 0
for level in levels[1:]:
    side = level.shape[0]
    canvas[row : row + side, 512 : 512 + side] = level
    row += side

print("sides:", *(level.shape[0] for level in levels))
print(f"pixels of all levels / pixels of the photo: {sum(level.size for level in levels) / photo.size:.4f}")

figure, panel = plt.subplots(figsize=(8, 5.6), layout="constrained")
panel.imshow(canvas)
panel.set_axis_off()
panel.set_title(f"{len(levels)} levels on one canvas: 512 x 512 pixels, then half of that, again and again")

# %%
# All the smaller levels together add a third to the memory, since 1/4 + 1/16 + 1/64 + ... = 1/3.
#
# A mean of means is the mean of the larger block, so each level could as well be made from the photo at once
# (these sums are even exact in floats). With whole numbers in between, a little is lost at each step:

exact = photo.astype(float)
for k in range(1, 9):
    exact = cypool.block_reduce(exact, 2, "mean", channel_axis=-1)
    at_once = cypool.block_reduce(photo, 2**k, "mean", channel_axis=-1)
    assert np.array_equal(exact, at_once)
    print(f"means of {2**k:3} x {2**k:3} pixels: off by up to {abs(levels[k] - at_once).max():.2f} grey levels")

# %%
# What if every fourth pixel is taken?
# ------------------------------------
#
# `photo[::4, ::4]` is as small, and costs nothing. But stripes that are narrower than the new pixels can no
# longer be drawn, and they do not vanish: they come back as wide stripes that are not there, *aliases*. A
# target whose rings get finer to the outside shows it. Beyond the dashed circle the rings are finer than two
# new pixels: nothing but even grey would be right.

half = np.arange(-255.5, 256)
radius = np.hypot(*np.meshgrid(half, half))
target = 0.5 + 0.5 * np.cos(np.pi * radius**2 / 800)  # a period of 800 / radius pixels
binomial = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])


def quarter(x):
    """Four ways to a quarter of the size."""
    soft = x
    for _ in range(2):
        soft = cypool.pool(soft, 5, "mean", weights=binomial, stride=2, padding=2, border="reflect")
    return {
        "every 4th pixel": x[::4, ::4],
        "max 4 x 4": cypool.pool(x, 4, "max"),
        "mean 4 x 4": cypool.pool(x, 4, "mean"),
        "soft mean, twice": soft,
    }


fine = cypool.pool(radius, 4, "min") > 110  # safely beyond the circle, of radius 100
grass = data.grass() / 255
rows = {"target": (target, quarter(target), fine), "grass": (grass, quarter(grass), np.ones((128, 128), bool))}
figure, panels = plt.subplots(2, 4, figsize=(8, 4.9), layout="constrained")
for line, (name, (x, ways, where)) in zip(panels, rows.items(), strict=True):
    print(f"{name}: mean {x.mean():.3f}, contrast (standard deviation) {x.std():.3f}")
    for panel, (title, image) in zip(line, ways.items(), strict=True):
        print(f"   {title:17} mean {image[where].mean():.3f}, contrast {image[where].std():.3f}")
        panel.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        panel.set(xticks=[], yticks=[], xlabel=f"contrast {image[where].std():.3f}")
        if name == "target":
            panel.add_patch(plt.Circle((63.5, 63.5), 100 / 4, fill=False, color="#D55E00", ls="--", lw=1.2))
            panel.set_title(title, fontsize=11)
    line[0].set_ylabel(name, fontsize=11)
figure.suptitle("A quarter of the size: what becomes of fine detail", weight="bold")

# %%
# The contrast of the target is measured beyond the circle, where it should be zero.
#
# * **Every 4th pixel** keeps the full contrast: all of it is false. The rings in the corners and at the
#   sides do not exist. In the grass it keeps the full contrast, too: each blade is there or not, by chance.
# * The **maximum** is brighter than the picture, and has false rings as well. It is the right one for bright
#   things that must not get lost, such as stars, not for photos.
# * The **mean** takes most of the false rings away. Some faint ones stay, since a block has hard edges.
# * A **soft mean** counts the middle of a window more than its border: windows of 5 x 5 with the weights
#   1 4 6 4 1, stride 2, twice. Windows overlap, and next to nothing of the false rings is left. The grass
#   gets softer, too.

if plt.get_backend().lower() != "agg":
    plt.show()
