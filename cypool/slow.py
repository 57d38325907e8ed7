"""The slow path: windows reduced by any function that takes ``axis=``.

Every function of NumPy's shape, ``func(a, axis=(...), **options)``, can reduce windows, at the
function's own speed. It is not called once per window but once per window *shape*: along one axis
the windows of a pooling have only a few different numbers of cells (clipped ones at the ends, all
others full), so the windows that agree on every axis are laid out as one array ::

    a[out_0, ..., out_n-1, tap_0, ..., tap_k-1]

and ``func`` reduces its trailing axes. Where the windows lie at regular steps that array is a
read-only view of `x` (adjacent blocks have the memory layout of blocks cut out by striding, so
that float sums round the same way); a border costs one padded copy of `x`; only windows at
irregular places are gathered.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["BORDER", "apply_callable", "window_array"]

BORDER = -1
"""The source position that stands for a cell of the constant border."""


def apply_callable(
    func: Callable[..., Any],
    x: NDArray[Any],
    axes: Sequence[int],
    windows: Sequence[Sequence[ArrayLike]],
    *,
    border_value: Any = 0,
    func_kwargs: Mapping[str, Any] | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Reduce each window of `x` with ``func(a, axis=tuple, **func_kwargs)``.

    Parameters
    ----------
    func : callable
        Called once for each combination of window lengths, with an array whose last
        ``len(axes)`` axes are the window (in the order of `axes`) and `axis` naming them.
    x : ndarray
        The input; it is never modified, and `func` sees it read-only.
    axes : sequence of int
        The pooled axes, not negative, without repeats.
    windows : sequence
        For each pooled axis the windows along it: for each one the source positions of its
        cells, clipped and mirrored already, ``BORDER`` for a cell of the constant border.
    border_value : scalar
        What a ``BORDER`` cell holds, cast to the dtype of `x`.
    func_kwargs : mapping, optional
        Further keywords for `func`.
    dtype : dtype, optional
        The dtype of the result, which the function's results must be castable to
        (``same_kind``). Default: the common dtype of those results.
    out : ndarray, optional
        Where to put the result.

    Returns
    -------
    ndarray
        `x` with each pooled axis as long as its list of windows.

    Raises
    ------
    ValueError
        If `func` returns an array of another shape than the windows' own.
    TypeError
        If its dtype cannot be cast to `dtype` or to that of `out`.

    Examples
    --------
    The windows of one axis are cut at its end, so `func` is called twice:

    >>> import numpy as np
    >>> apply_callable(np.median, np.array([1, 5, 2, 8, 3]), (0,), [[[0, 1], [2, 3], [4]]])
    array([3., 5., 3.])
    """

    def reduced(a: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(func(a, axis=tuple(range(x.ndim, a.ndim)), **(func_kwargs or {})))

    shape = list(x.shape)
    for axis, of_axis in zip(axes, windows, strict=True):
        shape[axis] = len(of_axis)
    pieces = []
    for groups in itertools.product(*(_by_length(of_axis) for of_axis in windows)):
        a = window_array(x, axes, [taps for _, taps in groups], border_value)
        y = reduced(a)
        if y.shape != a.shape[: x.ndim]:
            name = getattr(func, "__name__", repr(func))
            raise ValueError(
                f"{name} reduced windows of shape {a.shape[x.ndim :]} to an array of shape "
                f"{y.shape}, where {a.shape[: x.ndim]} was expected: it must reduce exactly the "
                "axes it is given as axis="
            )
        place = [np.arange(n) for n in shape]
        for axis, (outputs, _) in zip(axes, groups, strict=True):
            place[axis] = outputs
        pieces.append((place, y))
    if out is None:
        if dtype is None and not pieces:  # no windows: the dtype is that of what has no outputs
            dtype = reduced(np.empty(shape + [1] * len(axes), x.dtype)).dtype
        elif dtype is None:
            dtype = np.result_type(*(y.dtype for _, y in pieces))
        if len(pieces) == 1:
            return pieces[0][1].astype(dtype, casting="same_kind", copy=False)
        out = np.empty(shape, dtype)
    for place, y in pieces:
        out[np.ix_(*place)] = y.astype(out.dtype, casting="same_kind", copy=False)
    return out


def window_array(
    x: NDArray[Any], axes: Sequence[int], taps: Sequence[NDArray[Any]], border_value: Any = 0
) -> NDArray[Any]:
    """Lay out windows as ``a[outputs of every axis of x..., window...]``, read-only.

    `taps` holds for each of `axes` an integer array (output, tap) of source positions. The result
    is a view of `x`, or of a copy padded or gathered along the axes that need it.
    """
    shape, steps = list(x.shape), [1] * x.ndim
    for axis, positions in zip(axes, taps, strict=True):
        line, step, dilation = _line(positions)
        first, last = int(line.min(initial=0)), int(line[-1]) + 1 if line.size else 0
        whole = (slice(None),) * axis
        if first >= 0 and np.array_equal(line, np.arange(last - line.size, last)):
            x = x[(*whole, slice(last - line.size, last))]
        else:
            x = x.take(line, axis)
            x[(*whole, line == BORDER)] = border_value
        shape[axis], steps[axis] = len(positions), step
        shape.append(positions.shape[1])
        steps.append(dilation)
    strides = [*x.strides, *(x.strides[axis] for axis in axes)]
    strides = [stride * step for stride, step in zip(strides, steps, strict=True)]
    return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)


def _line(taps: NDArray[Any]) -> tuple[NDArray[Any], int, int]:
    """Find (line, step, dilation) with ``taps[i, j] == line[i * step + j * dilation]``.

    The steps are read off in the middle, away from borders, and then checked everywhere; windows
    without common steps are put one after the other.
    """
    count, length = taps.shape
    if taps.size:
        middle = count // 2
        step = int(taps[middle, 0] - taps[middle - 1, 0]) if count > 1 else length
        dilation = int(taps[middle, 1] - taps[middle, 0]) if length > 1 else 1
        if step > 0 and dilation > 0:
            at = np.arange(count)[:, None] * step + np.arange(length) * dilation
            line = np.arange(at[-1, -1] + 1) + (taps[middle, 0] - middle * step)
            line[at] = taps
            unused = np.ones(line.size, bool)
            unused[at] = False
            line[unused] = np.clip(line[unused], 0, taps.max(initial=0))
            if np.array_equal(line[at], taps):
                return line, step, dilation
    return taps.ravel(), length, 1


def _by_length(of_axis: Iterable[ArrayLike]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Group the windows of one axis by length: [(which outputs, taps of (output, tap))]."""
    groups: dict[int, list[int]] = {}
    windows = [np.asarray(window, dtype=np.intp) for window in of_axis]
    for i, window in enumerate(windows):
        groups.setdefault(window.size, []).append(i)
    return [(np.array(which), np.stack([windows[i] for i in which])) for which in groups.values()]
