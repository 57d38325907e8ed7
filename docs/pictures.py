"""A picture for each function of the reference: what goes in, and what comes out of the call that stands above it."""

from __future__ import annotations

import re
import textwrap

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import cypool
from cypool import layers, nn

PHOTO = data.camera()[60:188:4, 180:308:4] / 255
SAMPLES = {1: PHOTO[12], 2: PHOTO, 3: PHOTO * np.hanning(10)[1:-1, None, None]}  # 32, 32x32, 8x32x32
INK = "#1d2433"

# Calls of the n-dimensional functions; the first is what goes in.
CALLS = {
    "pool": ["x", "pool(x, 4)", 'pool(x, 4, "median")', 'pool(x, 3, "range", stride=1, padding=1)'],
    "adaptive_pool": ["x", "adaptive_pool(x, 7)", "adaptive_pool(x, (4, 12))"],
    "fractional_pool": ["x", "fractional_pool(x, 12, rng=0)", "fractional_pool(x, 12, rng=1)"],
    "global_pool": ["x", "global_pool(x)", "global_pool(x, axes=0)"],
    "block_reduce": ["x", "block_reduce(x, 4, np.max)", 'block_reduce(x, 5, "mean", boundary="partial")'],
    "downscale_local_mean": ["x", "downscale_local_mean(x, 4)", "downscale_local_mean(x, (2, 8))"],
    "block_replicate": ["pool(x, 4)", "block_replicate(pool(x, 4), 4)"],
    "pyramid": [f"pyramid(x, levels=3)[{k}]" for k in range(4)],
    "pool_backward": ["x", "pool_backward(ones, x, 4)", 'pool_backward(ones, x, 4, "softpool", alpha=8)'],
    "unpool": ["x", "unpool(*pool(x, 4, return_indices=True), x.shape)"],
    "mixed_pool": ["x", "mixed_pool(x, 4, 0)", "mixed_pool(x, 4, 0.5)", "mixed_pool(x, 4, 1)"],
    "mixed_pool_backward": ["x", "mixed_pool_backward(ones, x, 4, 0.5)"],
    "gated_pool": ["x", "gated_pool(x, 4, np.ones((4, 4)))"],
    "gated_pool_backward": ["x", "gated_pool_backward(ones, x, 4, np.ones((4, 4)))"],
    "rank_pool": ["x", "rank_pool(x, 4, top=4)", "rank_pool(x, 4, alpha=0.5)"],
    "rank_pool_backward": ["x", "rank_pool_backward(ones, x, 4, top=4)"],
    "max_blur_pool": ["x", "pool(x, 2)", "max_blur_pool(x, 2, stride=2)"],
    "max_blur_pool_backward": ["x", "max_blur_pool_backward(np.ones((16, 16)), x, 2, stride=2)"],
    "spatial_pyramid_pool": ["x", "spatial_pyramid_pool(x)"],
    "spatial_pyramid_pool_backward": ["x", "spatial_pyramid_pool_backward(np.ones(21), x)"],
    "onnx_pool": ["x", 'onnx_pool("MaxPool", [x], {"kernel_shape": [3, 3], "strides": [2, 2]})[0]'],
}
# Arguments of a family: (after the input, in cypool.nn; of the layer).
FAMILIES = {
    "lp": ("2, 3, 2", "3, 2"),
    "adaptive": ("7", "7"),
    "global": ("", ""),
    "fractional": ("2, output_ratio=0.6, rng=0", "ratio=1.7, seed=0"),
    "max_unpool": ("indices, 2", ""),
    "upsampling": ("", ""),
    "": ("3, 2", "3, 2"),
}
PLAIN = {"Windows", "output_shape", "set_workers", "get_workers", "workers", "show_config", "Layer"}  # nothing to see


def calls_of(module: str, name: str) -> tuple[list[str], dict[str, object]]:
    """What is called, and what the calls know."""
    known: dict[str, object] = {**vars(cypool), **vars(nn), **vars(layers)}
    known |= {"np": np, "x": PHOTO, "ones": np.ones((8, 8))}
    if name in CALLS:
        if name == "onnx_pool":
            known["x"] = PHOTO[None, None]
        return CALLS[name], known
    nd = int(re.search(r"([123])[dD]", name)[1])
    family = next(f for f in FAMILIES if name.lower().replace("unpooling", "_unpool").startswith(f))
    if module == "cypool.layers":
        known["x"] = x = SAMPLES[nd][None, ..., None]
        if family == "max_unpool":
            pooling = getattr(layers, f"MaxPooling{nd}D")()
            known["y"], known["indices"] = pooling(x), pooling.indices
            return ["x", "y", f"{name}()(y, indices)"], known
        return ["x", f"{name}({FAMILIES[family][1]})(x)"], known
    known["x"] = x = SAMPLES[nd][None, None]
    arguments, first = FAMILIES[family][0], "x"
    if family == "max_unpool":
        known["y"], known["indices"] = getattr(nn, f"max_pool{nd}d")(x, 2, return_indices=True)
        first = "y"
    more = f", {arguments}" if arguments else ""
    if not name.endswith("_backward"):
        return [*dict.fromkeys(["x", first]), f"{name}({first}{more})"], known
    known["ones"] = np.ones_like(eval(f"{name.removesuffix('_backward')}({first}{more})", known))
    return [first, f"{name}(ones, {first}{more})"], known


def draw(axes: plt.Axes, cells: np.ndarray, call: str) -> None:
    """One result: a line of bars, or an image (of a volume the slice in the middle)."""
    cells = np.squeeze(cells)
    sliced = cells.ndim == 3
    if sliced:
        cells = cells[len(cells) // 2]
    if cells.ndim == 2:
        axes.imshow(cells, "gray", interpolation="nearest")
    elif cells.ndim == 1:
        axes.bar(range(cells.size), cells, width=0.9, color="#8d99ae")
    else:
        axes.text(0.5, 0.5, f"{cells:.4f}", ha="center", color=INK)
    axes.set_xticks([])
    axes.set_yticks([])
    shape = " x ".join(map(str, cells.shape)) or "one value"
    axes.set_xlabel(f"{shape}, a slice" if sliced else shape, color=INK, fontsize=8)
    title = "\n".join(textwrap.wrap(call, 32, break_long_words=False))
    axes.set_title(title, color=INK, fontsize=8, family="monospace")


def picture(fullname: str) -> None:
    """Draws the calls of a function or layer side by side."""
    calls, known = calls_of(*fullname.rsplit(".", 1))
    results = [np.asarray(eval(call, known)) for call in calls]
    _, panels = plt.subplots(1, len(calls), figsize=(2.6 * len(calls), 2.7), layout="constrained")
    for axes, cells, call in zip(panels, results, calls, strict=True):
        draw(axes, cells, call)
