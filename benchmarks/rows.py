"""The rows of the comparison, as data.

A row says which array, which cypool call, and which peers do the same work. `tolerance` is how far
a peer's result may lie from cypool's before it counts as other work: 0 where both are exact, a few
units of rounding for float means, half a unit (one unit) where a peer rounds integer means by
another rule (twice).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from peers import Call

import cypool
from cypool import nn

Ask = Callable[[Any, np.ndarray], Call]
"""(peer, array) -> the call to be timed."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    number: int
    work: str
    shape: tuple[int, ...]
    dtype: str
    ours: Callable[[np.ndarray, int], np.ndarray]
    """(array, workers) -> result."""
    peers: dict[str, tuple[Ask, float]] = field(default_factory=dict)
    """Peer's name -> (what to ask it, tolerance)."""
    memory_bound: bool = False
    counts: bool = True
    """Whether the row is part of the geometric mean."""
    nans: float = 0.0
    """The share of cells that are NaN."""
    labels: bool = False
    """An image of labels: cubes of one value, some of them cut by the blocks."""

    def array(self) -> np.ndarray:
        rng = np.random.default_rng(self.number)
        dtype = np.dtype(self.dtype)
        if dtype.kind == "f":
            x = rng.random(self.shape, dtype=dtype)
            if self.nans:
                x[rng.random(self.shape) < self.nans] = np.nan
            return x
        if self.labels:
            seeds = rng.integers(1, 200, [n // 9 + 1 for n in self.shape], dtype=dtype)
            for axis, n in enumerate(self.shape):
                seeds = np.take(seeds, np.arange(n) // 9, axis)
            return seeds
        return rng.integers(0, np.iinfo(dtype).max, self.shape, dtype=dtype, endpoint=True)


ROUNDING = {"float32": 1e-6, "float64": 1e-14, "uint8": 0.501, "uint16": 0.501}
"""Tolerance of a mean over [0, 1), or of one that is a float beside a rounded integer."""


def pooled(block: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Window and axes of a block; axes whose block is 1 are not pooled."""
    return tuple(b for b in block if b > 1), tuple(axis for axis, b in enumerate(block) if b > 1)


def mean_of_blocks(number: int, shape: tuple[int, ...], dtype: str, block: int | tuple) -> Row:
    """Means in the dtype of the input. Axes whose block is 1 are not pooled."""
    block = (block,) * len(shape) if isinstance(block, int) else block
    window, axes = pooled(block)
    near = ROUNDING[dtype]
    peers: dict[str, tuple[Ask, float]] = {
        "scikit-image": (lambda p, x: p.block_reduce(x, block, np.mean), near),
        "NumPy": (lambda p, x: p.reshape(x, block, np.mean), near),
        "tensorstore": (
            lambda p, x: p.downsample(x, block, "mean"),
            near if dtype == "float32" else 0,
        ),
    }
    flat = len(axes) == 2
    if flat:
        peers["OpenCV"] = (lambda p, x: p.area(x, block), near if dtype == "float32" else 1)
    if flat and dtype != "uint16":  # Pillow has no 16-bit reduce
        peers["Pillow"] = (lambda p, x: p.reduce(x, block), near if dtype == "float32" else 1)
    if dtype != "float32" or not flat:
        one_or_two_roundings = near if dtype == "float32" else 1
        peers["tinybrain"] = (lambda p, x: p.averaging(x, block), one_or_two_roundings)
    return Row(
        number,
        f"mean {'x'.join(map(str, block))}",
        shape,
        dtype,
        lambda x, workers: cypool.pool(x, window, "mean", axes=axes, dtype=x.dtype, workers=workers),
        peers,
        memory_bound=True,
    )


def max_of_blocks(number: int, shape: tuple[int, ...], dtype: str, more: Any = (), **options: Any) -> Row:
    block = (2,) * len(shape)
    return Row(
        number,
        f"max {'x'.join(map(str, block))}",
        shape,
        dtype,
        lambda x, workers: cypool.pool(x, 2, "max", workers=workers),
        {
            "scikit-image": (lambda p, x: p.block_reduce(x, block, np.max), 0),
            "NumPy": (lambda p, x: p.slices(x, block), 0),
            "tensorstore": (lambda p, x: p.downsample(x, block, "max"), 0),
            **dict(more),
        },
        **options,
    )


def nanmean_of_blocks(number: int, shape: tuple[int, ...], dtype: str, size: int) -> Row:
    block, near = (size,) * len(shape), ROUNDING[dtype]
    return Row(
        number,
        f"nanmean {'x'.join(map(str, block))}, 10 % NaN",
        shape,
        dtype,
        lambda x, workers: cypool.pool(x, size, np.nanmean, workers=workers),
        {
            "scikit-image": (lambda p, x: p.block_reduce(x, block, np.nanmean), near),
            "NumPy": (lambda p, x: p.reshape(x, block, np.nanmean), near),
            "astropy": (lambda p, x: p.block_reduce(x, block, np.nanmean), near),
            "xarray": (lambda p, x: p.coarsen(x, block, "mean"), near),
        },
        nans=0.1,
    )


def sliding(number: int, dtype: str, size: int, reduce: str, border: str, tolerance: float, **extra: Any) -> Row:
    """Squares at every cell of an image."""
    return Row(
        number,
        f"sliding {reduce} {size}x{size}",
        (2048, 2048),
        dtype,
        lambda x, workers: cypool.pool(x, size, reduce, stride=1, padding=size // 2, border=border, dtype=x.dtype,
                                       workers=workers),
        dict.fromkeys(("OpenCV", "SciPy"), (lambda p, x: p.slide(x, size, reduce), tolerance)) | extra,
    )  # fmt: skip


def max_along_last(number: int, shape: tuple[int, ...], dtype: str, size: int, stride: int) -> Row:
    return Row(
        number,
        f"max k{size} s{stride}, 1-D",
        shape,
        dtype,
        lambda x, workers: cypool.pool(x, (size,), "max", stride=stride, axes=(-1,), workers=workers),
        {
            "NumPy": (lambda p, x: p.windows(x, size, stride), 0),
            "onnxruntime": (lambda p, x: p.node(x, "MaxPool", **onnx(size, stride, 0, 1)), 0),
            "torch": (lambda p, x: p.forward(x, "max_pool1d", size, stride), 0),
        },
        memory_bound=True,
    )


def median_of_blocks(number: int, shape: tuple[int, ...], dtype: str, block: tuple[int, ...]) -> Row:
    """tensorstore takes the lower of the middle two, whatever their distance."""
    window, axes = pooled(block)
    return Row(
        number,
        f"median {'x'.join(map(str, block))}",
        shape,
        dtype,
        lambda x, workers: cypool.pool(x, window, "median", axes=axes, dtype=x.dtype, workers=workers),
        {
            "tensorstore": (lambda p, x: p.downsample(x, block, "median"), np.inf),
            "scikit-image": (lambda p, x: p.block_reduce(x, block, np.median), 0.501),
        },
    )


def mode_of_labels(number: int, dtype: str) -> Row:
    """Ties are broken by other rules."""
    block = (2, 2, 2)
    return Row(
        number,
        "mode 2x2x2 of labels",
        VOLUME,
        dtype,
        lambda x, workers: cypool.pool(x, 2, "mode", workers=workers),
        {
            "tensorstore": (lambda p, x: p.downsample(x, block, "mode"), np.inf),
            "tinybrain": (lambda p, x: p.segmentation(x, block), np.inf),
        },
        labels=True,
    )


def onnx(window: int, stride: int, padding: int = 0, nd: int = 2, **more: Any) -> dict[str, Any]:
    """The attributes of a pooling node of ONNX."""
    return {"kernel_shape": [window] * nd, "strides": [stride] * nd, "pads": [padding] * (2 * nd), **more}


def of_torch(
    number: int, work: str, shape: tuple[int, ...], ours: Callable[[np.ndarray, int], Any], backward: bool,
    name: str, *args: Any, tolerance: float = 1e-5, node: Ask | None = None, **options: Any,
) -> Row:  # fmt: skip
    """torch in both layouts; `node`: what to ask onnxruntime."""

    def ask(p: Any, x: np.ndarray) -> Call:
        return (p.backward if backward else p.forward)(x, name, *args, **options)

    tools: dict[str, tuple[Ask, float]] = dict.fromkeys(("torch", "torch channels_last"), (ask, tolerance))
    if node is not None:
        tools["onnxruntime"] = node, tolerance
    return Row(number, work, shape, "float32", ours, tools)


def gradient(name: str, *args: Any, **options: Any) -> Callable[[np.ndarray, int], np.ndarray]:
    """The gradient of the sum; of maxima with the indices of the forward pass, as torch keeps them."""
    forward, backward = getattr(nn, name), getattr(nn, f"{name}_backward")
    kept: dict[int, Any] = {}

    def call(x: np.ndarray, workers: int) -> np.ndarray:
        if id(x) not in kept:
            kept.clear()
            y = forward(x, *args, **options, **({"return_indices": True} if "max" in name else {}))
            y, known = (y[0], {"indices": y[1]}) if "max" in name else (y, {})
            kept[id(x)] = np.ones(y.shape, x.dtype), known
        ones, known = kept[id(x)]
        return backward(ones, x, *args, **options, **known, workers=workers)

    return call


def nn_row(number: int, work: str, shape: tuple[int, ...], name: str, *args: Any, **options: Any) -> Row:
    """The same function, with the same arguments, of cypool.nn and of torch.nn.functional.  With `nhwc` the
    channels come last."""
    last = "channels_last" if options.get("nhwc") else "channels_first"
    ours = {k: v for k, v in options.items() if k not in ("nhwc", "tolerance", "node")}
    function = getattr(nn, name)

    def call(x: np.ndarray, workers: int) -> Any:
        y = function(x, *args, data_format=last, workers=workers, **ours)
        return y[0] if isinstance(y, tuple) else y

    return of_torch(number, work, shape, call, False, name, *args, **options)


def node(operator: str, *args: int, **attributes: Any) -> Ask:
    """What to ask onnxruntime."""
    outside = {k: attributes.pop(k) for k in ("outputs", "nhwc") if k in attributes}
    return lambda p, x: p.node(x, operator, **(onnx(*args, **attributes) if args else attributes), **outside)


def torch_rows() -> Iterator[Row]:
    maps, small, large, volume = (8, 64, 112, 112), (32, 64, 56, 56), (8, 64, 56, 56), (2, 16, 64, 128, 128)
    deep, wide = (32, 2048, 7, 7), (16, 256, 30, 30)
    honest = dict(count_include_pad=False)
    yield nn_row(12, "max 3x3 s2 p1", maps, "max_pool2d", 3, 2, 1, node=node("MaxPool", 3, 2, 1))
    yield nn_row(13, "max 2x2", small, "max_pool2d", 2, node=node("MaxPool", 2, 2))
    yield nn_row(14, "max 2x2 with indices", small, "max_pool2d", 2, return_indices=True,
                 node=node("MaxPool", 2, 2, outputs=2))  # fmt: skip
    yield of_torch(15, "max 3x3 s2 p1, gradient", maps, gradient("max_pool2d", 3, 2, 1), True, "max_pool2d", 3, 2, 1)
    yield of_torch(15, "max 2x2, gradient", small, gradient("max_pool2d", 2), True, "max_pool2d", 2)
    yield nn_row(16, "mean 2x2", small, "avg_pool2d", 2, node=node("AveragePool", 2, 2))
    yield of_torch(16, "mean 2x2, gradient", small, gradient("avg_pool2d", 2), True, "avg_pool2d", 2)
    yield nn_row(17, "mean 3x3 s1 p1", large, "avg_pool2d", 3, 1, 1,
                 node=node("AveragePool", 3, 1, 1, count_include_pad=1))  # fmt: skip
    yield of_torch(17, "mean 3x3 s1 p1, gradient", large,
                   gradient("avg_pool2d", 3, 1, 1), True, "avg_pool2d", 3, 1, 1)  # fmt: skip
    yield nn_row(17, "mean 3x3 s1 p1 of cells that exist", large, "avg_pool2d", 3, 1, 1, **honest,
                 node=node("AveragePool", 3, 1, 1))  # fmt: skip
    yield of_torch(17, "mean 3x3 s1 p1 of cells that exist, gradient", large,
                   gradient("avg_pool2d", 3, 1, 1, **honest), True, "avg_pool2d", 3, 1, 1, **honest)  # fmt: skip
    for reduce, adaptive, operator in (("mean", "adaptive_avg_pool2d", "GlobalAveragePool"),
                                       ("max", "adaptive_max_pool2d", "GlobalMaxPool")):  # fmt: skip
        yield of_torch(18, f"global {reduce}", deep,
                       lambda x, w, r=reduce: cypool.global_pool(x, r, axes=(2, 3), keepdims=True, workers=w),
                       False, adaptive, 1, node=node(operator))  # fmt: skip
        yield nn_row(19, f"adaptive {reduce} to 7x7", wide, adaptive, 7)
    yield of_torch(20, "fractional max to 78x78", maps,
                   lambda x, w: nn.fractional_max_pool2d(x, 2, 78, rng=0, workers=w), False,
                   "fractional_max_pool2d", 2, output_size=78, tolerance=np.inf)  # fmt: skip
    yield nn_row(21, "L2 2x2", maps, "lp_pool2d", 2, 2, node=node("LpPool", 2, 2, p=2))
    yield of_torch(22, "max 2x2x2", volume, lambda x, w: nn.max_pool3d(x, 2, workers=w), False, "max_pool3d", 2,
                   node=node("MaxPool", 2, 2, 0, 3))  # fmt: skip
    yield of_torch(22, "max 2x2x2, gradient", volume, gradient("max_pool3d", 2), True, "max_pool3d", 2)
    yield max_along_last(23, (32, 64, 16384), "float32", 3, 2)


def nhwc_rows() -> Iterator[Row]:
    maps, small, last = (8, 112, 112, 64), (32, 56, 56, 64), dict(nhwc=True)
    yield nn_row(27, "max 3x3 s2 p1, NHWC", maps, "max_pool2d", 3, 2, 1, node=node("MaxPool", 3, 2, 1, **last), **last)
    yield nn_row(27, "max 2x2, NHWC", small, "max_pool2d", 2, node=node("MaxPool", 2, 2, **last), **last)
    yield nn_row(27, "mean 2x2, NHWC", small, "avg_pool2d", 2, node=node("AveragePool", 2, 2, **last), **last)


def sliding_rows() -> Iterator[Row]:
    padded = (lambda p, x: p.image(x, "max_pool2d", 15, 1, 7), 0)
    for dtype in ("float32", "uint8"):
        yield sliding(24, dtype, 15, "max", "ignore", 0, **({"torch": padded} if dtype == "float32" else {}))
    yield sliding(25, "float32", 15, "mean", "reflect", 1e-4)
    for dtype in ("uint8", "float32"):
        yield sliding(26, dtype, 5, "median", "edge", 0)


IMAGE, COLOUR, VOLUME = (4096, 4096), (2048, 3072, 3), (256, 256, 256)


def rows() -> Iterator[Row]:
    yield mean_of_blocks(1, IMAGE, "float32", 2)
    yield mean_of_blocks(2, IMAGE, "uint8", 2)
    yield mean_of_blocks(3, IMAGE, "uint16", 2)
    for dtype in ("float32", "uint8", "uint16"):
        yield mean_of_blocks(4, IMAGE, dtype, 8)
    for dtype in ("float32", "uint8", "uint16"):
        yield max_of_blocks(5, IMAGE, dtype, memory_bound=True)
    for dtype in ("float32", "uint8", "uint16"):
        yield median_of_blocks(6, IMAGE, dtype, (2, 2))
    yield mean_of_blocks(7, COLOUR, "uint8", (4, 4, 1))
    yield median_of_blocks(8, COLOUR, "uint8", (4, 4, 1))
    for dtype in ("uint8", "uint16", "float32"):
        yield mean_of_blocks(9, VOLUME, dtype, 2)
    for dtype in ("uint8", "uint32", "uint64"):
        yield mode_of_labels(10, dtype)
    yield nanmean_of_blocks(11, (2048, 2048), "float64", 4)
    yield from torch_rows()
    yield from sliding_rows()
    yield from nhwc_rows()
    tiny = {
        "torch": (lambda p, x: p.image(x, "max_pool2d", 2), 0),
        "onnxruntime": (lambda p, x: p.image(x, "MaxPool", **onnx(2, 2)), 0),
    }
    yield max_of_blocks(28, (8, 8), "float32", counts=False, more=tiny)
