"""Gradients of the pooling to a given size."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from ._common import Array, OutputSize, adaptive_backward

__all__ = [
    "adaptive_avg_pool1d_backward", "adaptive_avg_pool2d_backward", "adaptive_avg_pool3d_backward",
    "adaptive_max_pool1d_backward", "adaptive_max_pool2d_backward", "adaptive_max_pool3d_backward",
]  # fmt: skip


def adaptive_max_pool1d_backward(
    grad: ArrayLike, x: ArrayLike, output_size: OutputSize, return_indices: bool = False, *,
    indices: ArrayLike | None = None, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `adaptive_max_pool1d`: ``dx[argmax of window i] += grad[i]``.

    Arguments, result and errors as for `adaptive_max_pool2d_backward`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.adaptive_max_pool1d_backward([[1.0, 2.0, 4.0]], [[1.0, 5.0, 2.0, 4.0, 3.0]], 3)
    array([[0., 3., 0., 4., 0.]])
    """
    return adaptive_backward(
        1, "max", grad, x, output_size, indices, data_format, where, nan_policy, min_count, fill_value,
        out, workers,
    )  # fmt: skip


def adaptive_max_pool2d_backward(
    grad: ArrayLike, x: ArrayLike, output_size: OutputSize, return_indices: bool = False, *,
    indices: ArrayLike | None = None, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(adaptive_max_pool2d(x, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `adaptive_max_pool2d`.
    x : array_like
        What was pooled.
    output_size, data_format, where, nan_policy, min_count
        As in `adaptive_max_pool2d`.
    return_indices, fill_value, dtype
        Accepted, so that the arguments of `adaptive_max_pool2d` can be passed on; they do not change the gradient.
    indices : array_like of int, optional
        What `adaptive_max_pool2d` returned with ``return_indices=True``: spares the search for the largest cells.
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
        As `adaptive_max_pool2d` does.
    IndexError
        An index outside of the plane.

    Notes
    -----
    ``dx[argmax of window i] += grad[i]``; a cell in several windows gets the sum.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.adaptive_max_pool2d_backward([[[8.0]]], np.arange(4.0).reshape(1, 2, 2), 1)
    array([[[0., 0.],
            [0., 8.]]])
    """
    return adaptive_backward(
        2, "max", grad, x, output_size, indices, data_format, where, nan_policy, min_count, fill_value,
        out, workers,
    )  # fmt: skip


def adaptive_max_pool3d_backward(
    grad: ArrayLike, x: ArrayLike, output_size: OutputSize, return_indices: bool = False, *,
    indices: ArrayLike | None = None, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `adaptive_max_pool3d`: ``dx[argmax of window i] += grad[i]``.

    Arguments, result and errors as for `adaptive_max_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.adaptive_max_pool3d_backward([[[[8.0]]]], np.arange(4.0).reshape(1, 1, 2, 2), 1).ravel()
    array([0., 0., 0., 8.])
    """
    return adaptive_backward(
        3, "max", grad, x, output_size, indices, data_format, where, nan_policy, min_count, fill_value,
        out, workers,
    )  # fmt: skip


def adaptive_avg_pool1d_backward(
    grad: ArrayLike, x: ArrayLike, output_size: OutputSize, *, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `adaptive_avg_pool1d`: ``dx += grad / number of cells`` in each window.

    Arguments, result and errors as for `adaptive_avg_pool2d_backward`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.adaptive_avg_pool1d_backward([[2.0, 6.0, 4.0]], [[1.0, 5.0, 2.0, 4.0, 3.0]], 3)
    array([[1., 3., 2., 4., 2.]])
    """
    return adaptive_backward(
        1, "mean", grad, x, output_size, None, data_format, where, nan_policy, min_count, fill_value,
        out, workers,
    )  # fmt: skip


def adaptive_avg_pool2d_backward(
    grad: ArrayLike, x: ArrayLike, output_size: OutputSize, *, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(adaptive_avg_pool2d(x, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `adaptive_avg_pool2d`.
    x : array_like
        What was pooled.
    output_size, data_format, where, nan_policy, min_count
        As in `adaptive_avg_pool2d`.
    fill_value, dtype
        Accepted, so that the arguments of `adaptive_avg_pool2d` can be passed on; they do not change the gradient.
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
        As `adaptive_avg_pool2d` does.

    Notes
    -----
    ``dx += grad / number of cells`` in each window; a cell in several windows gets the sum.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.adaptive_avg_pool2d_backward([[[8.0]]], np.arange(4.0).reshape(1, 2, 2), 1)
    array([[[2., 2.],
            [2., 2.]]])
    """
    return adaptive_backward(
        2, "mean", grad, x, output_size, None, data_format, where, nan_policy, min_count, fill_value,
        out, workers,
    )  # fmt: skip


def adaptive_avg_pool3d_backward(
    grad: ArrayLike, x: ArrayLike, output_size: OutputSize, *, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `adaptive_avg_pool3d`: ``dx += grad / number of cells`` in each window.

    Arguments, result and errors as for `adaptive_avg_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.adaptive_avg_pool3d_backward([[[[8.0]]]], np.arange(4.0).reshape(1, 1, 2, 2), 1).ravel()
    array([2., 2., 2., 2.])
    """
    return adaptive_backward(
        3, "mean", grad, x, output_size, None, data_format, where, nan_policy, min_count, fill_value,
        out, workers,
    )  # fmt: skip
