"""
A volume and its labels, made smaller together
==============================================

Microscopes make volumes, and segmentation makes a second volume of the same shape: the number of the cell
that each voxel belongs to. To look at both in a smaller version, the first wants the mean. For the second
the mean is wrong, and this example counts how wrong: half of cell 100 and half of cell 300 are not cell 200.
"""

# %%
# A volume of cells
# -----------------
#
# Cells are made here: 160 seeds, each voxel belongs to the nearest one, unless that is too far away; then it
# is background, label 0. As in real data, the numbers of the labels mean nothing and are far apart. The
# picture is bright at the walls of the cells, blurred and noisy.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

import cypool

rng = np.random.default_rng(3)
shape = (48, 144, 144)
grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
seeds = rng.random((160, 3)) * shape
distance, nearest = cKDTree(seeds).query(grid, 2)
numbers = rng.choice(np.arange(1, 5000), len(seeds), replace=False).astype(np.uint16)
labels = np.where(distance[..., 0] < 16, numbers[nearest[..., 0]], 0).astype(np.uint16)
wall = np.exp(-((distance[..., 1] - distance[..., 0]) ** 2) / 6) * (labels > 0)
volume = gaussian_filter(200 * wall + 40 * (labels > 0), 1) + rng.normal(20, 25, shape)
volume = np.clip(volume, 0, 255).astype(np.uint8)
exist = np.unique(labels)
print(f"{volume.shape} voxels, {len(exist) - 1} cells, background {np.mean(labels == 0):.0%}")

# %%
# Mean for the volume, mode for the labels
# ----------------------------------------
#
# Windows of 4 x 4 x 4 voxels. The mode is the label that most voxels of the window have (the smallest of
# several such, or as `ties=` says). With `dtype=` the mean stays an integer, rounded to the nearest.

SIZE = 4
smaller = cypool.pool(volume, SIZE, "mean", dtype=np.uint8)
ways = {
    "mode": cypool.pool(labels, SIZE, "mode"),
    "mean": cypool.pool(labels, SIZE, "mean", dtype=np.uint16),
    "max": cypool.pool(labels, SIZE, "max"),
    "first": cypool.pool(labels, SIZE, "first"),
}
empty = ways["max"] == 0  # no voxel of a cell in the window
before = volume[cypool.block_replicate(empty, SIZE)].std()
print(f"standard deviation of the background: {before:.1f} before, {smaller[empty].std():.1f} after the mean")

palette = rng.permutation(plt.get_cmap("gist_rainbow")(np.linspace(0, 1, 5001)))
palette[0] = (0, 0, 0, 1)
colours = ListedColormap(palette)
figure, panels = plt.subplots(2, 3, figsize=(8.5, 6.2), layout="constrained")
pictures = {
    "the volume": volume[24],
    "mean, 4 x 4 x 4": smaller[6],
    "labels: max\n(large numbers win)": ways["max"][6],
    "the labels": labels[24],
    "labels: mode": ways["mode"][6],
    "labels: mean\n(colours from nowhere)": ways["mean"][6],
}
for panel, (name, image) in zip(panels.flat, pictures.items(), strict=True):
    if image.dtype == np.uint8:
        panel.imshow(image, cmap="magma", interpolation="nearest")
    else:
        panel.imshow(image, cmap=colours, vmin=0, vmax=5000, interpolation="nearest")
    panel.set_title(name, fontsize=12)
    panel.set(xticks=[], yticks=[])

# %%
# Wrong labels, counted
# ---------------------
#
# Three counts for each way: voxels whose label exists nowhere in the labels; voxels whose label is that
# of no voxel of their window; and how far the volumes of the cells are off, which is the number one
# would go on to measure. The last is the middle value over all cells, in percent.

windows = labels.reshape(12, SIZE, 36, SIZE, 36, SIZE)
true_size = np.array([np.count_nonzero(labels == k) for k in exist[1:]])
report = {}
for name, y in ways.items():
    nowhere = ~np.isin(y, exist)
    foreign = ~(windows == y[:, None, :, None, :, None]).any((1, 3, 5))
    size = SIZE**3 * np.array([np.count_nonzero(y == k) for k in exist[1:]])
    report[name] = nowhere.sum(), foreign.sum(), 100 * np.median(abs(size - true_size) / true_size)
    counts = f"exist nowhere {nowhere.sum():>5}   not in the window {foreign.sum():>5}   of {y.size} voxels"
    print(f"{name:<6} {counts}; volumes off by {report[name][2]:.1f} %")

figure, panels = plt.subplots(1, 2, figsize=(8, 3), layout="constrained", sharey=True)
titles = {0: "voxels with labels\nthat do not exist", 2: "volume of a cell,\noff by %"}
for panel, (column, title) in zip(panels, titles.items(), strict=True):
    bars = panel.barh(list(report), [row[column] for row in report.values()], color="#8d99ae")
    bars[0].set_color("#d9480f")
    panel.bar_label(bars, fmt="%.0f" if column == 0 else "%.1f", padding=4)
    panel.set_title(title, fontsize=12)
    panel.set(xticks=[])
    panel.margins(x=0.15)
    panel.spines[["top", "right", "bottom"]].set_visible(False)
panels[0].invert_yaxis()

if plt.get_backend().lower() != "agg":
    plt.show()
