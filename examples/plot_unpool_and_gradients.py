"""
The way back: unpooling, and where gradients go
===============================================

Pooling throws cells away. What can be had back? If the places of the maxima were kept, *unpooling* puts the
values where they were. And when a net learns, the *gradient* takes the same way: it says how much the result
would change with each input cell. It differs from reducer to reducer, and it can be looked at.
"""

# %%
# Values back to their places
# ---------------------------
#
# With `return_indices=True`, `pool` also says where each maximum was found: the flat index of the cell.
# `unpool` puts values there, and zeros everywhere else.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import cypool

photo = cypool.pool(data.camera()[60:252, 130:322], 4, "mean") / 255  # 48 x 48: large enough to see each cell
values, places = cypool.pool(photo, 4, "max", return_indices=True)
back = cypool.unpool(values, places, photo.shape)
blocks = cypool.block_replicate(values, (4, 4))
print("first maximum:", values[0, 0].round(3), "at row, column", divmod(int(places[0, 0]), 48))
print(f"cells that came back: {100 * np.mean(back == photo):.2f} %")
assert (back.flat[places] == values).all()  # each maximum is at its place
assert np.array_equal(cypool.pool(back, 4, "max"), values)  # pooled again, it is the same

figure, panels = plt.subplots(1, 4, figsize=(9, 2.85), layout="constrained")
titles = "48 x 48", "max 4 x 4", "unpool:\nthe winners alone", "block_replicate:\nwhat, not where"
for panel, title, image in zip(panels, titles, (photo, values, back, blocks), strict=True):
    panel.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    panel.set(xticks=[], yticks=[])
    panel.set_title(title, fontsize=11)
figure.suptitle("There and back", weight="bold")

# %%
# Where the gradient goes
# -----------------------
#
# `pool_backward` takes the gradient of the results, here 1 for each, to the cells. To see that it is right,
# one cell of each window is moved a little, up and down, and the change of the result is compared. It must be
# the same wherever no two cells of the window are equal.

SOFT = {"alpha": 8.0}
REDUCERS = {"max": {}, "median": {}, "mean": {}, "softpool": SOFT, "logsumexp": SOFT, "lp": {"p": 3.0}}
cells = np.sort(photo.reshape(12, 4, 12, 4).swapaxes(1, 2).reshape(12, 12, 16))
distinct = (np.diff(cells) > 0).all(2)
step = np.zeros_like(photo)
step[1::4, 2::4] = 1e-6
print(f"windows of 16 different values: {distinct.sum()} of {distinct.size}\n")
print(f"{'':9}   gradient: sum for a window   cells not 0   smallest   largest    error, all   of different values")
gradients = {}
for name, options in REDUCERS.items():
    grad = gradients[name] = cypool.pool_backward(np.ones((12, 12)), photo, 4, name, **options)
    up, down = (cypool.pool(photo + s, 4, name, **options) for s in (step, -step))
    error = abs((up - down) / 2e-6 - grad[1::4, 2::4])
    sums = cypool.pool(grad, 4, "sum")
    print(
        f"{name:9} {sums.min():17.3f} to {sums.max():5.3f} {100 * np.mean(grad != 0):12.1f} % {grad.min():10.3f} "
        f"{grad.max():9.3f} {error.max():13.0e} {error[distinct].max():13.0e}"
    )

figure, panels = plt.subplots(2, 3, figsize=(9, 6.6), layout="constrained")
for panel, (name, grad) in zip(panels.flat, gradients.items(), strict=True):
    picture = panel.imshow(grad, cmap="BrBG", norm=plt.matplotlib.colors.SymLogNorm(0.05, vmin=-2, vmax=2))
    for at in np.arange(3.5, 47, 4):
        panel.axhline(at, color="0.75", lw=0.4)
        panel.axvline(at, color="0.75", lw=0.4)
    panel.set(xticks=[], yticks=[])
    options = "".join(f", {key}={value:g}" for key, value in REDUCERS[name].items())
    panel.set_title(f"{name}{options}\n{100 * np.mean(grad != 0):.0f} % of the cells", fontsize=11)
bar = figure.colorbar(picture, ax=panels, location="bottom", shrink=0.6, aspect=40, ticks=[-1, -0.1, 0, 0.1, 1])
bar.ax.set_xticklabels(["-1", "-0.1", "0", "0.1", "1"])
bar.ax.minorticks_off()
bar.set_label("gradient of a cell")
figure.suptitle("Which cells learn: the gradient of 1 for each window of 4 x 4", weight="bold")

# %%
# * **max** gives all to the winner, and the **median** to the one or two cells in the middle: the others learn
#   nothing from this picture.
# * The **mean** gives 1/16 to each cell.
# * **logsumexp** and **softpool** lie between the two: bright cells get more. In softpool, cells that are darker
#   than the result by more than 1/alpha have a *negative* gradient: by getting brighter they gain weight, and so
#   pull the result down.
# * The sum is kept (it is 1 for a window) by all of them but **lp**. The reason is simple: if the photo gets
#   brighter by c, so does every result. The lp norm of a flat window goes up by 16^(1/3) c, 2.52 times as much.
#
# A maximum is sometimes said to be non-differentiable. It has a kink where two cells are equal and largest:
# a step up and a step down do not change the result alike. The last two columns show that these are the only
# places where the gradient differs from the measured change. There it gives all to the first of the equals.
#
# Overlapping windows
# -------------------
#
# With windows of 5 and stride 2, a bright cell may win in several of them, and its gradients are added up.

for name in "max", "mean":
    shape = cypool.output_shape(photo.shape, 5, stride=2, padding=2)
    grad = cypool.pool_backward(np.ones(shape), photo, 5, name, stride=2, padding=2)
    print(f"{name:5} sum {grad.sum():.6f} from {np.prod(shape)} windows, the largest {grad.max():.3f}")

if plt.get_backend().lower() != "agg":
    plt.show()
