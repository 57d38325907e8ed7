"""
Salt and pepper: which pooling removes noise?
=============================================

"Pooling reduces noise" is often said, and half true. It depends on the noise and on the reducer. Here a
share of the pixels of a photo is set to black or white (*salt and pepper*), windows slide over it in steps
of one pixel, and the result is compared with the clean photo. The measure is the peak signal-to-noise ratio
(PSNR), in decibels: the more, the nearer to the clean photo.
"""

# %%
# One pixel in ten
# ----------------
#
# A mean takes its share of each hit pixel, and spreads it over the window. A median does not care how far
# off a few pixels are, only that they are few. A maximum makes every white pixel as large as its window.

import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

import cypool

clean = data.camera() / 255


def salt_and_pepper(share):
    rng = np.random.default_rng(0)
    noisy = clean.copy()
    hit = rng.random(clean.shape) < share
    noisy[hit] = rng.integers(0, 2, hit.sum())
    return noisy


def slide(image, reducer, size):
    return cypool.pool(image, size, reducer, stride=1, padding="same", border="reflect")


def psnr(image):
    return peak_signal_noise_ratio(clean, image, data_range=1)


WAYS = {f"{reducer} {n} x {n}": (reducer, n) for reducer in ("mean", "median", "max") for n in (3, 5)}
noisy = salt_and_pepper(0.1)
results = {name: slide(noisy, *way) for name, way in WAYS.items()}
print(f"{'noisy':<13} {psnr(noisy):5.1f} dB")
for name, image in results.items():
    print(f"{name:<13} {psnr(image):5.1f} dB")

detail = slice(60, 220), slice(190, 350)
figure, panels = plt.subplots(2, 4, figsize=(9, 5.4), layout="compressed")
shown = {"clean": clean, "mean 3 x 3": 0, "median 3 x 3": 0, "max 3 x 3": 0}
shown |= {"noisy": noisy, "mean 5 x 5": 0, "median 5 x 5": 0, "max 5 x 5": 0} | results
for panel, (name, image) in zip(panels.flat, shown.items(), strict=True):
    panel.imshow(image[detail], cmap="gray", vmin=0, vmax=1)
    panel.set_title(name if name == "clean" else f"{name}\n{psnr(image):.1f} dB", fontsize=12)
    panel.set(xticks=[], yticks=[])

# %%
# How much noise can a window take?
# ---------------------------------
#
# A median can only turn black or white by noise if half of its window is of that colour, and in a larger
# window that comes about less often. But the larger median loses more detail: with few hit pixels the
# smaller window is better. The column for 0 % is the price in detail that every window has.

SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
curves = {name: [] for name in ("noisy", *WAYS)}
for share in SHARES:
    image = salt_and_pepper(share)
    curves["noisy"].append(psnr(image) if share else np.inf)  # the same photo: no error at all
    for name, way in WAYS.items():
        curves[name].append(psnr(slide(image, *way)))
print("noise        " + "".join(f"{share:>6.0%}" for share in SHARES))
for name, curve in curves.items():
    print(f"{name:<13}" + "".join(f"{value:>6.1f}" for value in curve))
smaller, larger = np.array(curves["median 3 x 3"]), np.array(curves["median 5 x 5"])
print(f"median 5 x 5 is better than 3 x 3 from {SHARES[(larger > smaller).argmax()]:.0%} on, of the shares tried")

figure, panel = plt.subplots(figsize=(8, 4.4), layout="constrained")
colours = {"noisy": "#6b7280", "mean": "#1971c2", "median": "#d9480f", "max": "#2b8a3e"}
for name, curve in curves.items():
    style = "--" if name.endswith("5") else "-"
    panel.plot(100 * np.array(SHARES), curve, style, lw=2, color=colours[name.split()[0]], label=name)
panel.set(xlabel="pixels that are noise, %", ylabel="PSNR, dB (more is better)", ylim=(0, None))
panel.set_title("How near to the clean photo", fontsize=12)
figure.legend(frameon=False, loc="outside right center")
panel.spines[["top", "right"]].set_visible(False)

# %%
# Another noise, another winner
# -----------------------------
#
# Salt and pepper suits the median. Noise that moves every pixel a little (normal, standard deviation 0.1)
# suits the mean: in the sky, where there is nothing to blur, it is ahead of the median, and the larger window
# is ahead of the smaller. Around the camera edges count as well as noise, and there the larger windows lose.

grainy = clean + np.random.default_rng(1).normal(0, 0.1, clean.shape)
patches = {"sky": (slice(10, 60), slice(10, 150)), "camera": detail}
for patch, where in patches.items():
    print(f"\n{patch}")
    for name, image in {"grainy": grainy, **{n: slide(grainy, *way) for n, way in WAYS.items()}}.items():
        error = peak_signal_noise_ratio(clean[where], image[where], data_range=1)
        print(f"   {name:<13} {error:5.1f} dB")

if plt.get_backend().lower() != "agg":
    plt.show()
