"""`pool_backward` and `unpool`: where gradients and pooled values go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import dispatch, threads
from .arguments import TOO_LARGE, as_array, few, integer, is_sequence, must_fit, plain_number, pooled_axes, shown, text
from .call import Call, check_out, taking_part, window_weights
from .engine import cached, keep
from .geometry import resolve
from .gradients import Backward, check_indices, upstream
from .kernels import calls
from .lanes import check_dtype, padded_value
from .parameters import parameter_gradient
from .pooling import Reduce
from .reducers import Reducer, find, read_options
from .rules import RULES
from .spans import Span, pooled_shape
from .windows import Windows

__all__ = ["WRT", "as_indices", "deliver", "differentiated", "gradient", "pool_backward", "unpool", "unpooled_shape"]

Array = NDArray[Any]

WRT: dict[str, tuple[str, ...]] = {"x": tuple(RULES), "weights": ("sum", "mean"), "p": ("gem",), "alpha": ("softpool",)}


def pool_backward(
    grad: ArrayLike,
    x: ArrayLike,
    window: Any,
    reduce: Reduce = "max",
    *,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    axes: Any = None,
    border: str = "ignore",
    border_value: Any = 0,
    where: ArrayLike | None = None,
    nan_policy: str = "propagate",
    min_count: int = 1,
    fill_value: Any = None,
    indices: ArrayLike | None = None,
    wrt: str = "x",
    out: Array | None = None,
    workers: int | None = None,
    **options: Any,
) -> Array:
    """Gradient of ``(pool(x, ...) * grad).sum()``, with the same arguments as `pool`.

    Parameters
    ----------
    grad : array_like
        The upstream gradient, of the shape of the result of `pool`.
    x, window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value
        As in `pool`.  A cell that the border mirrors receives what its mirror images are given; what
        padded cells with a value are given is dropped.
    where, nan_policy, min_count
        As in `pool`.  Cells that take no part receive 0; the gradient of empty windows is dropped.
    fill_value
        Accepted, so that the arguments of `pool` can be passed on; it has no gradient.
    indices : array_like of int, optional
        What `pool` returned with ``return_indices=True``: spares the search for the picked cells.
        Needed for "stochastic" unless rng is an integer.
    wrt : {"x", "weights", "p", "alpha"}
        With respect to what: the array, the weights ("sum", "mean"), p ("gem") or alpha ("softpool").
    out : ndarray, optional
        Where to put the result.
    workers : int, optional
        As in `pool`.
    **options
        Of the reducer, as in `pool`.

    Returns
    -------
    ndarray
        For ``wrt="x"`` of the shape of x, and of its dtype if that is floating, else of grad's; for
        "weights" of the window's shape; for "p" and "alpha" 0-d.  The latter two are float64.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As `pool` does; also for any, all, count, argmax, argmin and callables, which have no gradient.
    IndexError
        An index outside of the pooled axes.

    Notes
    -----
    Selecting reducers (max, min, median, quantile, mode, first, stochastic) give g to the cell they
    picked (the first in C order of equals); a quantile between two cells shares it by its weights.
    sum: g; mean: g / n; prod: g times the product of the others; var: 2 (x - mean) g / (n - ddof), std:
    that over 2 y; lp: g sign(x) abs(x / y)**(p - 1); gem: g (x / y)**(p - 1) / n; logsumexp:
    g exp(alpha (x - y)); softpool: g w (1 + alpha (x - y)).  Each input row is added up by one thread
    in a fixed order: the same bits for any number of workers.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> x = np.array([[1.0, 5.0], [4.0, 2.0]])
    >>> cypool.pool_backward([[10.0]], x, 2)
    array([[ 0., 10.],
           [ 0.,  0.]])
    >>> cypool.pool_backward([[10.0]], x, 2, "mean")
    array([[2.5, 2.5],
           [2.5, 2.5]])
    """
    mask: Any = None
    if isinstance(x, np.ma.MaskedArray):
        mask = np.ma.getmask(x)
        x = x.data
    array = as_array(x, "x")
    seen = None
    if where is not None or (mask is not None and mask is not np.ma.nomask):
        seen = taking_part(where, mask, array.shape)
    text(wrt, tuple(WRT), "wrt")
    if fill_value is not None:
        plain_number(fill_value, "fill_value")
    call = Call(array, seen, nan_policy, border, border_value, min_count, None, None, False)
    described = (
        "backward", array.shape, array.strides, array.dtype, array.flags.aligned,
        None if seen is None else seen.strides, window, reduce, stride, padding, dilation, ceil_mode, axes, border,
        border_value, nan_policy, min_count, wrt, tuple(options.items()), dispatch.choice,
    )  # fmt: skip
    key = calls.typed_key(described, (np.dtype, Windows))
    known = cached(key)
    if known is None:
        known = differentiated(array, window, reduce, stride, padding, dilation, ceil_mode, axes, border, border_value,
                               wrt, options)  # fmt: skip
        spans = known[2]
        keep(key, known, 4096 + sum(s.nbytes for s in spans.values()))
    row, omit, spans, values, value = known
    if omit or value is not border_value:
        call = replace(call, nan_policy="omit" if omit else nan_policy, border_value=value)
    result = gradient(grad, call, row, spans, values, indices, wrt, workers, key)
    if wrt == "weights":  # in the caller's order of axes
        order = pooled_axes(axes, array.ndim, window)
        result = result.transpose([sorted(order).index(a) for a in order])
    return deliver(result, out)


def gradient(
    grad: Any, call: Call, row: Reducer, spans: dict[int, Span], values: dict[str, Any], indices: Any, wrt: str,
    workers: int | None, key: Any = None,
) -> Array:  # fmt: skip
    """The gradient of a call whose other arguments are checked (of the weights in the order of the array's axes)."""
    array = call.array
    if array.dtype.kind == "c":
        return _complex(grad, call, row, spans, values, indices, wrt, workers)
    backward = prepared(grad, call, row, spans, values, indices, workers, key)
    if wrt != "x":
        return parameter_gradient(backward, wrt)
    g = backward.grad
    dtype = array.dtype.newbyteorder("=") if array.dtype.kind == "f" else g.dtype
    if 0 in g.shape:
        return np.zeros(array.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return backward.run().astype(dtype, copy=False)


def prepared(
    grad: Any, call: Call, row: Reducer, spans: dict[int, Span], values: dict[str, Any], indices: Any,
    workers: int | None, key: Any = None,
) -> Backward:  # fmt: skip
    """A gradient of real numbers, of which nothing is computed yet."""
    shape = pooled_shape(call.array.shape, spans)
    g = upstream(grad, shape)
    indices, hidden = _given_indices(indices, row, shape)
    return Backward(call, row, spans, values, g, indices, workers, hidden, key)


def _given_indices(indices: Any, row: Reducer, shape: tuple[int, ...]) -> tuple[Array | None, Array | None]:
    if indices is None:
        return None, None
    found = as_indices(indices, shape)
    if row.selects == "":
        raise ValueError(f"indices do not go with reduce={row.name!r}: it selects no cells")
    return found


def differentiated(
    array: Array, window: Any, reduce: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, axes: Any,
    border: Any, border_value: Any, wrt: str, options: Mapping[str, Any],
) -> tuple[Reducer, bool, dict[int, Span], dict[str, Any], Any]:  # fmt: skip
    """The reducer, whether it skips NaN, the windows, the options and the border's value of a gradient."""
    spans = resolve(array.shape, window, stride, padding, dilation, ceil_mode, axes, border)
    found = find(reduce)
    if found is None or found[0].name not in WRT[wrt]:
        allowed = ", ".join(WRT[wrt])
        raise TypeError(f"reduce={shown(reduce)} has no gradient with respect to {wrt} (these have: {allowed})")
    row, omit = found
    native = check_dtype(array.dtype, row.kinds, "x")
    value = padded_value(border_value, native, border, 0)
    values = read_options(row, options)
    if values.get("weights") is not None:
        values["weights"] = window_weights(values["weights"], spans, pooled_axes(axes, array.ndim, window))
    elif wrt == "weights":
        raise ValueError("wrt='weights' needs weights")
    return row, omit, spans, values, value


def _complex(grad: Any, call: Call, row: Any, spans: Any, values: Any, indices: Any, wrt: str, workers: Any) -> Array:
    """Sums and means are linear: real and imaginary parts have the same gradient."""
    g, shape = as_array(grad, "grad"), pooled_shape(call.array.shape, spans)
    if g.dtype.kind not in "biufc":
        raise TypeError(f"grad must be numbers, not {g.dtype}")
    if row.name not in ("sum", "mean") or wrt != "x":
        raise TypeError(f"x of {call.array.dtype} has a gradient for sum and mean only, with respect to x")
    pieces = {part: upstream(np.ascontiguousarray(getattr(g, part)), shape) for part in ("real", "imag")}
    _given_indices(indices, row, shape)  # an error if there are any
    call = call.without_nan()
    result = np.zeros(call.array.shape, call.array.dtype.newbyteorder("="))
    if 0 in shape:
        return result
    for part, piece in pieces.items():
        real = replace(call, array=getattr(call.array, part), border_value=0)
        getattr(result, part)[...] = Backward(real, row, spans, values, piece, None, workers).run()
    return result


def deliver(result: Array, out: Any) -> Array:
    if out is None:
        return result
    target = check_out(out, result.shape, result.dtype)
    target[...] = result
    return target


def as_indices(indices: Any, shape: tuple[int, ...]) -> tuple[Array, Array | None]:
    """Indices as int64, and where they are masked: -1 there.  Their values are checked where they are used."""
    given = as_array(indices, "indices")
    if given.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, not {given.dtype}")
    if given.shape != shape:
        raise ValueError(f"indices must have shape {shape}, not {given.shape}")
    if given.dtype.kind == "u" and given.dtype.itemsize == 8:
        given = np.minimum(given, TOO_LARGE)  # beyond any array, and an int64
    found = given.astype(np.int64, copy=False)
    mask = np.ma.getmask(indices)
    return (found, None) if mask is np.ma.nomask else (np.where(mask, -1, found), np.asarray(mask))


def unpooled_shape(values: Any, shape: Any, axes: Any) -> tuple[dict[int, int], tuple[int, ...]]:
    """The size of each pooled axis of the result of `unpool`, and its shape; of `values` none is read."""
    given = few(shape, f"shape must have at most {values.ndim} entries") if is_sequence(shape) else (shape,)
    sizes = tuple(integer(n, "shape", 1) for n in given)
    where = pooled_axes(axes, values.ndim, sizes, "shape", "values")
    if len(where) != len(sizes):
        raise ValueError(f"shape must have {len(where)} entries (one for each of axes), not {sizes}")
    of_axis = dict(zip(where, sizes, strict=True))
    whole = tuple(of_axis.get(a, n) for a, n in enumerate(values.shape))
    must_fit(whole, values.dtype)
    return of_axis, whole


def unpool(
    values: ArrayLike,
    indices: ArrayLike,
    shape: Any,
    *,
    axes: Any = None,
    out: Array | None = None,
    workers: int | None = None,
) -> Array:
    """Put pooled values back where their indices point; all other cells are 0.

    Parameters
    ----------
    values : array_like
        Pooled values, of any dtype that `pool` takes.
    indices : array_like of int
        For each value, its flat position in C order over the pooled axes of the result, as
        ``pool(..., return_indices=True)`` gives them.  Of a repeated one, the last in C order wins.
    shape : int or sequence of int
        Sizes of the pooled axes of the result.
    axes : int or sequence of int, optional
        The pooled axes, in the order of `shape`.  Default: the last ``len(shape)``.
    out : ndarray, optional
        Where to put the result.
    workers : int, optional
        As in `pool`.

    Returns
    -------
    ndarray
        Of the dtype of values.

    Raises
    ------
    TypeError, ValueError, MemoryError
        Arguments of the wrong kind, or that do not fit each other.
    IndexError
        An index outside of the result; nothing is written then.

    Examples
    --------
    >>> import numpy as np, cypool
    >>> values, indices = cypool.pool(np.array([[1, 5], [4, 2]]), 2, return_indices=True)
    >>> cypool.unpool(values, indices, (2, 2))
    array([[0, 5],
           [0, 0]])
    """
    array = as_array(values, "values")
    check_dtype(array.dtype, "biufc", "values")
    of_axis, whole = unpooled_shape(array, shape, axes)
    count = threads.resolve(workers, array.size // 16384)
    cells = math.prod(of_axis.values())
    index, hidden = as_indices(indices, array.shape)
    if hidden is not None and hidden.any():
        raise ValueError("indices must not be masked: an empty window has no place")
    if out is not None:
        check_out(out, whole, array.dtype.newbyteorder("="))
    axes_sorted = sorted(of_axis)
    last = range(-len(axes_sorted), 0)
    batch = [n for a, n in enumerate(array.shape) if a not in of_axis]
    result = np.zeros([*batch, *(of_axis[a] for a in axes_sorted)], array.dtype.newbyteorder("="))
    if array.size:
        lined = np.ascontiguousarray(np.moveaxis(array, axes_sorted, last), result.dtype)
        at = np.ascontiguousarray(np.moveaxis(index, axes_sorted, last))
        bad = dispatch.kernels.scatter(
            lined.reshape(-1).view(np.uint8), at.reshape(-1), result.reshape(-1).view(np.uint8), array.itemsize,
            math.prod(batch), count,
        )  # fmt: skip
        if bad >= 0:
            check_indices(index, cells)
            raise IndexError("indices changed during the call")
    moved = np.moveaxis(result, last, axes_sorted)
    if out is None:
        return np.ascontiguousarray(moved)
    out[...] = moved
    return out
