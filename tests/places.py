"""Where the windows of the oracle lie, as tables of taps, and the cells under them.

An axis becomes a table of taps: one line for each output, with the positions its window reads.

    n = 5, window 3, stride 2, padding 1        output 0:  -1  0  1
      . a b c d e .                             output 1:   1  2  3
      |---|   |                                 output 2:   3  4  5
          |---|
              |---|

`gather` brings the cells under the taps to one last axis, in C order over the pooled axes of the
array, beside a bool for each cell: does it take part?
"""

import math

import numpy as np

OFF = np.iinfo(np.int64).min  # a tap that never takes part
PAD = -1  # after `resolve`: a cell that holds border_value


# ---- one axis: where the windows lie -----------------------------------------------------------


def margins(n, window, stride, padding, dilation):
    """Cells of padding before and after an axis of length n."""
    if padding == "valid":
        return 0, 0
    if padding in ("same", "same_lower"):
        outputs = -(-n // stride)
        total = max(0, (outputs - 1) * stride + dilation * (window - 1) + 1 - n)
        small, large = total // 2, total - total // 2
        return (small, large) if padding == "same" else (large, small)
    return (padding, padding) if np.ndim(padding) == 0 else tuple(padding)


def sliding(n, window, stride=None, padding=0, dilation=1, ceil_mode=False, shift=False):
    """Taps of sliding windows, (outputs, window); cells beyond the padding are OFF."""
    stride = window if stride is None else stride
    before, after = margins(n, window, stride, padding, dilation)
    room = n + before + after - (dilation * (window - 1) + 1)
    outputs = (-(-room // stride) if ceil_mode or shift else room // stride) + 1
    if ceil_mode and (outputs - 1) * stride >= n + before:
        outputs -= 1
    if n < 1 or outputs < 1 or (shift and room < 0):
        raise ValueError(f"no window of {window} fits an axis of length {n}")
    starts = np.arange(outputs) * stride
    starts = np.minimum(starts, room) if shift else starts
    taps = starts[:, None] - before + dilation * np.arange(window)
    return np.where(taps < n + after, taps, OFF)


def explicit(starts, stops):
    """Taps of windows [start, stop)."""
    starts, stops = np.asarray(starts), np.asarray(stops)
    taps = starts[:, None] + np.arange(max((stops - starts).max(initial=0), 1))
    return np.where(taps < stops[:, None], taps, OFF)


def adaptive(n, outputs):
    """Window i covers floor(i * n / outputs) to ceil((i + 1) * n / outputs)."""
    i = np.arange(outputs)
    return explicit(i * n // outputs, -((i + 1) * n // -outputs))


def whole(n):
    """One window."""
    return np.arange(n)[None, :]


def resolve(taps, n, border):
    """The cell of the array that each tap reads; PAD: a cell of border_value; OFF: none."""
    inside, real = (taps >= 0) & (taps < n), taps != OFF
    if border == "ignore":
        return np.where(inside, taps, OFF)
    if border == "constant":
        return np.where(inside, taps, np.where(real, PAD, OFF))
    before = max(0, -taps.min(where=real, initial=0))
    after = max(0, taps.max(where=real, initial=0) - n + 1)
    mirrored = np.pad(np.arange(n), (before, after), mode=border)
    return np.where(real, mirrored[np.where(real, taps + before, 0)], OFF)


# ---- any number of axes: the cells of each window ------------------------------------------------


def gather(x, tables, where=True, border="ignore", border_value=0):
    """Cells (outputs..., cells of a window) and whether each takes part.

    tables: {axis: taps}.  A cell is off (3) if any axis says so, else border_value (2) if any
    axis says so, else a cell of the array that takes part (1) or is masked (0).
    """
    cells, state = x, np.broadcast_to(where, x.shape).astype(np.int8)
    for axis in sorted(tables):
        index = resolve(tables[axis], x.shape[axis], border)
        cells = np.take(cells, np.maximum(index, 0), axis)
        state = np.take(state, np.maximum(index, 0), axis)
        index = index.reshape(index.shape + (1,) * (state.ndim - axis - 2))
        state = np.where(index == OFF, 3, np.where(index == PAD, np.maximum(state, 2), state))
        cells, state = np.moveaxis(cells, axis + 1, -1), np.moveaxis(state, axis + 1, -1)
    if tables and border == "constant":
        cells = np.where(state == 2, x.dtype.type(border_value), cells)
    shape = (*cells.shape[: x.ndim], math.prod(cells.shape[x.ndim :]))
    return cells.reshape(shape), ((state == 1) | (state == 2)).reshape(shape)
