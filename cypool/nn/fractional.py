"""Fractional max pooling by torch's rule of windows, and its gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..arguments import as_array, as_maskable, integer, one_of, real, renamed, shown
from ..backward import pool_backward
from ..pooling import pool
from ..windows import Windows
from ._common import INPUT, Array, Ratio, Size, sizes, spatial_axes, spread

__all__ = [
    "fractional_max_pool2d", "fractional_max_pool2d_backward", "fractional_max_pool3d",
    "fractional_max_pool3d_backward",
]  # fmt: skip

# In torch the first sample is that of W in 2-D, that of D in 3-D.
SAMPLE_OF_AXIS: dict[int, tuple[int, ...]] = {2: (1, 0), 3: (0, 1, 2)}


def _outputs(lengths: tuple[int, ...], window: tuple[int, ...], size: Any, ratio: Any) -> tuple[int, ...]:
    """The number of windows on each axis: none may reach beyond it."""
    one_of(size, ratio, "output_size or output_ratio")
    if size is not None:
        name, outputs = "output_size", sizes(size, len(lengths), "output_size", 0)
    else:
        name, given = "output_ratio", spread(ratio, len(lengths), "output_ratio", "one number")
        ratios = [real(r, "output_ratio", "a number between 0 and 1") for r in given]
        if not all(0 < r < 1 for r in ratios):
            raise ValueError(f"output_ratio must be between 0 and 1 (output / input), not {shown(ratio)}")
        outputs = tuple(int(n * r) for n, r in zip(lengths, ratios, strict=True))
    for n, k, o in zip(lengths, window, outputs, strict=True):
        if not o <= n - k + 1:
            raise ValueError(
                f"{name}: an axis of length {n} with kernel_size {k} has room for {max(n - k + 1, 0)} outputs, not {o}"
            )
    return outputs


def _samples(given: Any, shape: tuple[int, ...], rng: Any) -> Array:
    if given is None:
        if rng is not None and not isinstance(rng, np.random.Generator):
            rng = integer(rng, "rng", 0)
        return np.random.default_rng(rng).random(shape)
    samples = as_array(given, "_random_samples")
    if samples.dtype.kind != "f":
        raise TypeError(f"_random_samples must be floats, not {samples.dtype}")
    if samples.shape != shape:
        raise ValueError(f"_random_samples must have shape {shape} (batch, channels, axes), not {samples.shape}")
    if not ((samples >= 0) & (samples < 1)).all():
        raise ValueError("_random_samples must be at least 0 and below 1")
    return samples


def _starts(u: Array, n: int, k: int, o: int) -> Array:
    """First cells of the windows of each plane: ``int((i + u) alpha) - int(u alpha)``, the last at the end of the
    axis, computed in the precision of the input, as torch does."""
    starts = np.full((len(u), o), n - k, np.int64)
    if o > 1:
        alpha = u.dtype.type(n - k) / u.dtype.type(o - 1)
        cells = np.arange(o - 1).astype(u.dtype) + u[:, None]
        cells *= alpha
        starts[:, :-1] = cells  # cut off
        starts[:, :-1] -= (u[:, None] * alpha).astype(np.int64)
    return np.clip(starts, 0, n - k, out=starts)


def _windows(
    nd: int, x: Array, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any, rng: Any, data_format: str,
    name: str,
) -> tuple[tuple[Windows, ...], tuple[int, ...]]:  # fmt: skip
    axes = spatial_axes(nd, x.ndim, data_format, name)
    lengths = tuple(x.shape[a] for a in axes)
    window = sizes(kernel_size, nd, "kernel_size", 1)
    outputs = _outputs(lengths, window, output_size, output_ratio)
    batch = tuple(n for a, n in enumerate(x.shape) if a not in axes)
    planes = math.prod(batch)
    u = _samples(samples, (*(1,) * (2 - len(batch)), *batch, nd), rng).reshape(planes, nd)
    u = u.astype(x.dtype.newbyteorder("=") if x.dtype.kind == "f" else np.float64)
    tables = []
    for n, k, o, column in zip(lengths, window, outputs, SAMPLE_OF_AXIS[nd], strict=True):
        starts = _starts(u[:, column], n, k, o) if planes else np.zeros(o, np.int64)
        tables.append(Windows.explicit(starts, starts + k, n))
    return tuple(tables), axes


def _fractional(
    nd: int, input: ArrayLike, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool,
    samples: Any, rng: Any, data_format: str, where: Any, nan_policy: str, min_count: int, fill_value: Any,
    dtype: Any, out: Any, workers: int | None,
) -> Any:  # fmt: skip
    try:
        x = as_maskable(input, "input")
        windows, axes = _windows(nd, x, kernel_size, output_size, output_ratio, samples, rng, data_format, "input")
        return pool(
            x, windows, "max", axes=axes, where=where, nan_policy=nan_policy, min_count=min_count,
            fill_value=fill_value, return_indices=return_indices, dtype=dtype, out=out, workers=workers,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        renamed(error, INPUT)


def _fractional_backward(
    nd: int, grad: ArrayLike, x: ArrayLike, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any,
    indices: Any, rng: Any, data_format: str, where: Any, nan_policy: str, min_count: int, fill_value: Any, out: Any,
    workers: int | None,
) -> Array:  # fmt: skip
    if samples is None and indices is None and (rng is None or isinstance(rng, np.random.Generator)):
        raise ValueError("the windows are not known: give _random_samples, indices, or an integer as rng")
    array = as_maskable(x, "x")
    windows, axes = _windows(nd, array, kernel_size, output_size, output_ratio, samples, rng, data_format, "x")
    return pool_backward(
        grad, array, windows, "max", axes=axes, where=where, nan_policy=nan_policy, min_count=min_count,
        fill_value=fill_value, indices=indices, out=out, workers=workers,
    )  # fmt: skip


def fractional_max_pool2d(
    input: ArrayLike, kernel_size: Size, output_size: Size | None = None, output_ratio: Ratio | None = None,
    return_indices: bool = False, _random_samples: ArrayLike | None = None, *,
    rng: np.random.Generator | int | None = None, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each window of an image, windows of one size at distances drawn at random.

    Parameters
    ----------
    input : array_like, shape (C, H, W) or (N, C, H, W)
        Bool, integers, float16, float32 or float64; any memory layout; a masked array.  Channels last,
        see `data_format`: (H, W, C) or (N, H, W, C).
    kernel_size : int or (int, int)
        Cells of a window.  Here and below, one value holds for both axes, as does a sequence of one.
    output_size : int or (int, int), optional
        Outputs on each axis, at most ``n - kernel_size + 1``; 0: none.
    output_ratio : float or (float, float), optional
        Output length over input length, between 0 and 1: ``int(n * output_ratio)`` outputs.  One of
        `output_size` and `output_ratio` must be given.
    return_indices : bool
        Also return where the largest cells are.
    _random_samples : array_like of float, shape (N, C, 2), optional
        The random numbers, at least 0 and below 1: the first of a channel is for W, the second for H.  N is
        1 without a batch.
    rng : numpy.random.Generator or int, optional
        Where random numbers come from if there are no `_random_samples`.
    data_format : {"channels_first", "channels_last"}
        Which axis holds the channels; nothing is transposed or copied.
    where : array_like of bool, optional
        Broadcast to `input`; cells that are False take no part.
    nan_policy : {"propagate", "omit", "raise"}
        A window with a NaN gives NaN; NaN take no part; an error.
    min_count, fill_value : int, scalar
        A window in which fewer than `min_count` cells take part is empty: `fill_value`, by default NaN, or
        an error where the result is of integers.
    dtype : dtype, optional
        Dtype of the result.  Default: that of `input`.
    out : ndarray, optional
        Where to put the result (a pair with `return_indices`).
    workers : int, optional
        At most so many threads; -1: all.

    Returns
    -------
    ndarray
        Of the input's dtype, the pooled axes as long as asked for.  With `return_indices` a pair (values,
        indices): int64, flat positions in the plane (H, W) of each channel; the first wins ties, the first
        NaN wins.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.

    Notes
    -----
    Window i of o on an axis of length n starts at ``int((i + u) * alpha) - int(u * alpha)`` with
    ``alpha = (n - kernel_size) / (o - 1)``, the last one at ``n - kernel_size``; each channel of each batch entry has
    its own u for each axis.  This is the rule of torch.nn.functional.fractional_max_pool2d: windows may overlap
    and leave gaps.  `cypool.fractional_pool` has the partitions of the paper, Graham 2014, arXiv:1412.6071.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.arange(25).reshape(1, 5, 5)
    >>> cypool.nn.fractional_max_pool2d(x, 2, 3, _random_samples=[[[0.4, 0.9]]])
    array([[[ 6,  8,  9],
            [11, 13, 14],
            [21, 23, 24]]])
    """
    return _fractional(
        2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, rng, data_format, where,
        nan_policy, min_count, fill_value, dtype, out, workers,
    )  # fmt: skip


def fractional_max_pool3d(
    input: ArrayLike, kernel_size: Size, output_size: Size | None = None, output_ratio: Ratio | None = None,
    return_indices: bool = False, _random_samples: ArrayLike | None = None, *,
    rng: np.random.Generator | int | None = None, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each window of a volume, (C, D, H, W) or (N, C, D, H, W), windows at random distances.

    Window i of an axis starts at ``int((i + u) * alpha) - int(u * alpha)``, ``alpha = (n - kernel_size) / (o - 1)``.
    Arguments, result and errors as for `fractional_max_pool2d`; `_random_samples` has shape (N, C, 3), for
    D, H and W in this order.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.arange(27).reshape(1, 3, 3, 3)
    >>> cypool.nn.fractional_max_pool3d(x, 2, output_ratio=0.7, rng=0)
    array([[[[13, 14],
             [16, 17]],
    <BLANKLINE>
            [[22, 23],
             [25, 26]]]])
    """
    return _fractional(
        3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, rng, data_format, where,
        nan_policy, min_count, fill_value, dtype, out, workers,
    )  # fmt: skip


# ---- gradients -------------------------------------------------------------------------------------


def fractional_max_pool2d_backward(
    grad: ArrayLike, x: ArrayLike, kernel_size: Size, output_size: Size | None = None,
    output_ratio: Ratio | None = None, return_indices: bool = False, _random_samples: ArrayLike | None = None, *,
    indices: ArrayLike | None = None, rng: np.random.Generator | int | None = None,
    data_format: str = "channels_first", where: ArrayLike | None = None, nan_policy: str = "propagate",
    min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(fractional_max_pool2d(x, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `fractional_max_pool2d`.
    x : array_like
        What was pooled.
    kernel_size, output_size, output_ratio, data_format, where, nan_policy, min_count
        As in `fractional_max_pool2d`.
    _random_samples, indices, rng
        What tells the windows: the random numbers of the call, or what it returned with
        ``return_indices=True``, or the integer that it was given as `rng`.
    return_indices, fill_value, dtype
        Accepted, so that the arguments of `fractional_max_pool2d` can be passed on; they do not change the gradient.
    out : ndarray, optional
        Where to put the gradient.
    workers : int, optional
        At most so many threads; -1: all.

    Returns
    -------
    ndarray
        Of the shape of x, and of its dtype if that is floating, else of grad's.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `fractional_max_pool2d` does; windows that nothing tells.
    IndexError
        An index outside of the plane.

    Notes
    -----
    ``dx[argmax of window (i, j)] += grad[i, j]``, the first of equals; a cell in several windows gets the sum.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.arange(9.0).reshape(1, 3, 3)
    >>> cypool.nn.fractional_max_pool2d_backward(np.ones((1, 2, 2)), x, 2, 2, rng=0)
    array([[[0., 0., 0.],
            [0., 1., 1.],
            [0., 1., 1.]]])
    """
    return _fractional_backward(
        2, grad, x, kernel_size, output_size, output_ratio, _random_samples, indices, rng, data_format, where,
        nan_policy, min_count, fill_value, out, workers,
    )  # fmt: skip


def fractional_max_pool3d_backward(
    grad: ArrayLike, x: ArrayLike, kernel_size: Size, output_size: Size | None = None,
    output_ratio: Ratio | None = None, return_indices: bool = False, _random_samples: ArrayLike | None = None, *,
    indices: ArrayLike | None = None, rng: np.random.Generator | int | None = None,
    data_format: str = "channels_first", where: ArrayLike | None = None, nan_policy: str = "propagate",
    min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None, out: Array | None = None,
    workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `fractional_max_pool3d`: ``dx[argmax of window i] += grad[i]``.

    Arguments, result and errors as for `fractional_max_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.arange(8.0).reshape(1, 2, 2, 2)
    >>> cypool.nn.fractional_max_pool3d_backward([[[[3.0]]]], x, 2, 1, rng=0).ravel()
    array([0., 0., 0., 0., 0., 0., 0., 3.])
    """
    return _fractional_backward(
        3, grad, x, kernel_size, output_size, output_ratio, _random_samples, indices, rng, data_format, where,
        nan_policy, min_count, fill_value, out, workers,
    )  # fmt: skip
