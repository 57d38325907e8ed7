"""
Stochastic pooling: another picture with each draw
==================================================

The maximum always takes the brightest cell of a window. *Stochastic* pooling (Zeiler and Fergus 2013,
arXiv:1301.3557) draws one: a cell of value x is taken with probability x / sum(x), so that bright cells win more
often than dark ones. A net that is trained so never sees quite the same picture twice.
"""

# %%
# Three draws of one photo
# ------------------------
#
# Windows of 6 x 6 pixels. `rng` is where chance comes from: a seed, or a NumPy generator. The colours of a
# pixel are drawn each by itself, hence the coloured grain.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import cypool

photo = data.coffee()[30:354, 120:552] / 255


def draw(seed, x=photo):
    return cypool.pool(x, (6, 6), "stochastic", axes=(0, 1), rng=seed)


expected = cypool.pool(photo, (6, 6), "stochastic", axes=(0, 1), training=False)
mean = cypool.pool(photo, (6, 6), "mean", axes=(0, 1))
largest = cypool.pool(photo, (6, 6), "max", axes=(0, 1))
draws = {f"draw, rng={seed}": draw(seed) for seed in range(3)}

figure, panels = plt.subplots(2, 3, figsize=(9, 5), layout="constrained")
shown = {"mean": mean, "mean of all possible draws": expected, "max": largest, **draws}
for panel, (title, image) in zip(panels.flat, shown.items(), strict=True):
    panel.imshow(image, interpolation="nearest")
    panel.set_axis_off()
    panel.set_title(title, fontsize=11)
    print(f"{title:27} mean brightness {image.mean():.4f}")
figure.suptitle("Mean, maximum, and what chance picks, in windows of 6 x 6", weight="bold")


# %%
# A draw is a little brighter than the mean, for bright cells win more often, and far darker than the maximum.
#
# The mean of many draws
# ----------------------
#
# If each cell x is taken with probability x / sum(x), the mean of all draws is sum(x * x) / sum(x). That is what
# `training=False` gives: a net that is asked, not trained, wants the same answer each time. How many draws
# does it take to come near? The error should fall with the square root of their number.

gray = photo.mean(2)
exact = cypool.pool(gray, 6, "stochastic", training=False)
weighted = cypool.pool(gray * gray, 6, "sum") / cypool.pool(gray, 6, "sum")
assert np.allclose(exact, weighted, rtol=1e-12)

numbers = 4 ** np.arange(6)
rng = np.random.default_rng(0)
total, errors = np.zeros_like(exact), []
for i in range(1, numbers[-1] + 1):
    total += cypool.pool(gray, 6, "stochastic", rng=rng)
    if i in numbers:
        errors.append(np.sqrt(np.mean((total / i - exact) ** 2)))
        print(f"mean of {i:4} draws: error {errors[-1]:.5f}")
slope = np.polyfit(np.log(numbers), np.log(errors), 1)[0]
print(f"the error falls as the number of draws to the power {slope:.3f}")

figure, panel = plt.subplots(figsize=(7, 4), layout="constrained")
panel.loglog(numbers, errors, "o", color="#0072B2", markersize=9, label="measured")
panel.loglog(numbers, errors[0] / np.sqrt(numbers), ":", color="0.4", lw=2, label="1 / square root of the number")
for other, name in ((cypool.pool(gray, 6, "mean"), "the mean"), (cypool.pool(gray, 6, "max"), "the maximum")):
    off = np.sqrt(np.mean((other - exact) ** 2))
    print(f"{name} is off by {off:.5f}")
    panel.axhline(off, color="#D55E00", lw=1)
    panel.text(numbers[-1], off * 1.06, name, color="#D55E00", ha="right", va="bottom")
panel.set_xticks(numbers, numbers)
panel.minorticks_off()
panel.set(xlabel="draws", ylabel="error (root mean square)", ylim=(1e-3, 0.25))
panel.spines[["top", "right"]].set_visible(False)
panel.legend(frameon=False)
panel.set_title("The mean of draws comes near its expectation", weight="bold")

# %%
# The same draw again
# -------------------
#
# A seed gives the same picture, to the bit, with any number of threads; a generator moves on with each call.
# With `return_indices=True` the drawn cells are known, and the gradient goes to them.

assert np.array_equal(draw(3), cypool.pool(photo, (6, 6), "stochastic", axes=(0, 1), rng=3, workers=1))
assert not np.array_equal(draw(3), draw(4))
values, places = cypool.pool(gray, 6, "stochastic", rng=0, return_indices=True)
grad = cypool.pool_backward(np.ones_like(values), gray, 6, "stochastic", indices=places)
assert np.array_equal(gray.flat[places], values) and np.array_equal(np.flatnonzero(grad), np.sort(places, None))

two = cypool.pool(gray, 6, "stochastic", rng=1)
print(f"windows in which two draws differ: {100 * np.mean(values != two):.1f} %")
best = np.mean(values == cypool.pool(gray, 6, "max"))
print(f"windows in which a draw is as bright as the maximum: {100 * best:.1f} %")

# %%
# In a photo the cells of a window are much alike, so that the brightest of 36 wins not much more often than any
# other. In the maps of a net, where many cells are zero, it is another matter: a zero is drawn only where there is
# nothing else.

sparse = np.maximum(np.random.default_rng(0).normal(-1, 1, (324, 432)), 0)
drawn, largest = cypool.pool(sparse, 6, "stochastic", rng=0), cypool.pool(sparse, 6, "max")
print(f"zeros in the map: {100 * np.mean(sparse == 0):.0f} %; windows of zeros: {np.sum(largest == 0)} of {drawn.size}")
print(f"zeros drawn: {np.sum(drawn == 0)}; maxima drawn: {100 * np.mean(drawn == largest):.0f} %")

if plt.get_backend().lower() != "agg":
    plt.show()
