"""
From mean to maximum: Lp pooling
================================

Mean or maximum? There is a road between them, with a number `p` to say how far along. It comes in two
spellings, which differ by whether the cells are added up or averaged:

.. code-block:: none

   lp  = (|x1|**p + ... + |xn|**p) ** (1/p)
   gem = ((x1**p + ... + xn**p) / n) ** (1/p)

With ``p = 1`` the first is the sum and the second the mean; both become the maximum as p grows. `gem`
(*generalised mean*) is for values above 0: what is smaller counts as 0.000001, or as `eps=` says.
"""

# %%
# Four cells
# ----------
#
# A window with the cells 1, 2, 3 and 4. `lp` comes down from the sum, 10, to the maximum, 4; `gem` goes up
# from the mean, 2.5. For one p they differ by the same factor in every window of n cells, ``n**(1/p)``.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import cypool

cells = np.array([1.0, 2.0, 3.0, 4.0])
print(f"{'p':>6} {'lp':>8} {'gem':>8} {'lp / gem':>9} {'n ** (1/p)':>11}")
for p in (1, 2, 3, 8, 32, 128, 1024, np.inf):
    lp, gem = (cypool.pool(cells, 4, name, p=p)[0] for name in ("lp", "gem"))
    print(f"{p:>6} {lp:>8.4f} {gem:>8.4f} {lp / gem:>9.4f} {4 ** (1 / p):>11.4f}")

powers = np.geomspace(1, 128, 60)
figure, panels = plt.subplots(1, 2, figsize=(8.5, 3.7), layout="constrained")
windows = {"1, 2, 3, 4": cells, "3, 3, 3, 4": np.array([3.0, 3, 3, 4]), "0, 0, 0, 4": np.array([0.0, 0, 0, 4])}
for panel, name in zip(panels, ("lp", "gem"), strict=True):
    for (label, window), colour in zip(windows.items(), ("#1d2433", "#1971c2", "#d9480f"), strict=True):
        panel.plot(powers, [cypool.pool(window, 4, name, p=p)[0] for p in powers], lw=2, color=colour, label=label)
    panel.axhline(4, color="#8d99ae", ls=":")
    panel.annotate("maximum", (128, 4), (0, 5), textcoords="offset points", ha="right", color="#6b7280")
    panel.set_xscale("log", base=2)
    panel.set_xticks([1, 2, 4, 8, 16, 32, 64, 128], ["1", "2", "4", "8", "16", "32", "64", "128"])
    panel.set(xlabel="p", ylim=(0, 14 if name == "lp" else 4.5))
    panel.set_title(f"{name}: from the {'sum' if name == 'lp' else 'mean'} to the maximum", fontsize=12)
    panel.spines[["top", "right"]].set_visible(False)
panels[0].legend(frameon=False, title="cells of the window")

# %%
# On a photo
# ----------
#
# Windows of 16 x 16 pixels of the night around a rocket. Single lights are lost in the mean, grow with p, and
# are there in full in the maximum. The table says where on the road each picture is: 0 % at the mean, 100 %
# at the maximum.

rocket = data.rocket()[:, 100:548].mean(-1) / 255
SIZE = 16
mean, maximum = cypool.pool(rocket, SIZE, "mean"), cypool.pool(rocket, SIZE, "max")
pictures = {"the photo": rocket, "mean": mean}
for p in (2, 4, 8, 16, 64):
    image = cypool.pool(rocket, SIZE, "gem", p=p)
    pictures[f"gem, p = {p}"] = image
    way = np.mean(image - mean) / np.mean(maximum - mean)
    print(f"p = {p:<3} mean of the picture {image.mean():.3f}, {way:4.0%} of the way")
pictures["maximum"] = maximum
print("p = 1 is the mean:", np.allclose(cypool.pool(rocket, SIZE, "gem", p=1), mean))
print("p = inf is the maximum:", np.array_equal(cypool.pool(rocket, SIZE, "gem", p=np.inf), maximum))

figure, panels = plt.subplots(2, 4, figsize=(9, 4.9), layout="compressed")
for panel, (name, image) in zip(panels.flat, pictures.items(), strict=True):
    panel.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    panel.set_title(name, fontsize=12)
    panel.set(xticks=[], yticks=[])

# %%
# Large p without overflow
# ------------------------
#
# Written down as it stands, the formula breaks: ``200**256`` is more than a float64 can hold. cypool
# divides by the largest cell first, so that no power is above 1.

large = np.array([100.0, 150.0, 200.0])
with np.errstate(over="ignore"):
    print("as written:", np.mean(large**256) ** (1 / 256))
print("cypool:    ", cypool.pool(large, 3, "gem", p=256)[0])

# %%
# Learning p
# ----------
#
# `pool_backward` gives the gradient with respect to p, too, so p can be found from examples. Which p was
# used here, given the photo and the pooled picture? Newton's method starts at 1.

target = cypool.pool(rocket, SIZE, "gem", p=5)
p = 1.0
for step in range(5):
    y = cypool.pool(rocket, SIZE, "gem", p=p)
    slope = cypool.pool_backward(np.ones_like(y), rocket, SIZE, "gem", p=p, wrt="p")
    p += (target - y).sum() / slope.item()
    print(f"step {step + 1}: p = {p:.6f}")

if plt.get_backend().lower() != "agg":
    plt.show()
