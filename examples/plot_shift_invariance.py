"""
How far does invariance to shifts go?
=====================================

"Pooling makes a net invariant to small shifts": so it is often said. A maximum does not tell where in its
window it was found, hence a thing may move a little and nothing changes. But windows have borders, and a
thing near one leaves its window with the first step. This example measures how much of the promise is kept,
for several windows and strides, and what blurring adds.
"""

# %%
# One bright cell
# ---------------
#
# The simplest thing that can move is one bright cell. Put it anywhere, shift it to the right by k cells, and
# see if the maxima in windows of w x w cells (and with stride w) are what they were.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import cypool

WINDOWS, SHIFTS = (1, 2, 3, 4, 6, 8, 12), range(5)
start = np.eye(48, 60)  # 48 rows, with a bright cell at each of 48 places
same = np.empty((len(WINDOWS), len(SHIFTS)))
for (i, k), _ in np.ndenumerate(same):
    before, after = (cypool.pool(x, (WINDOWS[i],), "max") for x in (start, np.roll(start, k, 1)))
    same[i, k] = 100 * (before == after).all(1).mean()

figure, panel = plt.subplots(figsize=(7, 4.6), layout="constrained")
panel.imshow(same, cmap="cividis", vmin=0, vmax=100, aspect="auto")
for (i, k), value in np.ndenumerate(same):
    panel.text(k, i, f"{value:.0f}", ha="center", va="center", fontsize=12, color="w" if value < 55 else "k")
panel.set_yticks(range(len(WINDOWS)), WINDOWS)
panel.set(xlabel="shift in cells", ylabel="window and stride", xticks=SHIFTS)
panel.set_title("A bright cell moves: how often (in %) is the result the same?", weight="bold")

# %%
# The share is (w - k) / w, as one would count: of w places in a window, k are too near to its end. A window
# of 2 forgives half of all steps of one cell, and no step of two. The promise is one about averages.
#
# A photo
# -------
#
# In a photo something is everywhere, so that the result always changes; the question is how much. We
# cut a piece of 256 x 256 pixels from a photo, then the piece k pixels further, pool both, and take
# the root mean square of the difference, in percent of the contrast (standard deviation) of the result.

photo = data.camera() / 255
pieces = [photo[128:384, 64 + k : 320 + k] for k in SHIFTS]
WAYS = {
    "no pooling": lambda x: x,
    "every 4th pixel": lambda x: x[::4, ::4],
    "max, window 2, stride 2": lambda x: cypool.pool(x, 2, "max"),
    "max, window 4, stride 4": lambda x: cypool.pool(x, 4, "max"),
    "max, window 8, stride 4": lambda x: cypool.pool(x, 8, "max", stride=4),
    "max, window 8, stride 8": lambda x: cypool.pool(x, 8, "max"),
    "mean, window 4, stride 4": lambda x: cypool.pool(x, 4, "mean"),
    "max blur, window 4, stride 4": lambda x: cypool.max_blur_pool(x, 4, blur=5),
}
STYLE = ["0.5 :o", "#D55E00 --s", "#56B4E9 -^", "#0072B2 -o", "#0072B2 --D", "#004166 -v", "#E69F00 -s", "#009E73 -*"]
figure, panel = plt.subplots(figsize=(8, 5), layout="constrained")
print(f"{'change in % at a shift of':30}" + "".join(f"{k:7}" for k in SHIFTS))
for (name, way), style in zip(WAYS.items(), STYLE, strict=True):
    colour, line = style.split()
    results = [way(piece) for piece in pieces]
    values = [100 * np.sqrt(np.mean((x - results[0]) ** 2)) / results[0].std() for x in results]
    print(f"{name:30}" + "".join(f"{value:7.1f}" for value in values))
    panel.plot(SHIFTS, values, line[:-1], marker=line[-1], color=colour, lw=2, markersize=7, label=name)
panel.set(xlabel="shift in pixels", ylabel="change of the result, in %", xticks=SHIFTS, ylim=0)
panel.spines[["top", "right"]].set_visible(False)
panel.grid(axis="y", color="0.92")
figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=10)
figure.suptitle("How much a shifted photo changes what comes out of pooling", weight="bold")

# %%
# It is the window that counts. Leaving pixels out, without a window, gains nothing: every 4th pixel changes about
# as much as the photo itself. And a maximum over 8 x 8 pixels is about as steady with stride 4 as with stride 8.
# For small shifts, the mean does better than the maximum of the same window.
#
# A shift by the stride
# ---------------------
#
# With stride 4, a shift by four pixels moves every result by one place and does nothing else: the result is
# not the same (it is not *invariant*), but it comes along (it is *equivariant*). A shift by one, two or three
# pixels has no such move to answer with, and so the values themselves change. Is it a matter of
# luck where a thing lies on the grid? The example of Zhang (2019, arXiv:1904.11486) says yes: a row of pairs,
# 0 0 1 1 0 0 1 1, under maxima of two cells.

moved = cypool.pool(pieces[4], 4, "max")[:, :-1] - cypool.pool(pieces[0], 4, "max")[:, 1:]
print(f"shift of 4, stride 4, results moved by one place: the largest difference is {abs(moved).max()}")

pairs = np.tile([0.0, 0, 1, 1], 8)
signals = {"a row": pairs, "one further": np.roll(pairs, 1)}
figure, panels = plt.subplots(2, 3, figsize=(8, 3.9), sharey=True, layout="constrained")
seen = {}
for line, (name, row) in zip(panels, signals.items(), strict=True):
    ways = {
        "the row": row[8:24],
        "max, window 2, stride 2": cypool.pool(row, 2, "max")[4:12],
        "max blur, window 2, stride 2": cypool.max_blur_pool(row, 2)[4:12],
    }
    for panel, (title, values) in zip(line, ways.items(), strict=True):
        seen.setdefault(title, []).append(values)
        panel.bar(range(len(values)), values, color="#0072B2" if "max" in title else "0.6")
        panel.set(xticks=[], ylim=(0, 1.1), title=title if name == "a row" else "")
        panel.title.set_fontsize(10)
        panel.spines[["top", "right"]].set_visible(False)
    line[0].set_ylabel(name)
for title, (here, there) in seen.items():
    print(f"{title:29} {here[:4]} becomes {there[:4]}, mean change {abs(here - there).mean():.2f}")
figure.suptitle("Maxima of pairs: stripes, or none, by one step", weight="bold")

# %%
# `max_blur_pool` takes the maximum at every place, and blurs before it leaves any out. The stripes still change
# with the step, by half as much. In the table of the photo, too, compare the maximum with and without blur,
# window and stride 4: the blurred one changes by little more than half as much at a shift of one pixel. Its
# price is detail, as that of any blur.

if plt.get_backend().lower() != "agg":
    plt.show()
