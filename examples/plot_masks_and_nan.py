"""
Clouds and dropouts: means of what is valid
===========================================

A picture taken from above seldom is whole. Clouds cover some of it, and lines go missing on the way down:
the first come with a mask, the second as NaN. Whoever takes block means must leave both out, and say
which blocks had too little left. Here both are added to a photo of the Moon, which has no clouds: so the
truth is known, and the error of each way can be measured.
"""

# %%
# A photo with holes
# ------------------
#
# The clouds are smoothed noise above a threshold. One line of pixels in twenty is lost, and one pixel in a
# hundred besides.

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from skimage import data

import cypool

rng = np.random.default_rng(1)
moon = np.clip(data.moon() / 90 - 0.75, 0, 1)  # brightness from 0 to 1
noise = gaussian_filter(rng.standard_normal(moon.shape), 22)
cloudy = noise > np.quantile(noise, 0.7)
seen = np.where(cloudy, 0.85 + 0.1 * gaussian_filter(rng.standard_normal(moon.shape), 4), moon)
seen[rng.random(len(moon)) < 0.05] = np.nan
seen[rng.random(moon.shape) < 0.01] = np.nan
print(f"clouds cover {cloudy.mean():.0%} of the pixels, {np.isnan(seen).mean():.1%} are NaN")

# %%
# Block means, the naive way and three others
# -------------------------------------------
#
# * A plain mean of 16 x 16 pixels is NaN wherever a single pixel is.
# * NaN replaced by 0 gives a number everywhere, darkened by the holes and brightened by the clouds.
# * `nan_policy="omit"` leaves NaN out. The clouds still count.
# * `where=` leaves out what the mask says, too. This is the answer: the mean of the ground that was seen.
#   A window without such a pixel is empty, and NaN.

SIZE = 16
truth = cypool.pool(moon, SIZE, "mean")
ways = {
    "plain mean": cypool.pool(seen, SIZE, "mean"),
    "NaN set to 0": cypool.pool(np.nan_to_num(seen), SIZE, "mean"),
    "NaN left out": cypool.pool(seen, SIZE, "mean", nan_policy="omit"),
    "NaN and clouds left out": cypool.pool(seen, SIZE, "mean", nan_policy="omit", where=~cloudy),
}
print(f"{'':<24} {'empty blocks':>13} {'error of the others':>20} {'largest':>8}")
for name, y in ways.items():
    wrong = abs(y - truth)[np.isfinite(y)]
    print(f"{name:<24} {np.isnan(y).mean():>13.1%} {np.sqrt(np.mean(wrong**2)):>20.3f} {wrong.max():>8.3f}")

shades = plt.get_cmap("gray").with_extremes(bad="#d9480f")
figure, panels = plt.subplots(2, 3, figsize=(8.5, 6.2), layout="constrained")
figure.suptitle(f"means of {SIZE} x {SIZE} pixels; NaN is orange", weight="bold")
pictures = {"the Moon": moon, "clouds and dropouts": seen} | ways
for panel, (name, image) in zip(panels.flat, pictures.items(), strict=True):
    panel.imshow(image, cmap=shades, vmin=0, vmax=1, interpolation="nearest")
    panel.set_title(name, fontsize=12)
    panel.set(xticks=[], yticks=[])

# %%
# A masked array does the same
# ----------------------------
#
# If all that is invalid is masked, nothing else is needed. The result is a masked array, and an empty
# block is masked in it.

masked = np.ma.array(seen, mask=cloudy | np.isnan(seen))
means = cypool.pool(masked, SIZE, "mean")
same = np.array_equal(means.filled(np.nan), ways["NaN and clouds left out"], equal_nan=True)
print(f"{type(means).__name__}, {means.mask.sum()} of {means.size} blocks masked, same values: {same}")

# %%
# How many pixels make a mean?
# ----------------------------
#
# A block of which three pixels peep out from under a cloud has a mean, but not much of one. `min_count`
# says how many cells a window must have; with fewer it is empty. Asking for more gives up blocks, and
# those that remain are nearer to the truth.

COUNTS = (1, 8, 32, 64, 128, 192, 240)
maps, kept, errors = [], [], []
for count in COUNTS:
    y = cypool.pool(seen, SIZE, "mean", nan_policy="omit", where=~cloudy, min_count=count)
    maps.append(y)
    kept.append(np.isfinite(y).mean())
    errors.append(np.sqrt(np.nanmean((y - truth) ** 2)))
    print(f"min_count {count:>3}: {kept[-1]:.1%} of the blocks, error {errors[-1]:.4f}")

figure, panels = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for panel, chosen in zip(panels, (1, 192), strict=False):
    panel.imshow(maps[COUNTS.index(chosen)], cmap=shades, vmin=0, vmax=1)
    panel.set_title(f"min_count = {chosen}", fontsize=12)
    panel.set(xticks=[], yticks=[])
panels[2].plot(100 * np.array(kept), errors, "o-", color="#1d2433")
for k, count in enumerate(COUNTS):
    if count in (1, 32, 128, 240):
        panels[2].annotate(f"{count}", (100 * kept[k], errors[k]), (-8, 4), textcoords="offset points", ha="right")
panels[2].set(xlabel="blocks kept, %", ylabel="error", xlim=(20, 100), ylim=(0, 1.15 * max(errors)))
panels[2].set_title("error, by min_count", fontsize=12)
panels[2].spines[["top", "right"]].set_visible(False)

if plt.get_backend().lower() != "agg":
    plt.show()
