"""
Does a larger window take longer?
=================================

A window of 63 x 63 cells has 3969 of them. If each result were made from its cells one by one, it would take 441
times as long as with 3 x 3. But neighbouring windows share nearly all of their cells, and what was found for one
need not be found again for the next. This example measures what is left of the 441.

All times are of the machine that built this page; they differ on yours, their proportions less so.
"""

# %%
# Windows from 3 to 63, at every place
# ------------------------------------
#
# An image of 1024 x 1024 cells, stride 1: about a million windows. The median, which takes longer, has a piece
# of 256 x 256. ``scipy.ndimage`` has filters for the same job; it computes with one thread, so that cypool
# gets one, too (`workers=1`). A filter has a result for each cell of the image, also at the border; inside of it,
# the results must be equal.

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

import cypool

SIZES = (3, 5, 7, 9, 11, 15, 31, 63)
rng = np.random.default_rng(0)
image = rng.random((1024, 1024), np.float32)
piece = np.ascontiguousarray(image[:256, :256])

WORKS = {  # the image, what SciPy calls it, and how far we have patience
    "mean": (image, ndimage.uniform_filter, 63),
    "max": (image, ndimage.maximum_filter, 63),
    "median": (piece, ndimage.median_filter, 15),
}


def milliseconds(call):
    """The fastest of four calls, or of fewer if they are slow."""
    times = []
    while len(times) < 4 and sum(times) < 250:
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times)


nanoseconds = {}  # for each window
print(f"nanoseconds for a window of{'':4}" + "".join(f"{f'{w} x {w}':>9}" for w in SIZES))
for reduce, (x, ndfilter, largest) in WORKS.items():
    inside = cypool.pool(x, 5, reduce, stride=1)
    assert np.allclose(inside, ndfilter(x, 5)[2:-2, 2:-2], rtol=1e-4)
    for tool in "cypool", "scipy":
        line = nanoseconds[reduce, tool] = []
        for w in [w for w in SIZES if w <= largest]:
            if tool == "cypool":
                spent = milliseconds(lambda: cypool.pool(x, w, reduce, stride=1, workers=1))  # noqa: B023
                windows = (len(x) - w + 1) ** 2
            else:
                spent = milliseconds(lambda: ndfilter(x, w))  # noqa: B023
                windows = x.size
            line.append(1e6 * spent / windows)
        print(f"{reduce:8}{tool:22}" + "".join(f"{t:9.2f}" if t < 100 else f"{t:9.0f}" for t in line))

figure, panels = plt.subplots(1, 3, figsize=(9, 4.2), sharey=True, layout="constrained")
for panel, reduce in zip(panels, WORKS, strict=True):
    ours, theirs = nanoseconds[reduce, "cypool"], nanoseconds[reduce, "scipy"]
    sizes = SIZES[: len(ours)]
    panel.loglog(sizes, ours[0] * np.square(sizes) / 9, ":", color="0.6", lw=2, label="as the number of cells grows")
    panel.loglog(sizes, theirs, "s-", color="#8d99ae", lw=2, markersize=7, label="scipy.ndimage")
    panel.loglog(sizes, ours, "o-", color="#d9480f", lw=2, markersize=7, label="cypool")
    ticks = [w for w in sizes if w not in (7, 11)]
    panel.set_xticks(ticks, ticks)
    panel.minorticks_off()
    panel.set(xlabel="window", ylim=(0.3, 1.5e4))
    panel.set_title(reduce, fontsize=12)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color="0.92")
panels[0].set_ylabel("nanoseconds for a window")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
figure.suptitle("Time for a window of w x w cells, stride 1, float32, one thread", weight="bold")

# %%
# How much longer does the largest window take than the smallest?

for (reduce, tool), line in nanoseconds.items():
    w = SIZES[len(line) - 1]
    longer = f"takes {line[-1] / line[0]:6.1f} times as long"
    print(f"{reduce:7}{tool:7} {w:2} x {w:2} has {w * w / 9:4.0f} times the cells of 3 x 3, {longer}")

# %%
# * The **maximum** of a rectangle is that of its columns' maxima, so it can be found along one axis after the
#   other, and neighbours share most of the work: the size of the window hardly matters.
# * So can a **mean**, a sum that is divided. Its time grows, but by far less than the number of cells.
# * A **median** cannot be put together from medians of columns. For 3 x 3 and 5 x 5, cypool sorts each column once
#   for all windows that hold it; beyond that, each window starts from nothing, and that shows. If you need the
#   median of many large windows, pool with a stride, or reduce the image by means first.

if plt.get_backend().lower() != "agg":
    plt.show()
