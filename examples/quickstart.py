"""A first look at cypool
======================

Pools a colour photo, a sky full of galaxies, a tray of coins and a synthetic volume, compares
borders and times with scikit-image and NumPy, and saves one picture.

The photos ship inside scikit-image; nothing is downloaded. Run it with ``make demo``, or as
``python examples/quickstart.py picture.png``.
"""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import patheffects
from matplotlib.figure import Figure
from skimage import data
from skimage.measure import block_reduce as skimage_block_reduce

import cypool

mpl.use("Agg")
INK, QUIET, OURS, THEIRS, PLAIN = "#1d2433", "#6b7280", "#d9480f", "#8d99ae", "#c5ccd8"


def gyroid(n: int) -> np.ndarray:
    """A volume to pool: a gyroid, the labyrinth in the wings of butterflies, inside a ball."""
    z, y, x = 4.8 * np.mgrid[-1 : 1 : n * 1j, -1 : 1 : n * 1j, -1 : 1 : n * 1j].astype(np.float32)
    wave = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)
    inside = np.sqrt(x * x + y * y + z * z) < 4.5
    return inside / (1 + np.exp(-6 * (wave - 0.25)))


# --- what it does -------------------------------------------------------------------------------

astronaut = data.astronaut()
pooled = {name: cypool.block_reduce(astronaut, 16, name, channel_axis=-1) for name in ("max", "mean", "min")}

sky = data.hubble_deep_field()[240:635]
sky_pooled = {name: cypool.block_reduce(sky, 5, name, channel_axis=-1) for name in ("max", "mean", "min")}

coins = data.coins()
dark = skimage_block_reduce(coins, 10, np.mean)
honest = cypool.block_reduce(coins, 10, np.mean, boundary="partial")

volume = gyroid(144)
small = cypool.pool(volume, 6, "mean")


def report() -> None:
    print(f"cypool {cypool.__version__}, {cypool.get_workers()} threads\n")
    for name, x, y in [
        ("astronaut, max 16x16", astronaut, pooled["max"]),
        ("deep field, mean 5x5", sky, sky_pooled["mean"]),
        ("coins, mean 10x10", coins, honest),
        ("volume, mean 6x6x6", volume, small),
    ]:
        print(f"  {name:<22} {x.shape!s:<16} {x.dtype!s:<8} ->  {y.shape!s:<13} {y.dtype}")
    print(
        f"\n  Coins, lower border: the last {coins.shape[0] % 10} rows of pixels have mean "
        f"{coins[300:].mean():.0f}.\n"
        f"  scikit-image pads them with zeros: {dark[-1].mean():.0f}. "
        f"cypool with boundary='partial': {honest[-1].mean():.0f}."
    )


# --- how long it takes --------------------------------------------------------------------------


def milliseconds(call, times: int = 7) -> float:
    call()
    best = np.inf
    for _ in range(times):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


def with_numpy(x: np.ndarray, block: tuple[int, ...], func) -> np.ndarray:
    """What one writes without a library: for max the larger of slices, else a reshape. Trims what is left."""
    x = x[tuple(slice(n // b * b) for n, b in zip(x.shape, block, strict=True))]
    if func is np.max:
        for axis, b in enumerate(block):
            before = (slice(None),) * axis
            x = functools.reduce(np.maximum, (x[(*before, slice(i, None, b))] for i in range(b)))
        return x
    pairs = [m for n, b in zip(x.shape, block, strict=True) for m in (n // b, b)]
    return func(x.reshape(pairs), axis=tuple(range(1, 2 * x.ndim, 2)))


def times() -> list[tuple[str, float, float, float]]:
    """(work, cypool, NumPy, scikit-image) in milliseconds, each on the same array."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (4096, 4096), dtype=np.uint8)
    works = [
        ("mean 2x2\n4096² float32", rng.random((4096, 4096), np.float32), (2, 2), np.mean),
        ("max 2x2\n4096² uint8", photo, (2, 2), np.max),
        ("mean 5x5x1, colour\n395x1000x3 uint8", sky, (5, 5, 1), np.mean),
        ("max 2x2x2\n256³ float32", rng.random((256, 256, 256), np.float32), (2, 2, 2), np.max),
    ]
    lines = []
    for name, x, block, func in works:
        y = cypool.block_reduce(x, block, func)
        np.testing.assert_allclose(y, skimage_block_reduce(x, block, func), rtol=1e-5)
        lines.append(
            (
                name,
                milliseconds(lambda: cypool.block_reduce(x, block, func)),  # noqa: B023
                milliseconds(lambda: with_numpy(x, block, func)),  # noqa: B023
                milliseconds(lambda: skimage_block_reduce(x, block, func)),  # noqa: B023
            )
        )
    return lines


def print_times(lines) -> None:
    print(f"\n  {'':<40} {'cypool':>10} {'NumPy':>10} {'scikit-image':>13}   faster by")
    for name, ours, numpy, skimage in lines:
        print(
            f"  {name.replace(chr(10), ', '):<40} {ours:>7.2f} ms {numpy:>7.1f} ms {skimage:>10.1f} ms"
            f"   {numpy / ours:.0f}x, {skimage / ours:.0f}x"
        )


# --- the picture --------------------------------------------------------------------------------


def show(ax, image, title: str, note: str = "", **options) -> None:
    ax.imshow(image, interpolation="nearest", **options)
    ax.set_axis_off()
    caption(ax, title, note)


def caption(ax, title: str, note: str = "") -> None:
    ax.set_title(title, loc="left", fontsize=11, color=INK, weight="bold", pad=5)
    if note:
        ax.set_title(note, loc="right", fontsize=9, color=QUIET, pad=5)


def strips(image: np.ndarray, versions: dict[str, np.ndarray], size: int) -> np.ndarray:
    """One picture in vertical strips: the image itself, then each pooled version in its place."""
    height, width = image.shape[:2]
    out = image.copy()
    cuts = np.linspace(0, width, len(versions) + 2).astype(int)
    for version, start, stop in zip(versions.values(), cuts[1:-1], cuts[2:], strict=True):
        large = cypool.block_replicate(version, (size, size, 1))[:height, :width]
        out[:, start:stop] = np.rint(large[:, start:stop])
    return out


def draw(lines) -> Figure:
    plt.rcParams.update({"font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK})
    figure = plt.figure(figsize=(13, 11), facecolor="white")
    grid = figure.add_gridspec(
        3,
        4,
        left=0.02,
        right=0.98,
        top=0.9,
        bottom=0.03,
        hspace=0.13,
        wspace=0.04,
        height_ratios=(1, 0.79, 1),
    )
    figure.text(0.02, 0.955, "cypool", fontsize=26, weight="bold", color=OURS)
    figure.text(0.135, 0.957, "one value for each window, of any array", fontsize=16, color=INK)

    show(figure.add_subplot(grid[0, 0]), astronaut, "a photo", "512 x 512 x 3")
    for column, (name, image) in enumerate(pooled.items(), 1):
        ax = figure.add_subplot(grid[0, column])
        show(ax, np.rint(image).astype(np.uint8), f"{name}, 16 x 16 blocks", "32 x 32 x 3")

    ax = figure.add_subplot(grid[1, :2])
    show(ax, strips(sky, sky_pooled, 5), "a deep field, 5 x 5 blocks")
    for i, name in enumerate(["as it is", *sky_pooled]):
        x = (i + 0.5) / 4 * sky.shape[1]
        label = ax.text(x, 34, name, color="white", ha="center", fontsize=11, weight="bold")
        label.set_path_effects([patheffects.withStroke(linewidth=3, foreground="black")])
        if i:
            ax.axvline(i / 4 * sky.shape[1] - 0.5, color="white", lw=1)
    gray = {"cmap": "gray", "norm": mpl.colors.PowerNorm(0.7, vmin=0, vmax=honest.max())}
    show(figure.add_subplot(grid[1, 2]), dark, "mean in scikit-image", "zeros count", **gray)
    show(figure.add_subplot(grid[1, 3]), honest, 'boundary="partial"', "only what exists", **gray)

    ax = figure.add_subplot(grid[2, 0])
    show(ax, volume[volume.shape[0] // 3], "a slice of a volume", "144 x 144 x 144", cmap="magma")
    draw_voxels(figure.add_subplot(grid[2, 1], projection="3d"))
    ax = figure.add_subplot(grid[2, 2:])
    left, bottom, width, height = ax.get_position().bounds
    ax.set_position([left + 0.11, bottom + 0.025, width - 0.11, height - 0.025])
    draw_times(ax, lines)
    return figure


def draw_voxels(ax) -> None:
    blocks = small.T > 0.45
    height = np.broadcast_to(np.linspace(0.25, 0.95, small.shape[0]), blocks.shape)
    ax.voxels(blocks, facecolors=plt.get_cmap("magma")(height), edgecolor=(0, 0, 0, 0.2), lw=0.2)
    ax.set_axis_off()
    ax.set_box_aspect((1, 1, 1), zoom=1.5)
    ax.view_init(28, -52)
    caption(ax, "mean, 6 x 6 x 6", "24 x 24 x 24")


def draw_times(ax, lines) -> None:
    names = [line[0] for line in lines]
    places = np.arange(len(lines))
    for k, (tool, colour) in enumerate([("cypool", OURS), ("NumPy", PLAIN), ("scikit-image", THEIRS)]):
        values = [line[k + 1] for line in lines]
        bars = ax.barh(places + 0.27 * (k - 1), values, 0.25, color=colour, label=tool)
        ax.bar_label(
            bars,
            [f"{v:.2g} ms" if v < 10 else f"{v:.0f} ms" for v in values],
            padding=4,
            fontsize=9,
            color=colour if k == 0 else QUIET,
        )
    ax.set_xscale("log")
    ax.set_xlim(right=ax.get_xlim()[1] * 4)
    ax.set_yticks(places, names, fontsize=9, color=INK)
    ax.invert_yaxis()
    ax.tick_params(length=0)
    ax.set_xticks([])
    ax.minorticks_off()
    ax.spines[["top", "right", "bottom", "left"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9, ncols=3, loc="upper left", bbox_to_anchor=(0, 0.02))
    caption(ax, "time of a call", "log scale, shorter is better")


def main() -> None:
    report()
    lines = times()
    print_times(lines)
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "cypool-demo.png").absolute()
    draw(lines).savefig(path, dpi=120)
    print(f"\n  The picture is in {path}")


if __name__ == "__main__":
    main()
