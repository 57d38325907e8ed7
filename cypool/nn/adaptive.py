"""Pooling to a given size, as torch.nn.functional has it."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from ._common import Array, OutputSize, adaptive

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]  # fmt: skip


def adaptive_max_pool1d(
    input: ArrayLike, output_size: OutputSize, return_indices: bool = False, *, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each window of a signal of any size, (C, L) or (N, C, L), for `output_size` windows.

    ``y[n, c, i] = max x[n, c, floor(i * L / o) : ceil((i + 1) * L / o)]``.
    Arguments, result and errors as for `adaptive_max_pool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.adaptive_max_pool1d([[1, 5, 2, 4, 3]], 3)
    array([[5, 5, 4]])
    """
    return adaptive(
        1, "max", input, output_size, return_indices, data_format, where, nan_policy, min_count, fill_value, dtype,
        out, workers,
    )  # fmt: skip


def adaptive_max_pool2d(
    input: ArrayLike, output_size: OutputSize, return_indices: bool = False, *, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each window of an image of any size, for `output_size` windows.

    Parameters
    ----------
    input : array_like, shape (C, H, W) or (N, C, H, W)
        Bool, integers, float16, float32 or float64; any memory layout; a masked array.  Channels last,
        see `data_format`: (H, W, C) or (N, H, W, C).
    output_size : int, None or pair of these
        Outputs on each axis; None: as many as there are cells; 0: none.  One value, or a sequence of one,
        holds for both.
    return_indices : bool
        Also return where the largest cells are.
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
        The shape of `input`, but for the pooled axes: `output_size`.  With `return_indices` a pair
        (values, indices): int64, flat positions in the plane (H, W) of each channel; the first wins ties,
        the first NaN wins.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.

    Notes
    -----
    ``y[n, c, i, j] = max x[n, c, floor(i * H / o) : ceil((i + 1) * H / o), likewise W and j]``:
    windows overlap where o does not divide the axis, and repeat where o is larger.  The rule is that of
    torch.nn.functional.adaptive_max_pool2d.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> cypool.nn.adaptive_max_pool2d(x, (2, None))
    array([[[ 5,  6,  7,  8],
            [13, 14, 15, 16]]])
    """
    return adaptive(
        2, "max", input, output_size, return_indices, data_format, where, nan_policy, min_count, fill_value, dtype,
        out, workers,
    )  # fmt: skip


def adaptive_max_pool3d(
    input: ArrayLike, output_size: OutputSize, return_indices: bool = False, *, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each window of a volume of any size, (C, D, H, W) or (N, C, D, H, W), for `output_size` windows.

    ``y[n, c, i] = max x[n, c, floor(i * L / o) : ceil((i + 1) * L / o)]``, likewise on all three axes.
    Arguments, result and errors as for `adaptive_max_pool2d`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.adaptive_max_pool3d(np.arange(12).reshape(1, 2, 2, 3), (1, None, 1))
    array([[[[ 8],
             [11]]]])
    """
    return adaptive(
        3, "max", input, output_size, return_indices, data_format, where, nan_policy, min_count, fill_value, dtype,
        out, workers,
    )  # fmt: skip


def adaptive_avg_pool1d(
    input: ArrayLike, output_size: OutputSize, *, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Mean of each window of a signal of any size, (C, L) or (N, C, L), for `output_size` windows.

    ``y[n, c, i] = mean x[n, c, floor(i * L / o) : ceil((i + 1) * L / o)]``.
    Arguments, result and errors as for `adaptive_avg_pool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.adaptive_avg_pool1d([[0, 1, 2, 3, 4]], 3)
    array([[0.5, 2. , 3.5]])
    """
    result: Array = adaptive(
        1, "mean", input, output_size, False, data_format, where, nan_policy, min_count, fill_value, dtype, out,
        workers,
    )  # fmt: skip
    return result


def adaptive_avg_pool2d(
    input: ArrayLike, output_size: OutputSize, *, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Mean of each window of an image of any size, for `output_size` windows.

    Parameters
    ----------
    input : array_like, shape (C, H, W) or (N, C, H, W)
        Bool, integers, float16, float32 or float64; any memory layout; a masked array.  Channels last,
        see `data_format`: (H, W, C) or (N, H, W, C).
    output_size : int, None or pair of these
        Outputs on each axis; None: as many as there are cells; 0: none.  One value, or a sequence of one,
        holds for both.
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
        Dtype of the result.  Default: that of `input` if floating, else float64.
    out : ndarray, optional
        Where to put the result.
    workers : int, optional
        At most so many threads; -1: all.

    Returns
    -------
    ndarray
        The shape of `input`, but for the pooled axes: `output_size`.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.

    Notes
    -----
    ``y[n, c, i, j] = mean x[n, c, floor(i * H / o) : ceil((i + 1) * H / o), likewise W and j]``:
    windows overlap where o does not divide the axis, and repeat where o is larger.  The rule is that of
    torch.nn.functional.adaptive_avg_pool2d.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> cypool.nn.adaptive_avg_pool2d(x, (2, None))
    array([[[ 3. ,  4.5,  4.5,  6. ],
            [11. , 12. , 13. , 14. ]]])
    """
    result: Array = adaptive(
        2, "mean", input, output_size, False, data_format, where, nan_policy, min_count, fill_value, dtype, out,
        workers,
    )  # fmt: skip
    return result


def adaptive_avg_pool3d(
    input: ArrayLike, output_size: OutputSize, *, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Mean of each window of a volume of any size, (C, D, H, W) or (N, C, D, H, W), for `output_size` windows.

    ``y[n, c, i] = mean x[n, c, floor(i * L / o) : ceil((i + 1) * L / o)]``, likewise on all three axes.
    Arguments, result and errors as for `adaptive_avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.adaptive_avg_pool3d(np.arange(12).reshape(1, 2, 2, 3), (1, None, 1))
    array([[[[4.],
             [7.]]]])
    """
    result: Array = adaptive(
        3, "mean", input, output_size, False, data_format, where, nan_policy, min_count, fill_value, dtype, out,
        workers,
    )  # fmt: skip
    return result
