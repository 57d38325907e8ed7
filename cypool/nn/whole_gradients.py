"""Gradients of the pooling of whole planes."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from ._common import Array, whole_backward

__all__ = [
    "global_avg_pool1d_backward", "global_avg_pool2d_backward", "global_avg_pool3d_backward",
    "global_max_pool1d_backward", "global_max_pool2d_backward", "global_max_pool3d_backward",
    "global_min_pool1d_backward", "global_min_pool2d_backward", "global_min_pool3d_backward",
]  # fmt: skip


def global_max_pool1d_backward(
    grad: ArrayLike, x: ArrayLike, return_indices: bool = False, *, indices: ArrayLike | None = None,
    keepdims: bool = True, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `global_max_pool1d`: ``dx[argmax] += grad``.

    Arguments, result and errors as for `global_max_pool2d_backward`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.global_max_pool1d_backward([[6.0]], [[1.0, 5.0, 3.0]])
    array([[0., 6., 0.]])
    """
    return whole_backward(
        1, "max", grad, x, indices, keepdims, data_format, where, nan_policy, min_count, fill_value, out,
        workers,
    )  # fmt: skip


def global_max_pool2d_backward(
    grad: ArrayLike, x: ArrayLike, return_indices: bool = False, *, indices: ArrayLike | None = None,
    keepdims: bool = True, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(global_max_pool2d(x, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `global_max_pool2d`.
    x : array_like
        What was pooled.
    keepdims, data_format, where, nan_policy, min_count
        As in `global_max_pool2d`.
    return_indices, fill_value, dtype
        Accepted, so that the arguments of `global_max_pool2d` can be passed on; they do not change the gradient.
    indices : array_like of int, optional
        What `global_max_pool2d` returned with ``return_indices=True``: spares the search.
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
        As `global_max_pool2d` does.
    IndexError
        An index outside of the plane.

    Notes
    -----
    ``dx[argmax] += grad``, the first of equals.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.global_max_pool2d_backward([8.0], np.arange(4.0).reshape(1, 2, 2), keepdims=False)
    array([[[0., 0.],
            [0., 8.]]])
    """
    return whole_backward(
        2, "max", grad, x, indices, keepdims, data_format, where, nan_policy, min_count, fill_value, out,
        workers,
    )  # fmt: skip


def global_max_pool3d_backward(
    grad: ArrayLike, x: ArrayLike, return_indices: bool = False, *, indices: ArrayLike | None = None,
    keepdims: bool = True, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `global_max_pool3d`: ``dx[argmax] += grad``.

    Arguments, result and errors as for `global_max_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.global_max_pool3d_backward([[[[8.0]]]], np.arange(4.0).reshape(1, 1, 2, 2)).ravel()
    array([0., 0., 0., 8.])
    """
    return whole_backward(
        3, "max", grad, x, indices, keepdims, data_format, where, nan_policy, min_count, fill_value, out,
        workers,
    )  # fmt: skip


def global_avg_pool1d_backward(
    grad: ArrayLike, x: ArrayLike, *, keepdims: bool = True, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `global_avg_pool1d`: ``dx = grad / number of cells``.

    Arguments, result and errors as for `global_avg_pool2d_backward`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.global_avg_pool1d_backward([[6.0]], [[1.0, 5.0, 3.0]])
    array([[2., 2., 2.]])
    """
    return whole_backward(
        1, "mean", grad, x, None, keepdims, data_format, where, nan_policy, min_count, fill_value, out,
        workers,
    )  # fmt: skip


def global_avg_pool2d_backward(
    grad: ArrayLike, x: ArrayLike, *, keepdims: bool = True, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(global_avg_pool2d(x, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `global_avg_pool2d`.
    x : array_like
        What was pooled.
    keepdims, data_format, where, nan_policy, min_count
        As in `global_avg_pool2d`.
    fill_value, dtype
        Accepted, so that the arguments of `global_avg_pool2d` can be passed on; they do not change the gradient.
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
        As `global_avg_pool2d` does.

    Notes
    -----
    ``dx = grad / number of cells``.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.global_avg_pool2d_backward([8.0], np.arange(4.0).reshape(1, 2, 2), keepdims=False)
    array([[[2., 2.],
            [2., 2.]]])
    """
    return whole_backward(
        2, "mean", grad, x, None, keepdims, data_format, where, nan_policy, min_count, fill_value, out,
        workers,
    )  # fmt: skip


def global_avg_pool3d_backward(
    grad: ArrayLike, x: ArrayLike, *, keepdims: bool = True, data_format: str = "channels_first",
    where: ArrayLike | None = None, nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None,
    dtype: DTypeLike | None = None, out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `global_avg_pool3d`: ``dx = grad / number of cells``.

    Arguments, result and errors as for `global_avg_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.global_avg_pool3d_backward([[[[8.0]]]], np.arange(4.0).reshape(1, 1, 2, 2)).ravel()
    array([2., 2., 2., 2.])
    """
    return whole_backward(
        3, "mean", grad, x, None, keepdims, data_format, where, nan_policy, min_count, fill_value, out,
        workers,
    )  # fmt: skip


def global_min_pool1d_backward(
    grad: ArrayLike, x: ArrayLike, return_indices: bool = False, *, indices: ArrayLike | None = None,
    keepdims: bool = True, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `global_min_pool1d`: ``dx[argmin] += grad``.

    Arguments, result and errors as for `global_min_pool2d_backward`.

    Examples
    --------
    >>> import cypool.nn
    >>> cypool.nn.global_min_pool1d_backward([[6.0]], [[1.0, 5.0, 3.0]])
    array([[6., 0., 0.]])
    """
    return whole_backward(
        1, "min", grad, x, indices, keepdims, data_format, where, nan_policy, min_count, fill_value, out,
        workers,
    )  # fmt: skip


def global_min_pool2d_backward(
    grad: ArrayLike, x: ArrayLike, return_indices: bool = False, *, indices: ArrayLike | None = None,
    keepdims: bool = True, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of ``(global_min_pool2d(x, ...) * grad).sum()`` with respect to x.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `global_min_pool2d`.
    x : array_like
        What was pooled.
    keepdims, data_format, where, nan_policy, min_count
        As in `global_min_pool2d`.
    return_indices, fill_value, dtype
        Accepted, so that the arguments of `global_min_pool2d` can be passed on; they do not change the gradient.
    indices : array_like of int, optional
        What `global_min_pool2d` returned with ``return_indices=True``: spares the search.
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
        As `global_min_pool2d` does.
    IndexError
        An index outside of the plane.

    Notes
    -----
    ``dx[argmin] += grad``, the first of equals.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.global_min_pool2d_backward([8.0], np.arange(4.0).reshape(1, 2, 2), keepdims=False)
    array([[[8., 0.],
            [0., 0.]]])
    """
    return whole_backward(
        2, "min", grad, x, indices, keepdims, data_format, where, nan_policy, min_count, fill_value, out,
        workers,
    )  # fmt: skip


def global_min_pool3d_backward(
    grad: ArrayLike, x: ArrayLike, return_indices: bool = False, *, indices: ArrayLike | None = None,
    keepdims: bool = True, data_format: str = "channels_first", where: ArrayLike | None = None,
    nan_policy: str = "propagate", min_count: int = 1, fill_value: Any = None, dtype: DTypeLike | None = None,
    out: Array | None = None, workers: int | None = None,
) -> Array:  # fmt: skip
    """Gradient of `global_min_pool3d`: ``dx[argmin] += grad``.

    Arguments, result and errors as for `global_min_pool2d_backward`.

    Examples
    --------
    >>> import numpy as np, cypool.nn
    >>> cypool.nn.global_min_pool3d_backward([[[[8.0]]]], np.arange(4.0).reshape(1, 1, 2, 2)).ravel()
    array([8., 0., 0., 0.])
    """
    return whole_backward(
        3, "min", grad, x, indices, keepdims, data_format, where, nan_policy, min_count, fill_value, out,
        workers,
    )  # fmt: skip
