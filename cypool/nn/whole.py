"""Pooling of whole planes, which torch.nn.functional has as adaptive pooling to 1."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from ._common import Array, whole

__all__ = [
    "global_avg_pool1d", "global_avg_pool2d", "global_avg_pool3d", "global_max_pool1d", "global_max_pool2d",
    "global_max_pool3d", "global_min_pool1d", "global_min_pool2d", "global_min_pool3d",
]  # fmt: skip


def global_max_pool1d(
    input: ArrayLike, return_indices: bool = False, *, keepdims: bool = True, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each channel of a signal, (C, L) or (N, C, L): ``y[n, c] = max x[n, c, ...]``.

    Arguments, result and errors as for `global_max_pool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.global_max_pool1d([[1, 5, 3]])
    array([[5]])
    """
    return whole(
        1, "max", input, return_indices, keepdims, data_format, where, nan_policy, min_count, fill_value, dtype, out,
        workers,
    )  # fmt: skip


def global_max_pool2d(
    input: ArrayLike, return_indices: bool = False, *, keepdims: bool = True, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each channel of an image.

    Parameters
    ----------
    input : array_like, shape (C, H, W) or (N, C, H, W)
        Bool, integers, float16, float32 or float64; any memory layout; a masked array.  Channels last,
        see `data_format`: (H, W, C) or (N, H, W, C).
    return_indices : bool
        Also return where the largest cells are.
    keepdims : bool
        Keep the pooled axes, with length 1.
    data_format : {"channels_first", "channels_last"}
        Which axis holds the channels; nothing is transposed or copied.
    where : array_like of bool, optional
        Broadcast to `input`; cells that are False take no part.
    nan_policy : {"propagate", "omit", "raise"}
        A window with a NaN gives NaN; NaN take no part; an error.
    min_count, fill_value : int, scalar
        A channel in which fewer than `min_count` cells take part is empty: `fill_value`, by default NaN, or
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
        Shape (C, 1, 1) or (N, C, 1, 1), without the ones if `keepdims` is False.  With `return_indices` a pair (values,
        indices): int64, flat positions in the plane (H, W) of each channel; the first wins ties, the first NaN
        wins.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.

    Notes
    -----
    ``y[n, c] = max x[n, c, ...]``; Oquab et al. 2015, doi:10.1109/CVPR.2015.7298668.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> cypool.nn.global_max_pool2d(x, keepdims=False)
    array([16])
    """
    return whole(
        2, "max", input, return_indices, keepdims, data_format, where, nan_policy, min_count, fill_value, dtype, out,
        workers,
    )  # fmt: skip


def global_max_pool3d(
    input: ArrayLike, return_indices: bool = False, *, keepdims: bool = True, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Largest cell of each channel of a volume, (C, D, H, W) or (N, C, D, H, W): ``y[n, c] = max x[n, c, ...]``.

    Arguments, result and errors as for `global_max_pool2d`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.global_max_pool3d(np.arange(12).reshape(1, 2, 2, 3))
    array([[[[11]]]])
    """
    return whole(
        3, "max", input, return_indices, keepdims, data_format, where, nan_policy, min_count, fill_value, dtype, out,
        workers,
    )  # fmt: skip


def global_avg_pool1d(
    input: ArrayLike, *, keepdims: bool = True, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Mean of each channel of a signal, (C, L) or (N, C, L): ``y[n, c] = mean x[n, c, ...]``.

    Arguments, result and errors as for `global_avg_pool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.global_avg_pool1d([[1, 5, 3]])
    array([[3.]])
    """
    result: Array = whole(
        1, "mean", input, False, keepdims, data_format, where, nan_policy, min_count, fill_value, dtype, out, workers
    )
    return result


def global_avg_pool2d(
    input: ArrayLike, *, keepdims: bool = True, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Mean of each channel of an image.

    Parameters
    ----------
    input : array_like, shape (C, H, W) or (N, C, H, W)
        Bool, integers, float16, float32 or float64; any memory layout; a masked array.  Channels last,
        see `data_format`: (H, W, C) or (N, H, W, C).
    keepdims : bool
        Keep the pooled axes, with length 1.
    data_format : {"channels_first", "channels_last"}
        Which axis holds the channels; nothing is transposed or copied.
    where : array_like of bool, optional
        Broadcast to `input`; cells that are False take no part.
    nan_policy : {"propagate", "omit", "raise"}
        A window with a NaN gives NaN; NaN take no part; an error.
    min_count, fill_value : int, scalar
        A channel in which fewer than `min_count` cells take part is empty: `fill_value`, by default NaN, or
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
        Shape (C, 1, 1) or (N, C, 1, 1), without the ones if `keepdims` is False.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.

    Notes
    -----
    ``y[n, c] = mean x[n, c, ...]``; Lin, Chen and Yan 2013, arXiv:1312.4400.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> cypool.nn.global_avg_pool2d(x, keepdims=False)
    array([8.5])
    """
    result: Array = whole(
        2, "mean", input, False, keepdims, data_format, where, nan_policy, min_count, fill_value, dtype, out, workers
    )
    return result


def global_avg_pool3d(
    input: ArrayLike, *, keepdims: bool = True, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Mean of each channel of a volume, (C, D, H, W) or (N, C, D, H, W): ``y[n, c] = mean x[n, c, ...]``.

    Arguments, result and errors as for `global_avg_pool2d`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.global_avg_pool3d(np.arange(12).reshape(1, 2, 2, 3))
    array([[[[5.5]]]])
    """
    result: Array = whole(
        3, "mean", input, False, keepdims, data_format, where, nan_policy, min_count, fill_value, dtype, out, workers
    )
    return result


def global_min_pool1d(
    input: ArrayLike, return_indices: bool = False, *, keepdims: bool = True, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Smallest cell of each channel of a signal, (C, L) or (N, C, L): ``y[n, c] = min x[n, c, ...]``.

    Arguments, result and errors as for `global_min_pool2d`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.global_min_pool1d([[1, 5, 3]])
    array([[1]])
    """
    return whole(
        1, "min", input, return_indices, keepdims, data_format, where, nan_policy, min_count, fill_value, dtype, out,
        workers,
    )  # fmt: skip


def global_min_pool2d(
    input: ArrayLike, return_indices: bool = False, *, keepdims: bool = True, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Smallest cell of each channel of an image.

    Parameters
    ----------
    input : array_like, shape (C, H, W) or (N, C, H, W)
        Bool, integers, float16, float32 or float64; any memory layout; a masked array.  Channels last,
        see `data_format`: (H, W, C) or (N, H, W, C).
    return_indices : bool
        Also return where the smallest cells are.
    keepdims : bool
        Keep the pooled axes, with length 1.
    data_format : {"channels_first", "channels_last"}
        Which axis holds the channels; nothing is transposed or copied.
    where : array_like of bool, optional
        Broadcast to `input`; cells that are False take no part.
    nan_policy : {"propagate", "omit", "raise"}
        A window with a NaN gives NaN; NaN take no part; an error.
    min_count, fill_value : int, scalar
        A channel in which fewer than `min_count` cells take part is empty: `fill_value`, by default NaN, or
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
        Shape (C, 1, 1) or (N, C, 1, 1), without the ones if `keepdims` is False.  With `return_indices` a pair (values,
        indices): int64, flat positions in the plane (H, W) of each channel; the first wins ties, the first NaN
        wins.

    Raises
    ------
    TypeError, ValueError, MemoryError
        An argument of the wrong kind; of a wrong value, length or combination; a result too large.

    Notes
    -----
    ``y[n, c] = min x[n, c, ...]``.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> x = np.array([[[1, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]])
    >>> cypool.nn.global_min_pool2d(x, keepdims=False)
    array([1])
    """
    return whole(
        2, "min", input, return_indices, keepdims, data_format, where, nan_policy, min_count, fill_value, dtype, out,
        workers,
    )  # fmt: skip


def global_min_pool3d(
    input: ArrayLike, return_indices: bool = False, *, keepdims: bool = True, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Any = None, workers: int | None = None,
) -> Any:  # fmt: skip
    """Smallest cell of each channel of a volume, (C, D, H, W) or (N, C, D, H, W): ``y[n, c] = min x[n, c, ...]``.

    Arguments, result and errors as for `global_min_pool2d`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.global_min_pool3d(np.arange(12).reshape(1, 2, 2, 3))
    array([[[[0]]]])
    """
    return whole(
        3, "min", input, return_indices, keepdims, data_format, where, nan_policy, min_count, fill_value, dtype, out,
        workers,
    )  # fmt: skip
