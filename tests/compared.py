"""A call beside the reference, and other ways to compare results.  Used by tests and by the fuzzers."""

import math

import arrays
import numpy as np
import reference

import cypool


def compare(x, name, call, tables=None):
    """The call gives what the reference gives, error for error, and leaves x as it was.  `tables`: tells where its
    windows lie, of a call with Windows."""

    def wrong(what):
        return AssertionError(f"cypool.pool(x, reduce={name!r}, **{call})\nx = {arrays.show(x)}\n{what}")

    before = x.tobytes(), x.strides
    got = error = answer = expected = out = None
    try:
        given = {k: v for k, v in call.items() if k != "where" or v is not None}
        if tables is None:
            answer = reference.pool(x, reduce=name, **given)
        else:
            given = {k: v for k, v in given.items() if k not in ("window", "axes")}
            answer = reference.over(x, tables(), name, **given)
        out, intact = arrays.guarded(answer.value.shape, answer.dtype)
    except ValueError as refusal:
        expected = refusal
    try:
        cypool.pool(x, reduce=name, out=out, **call)
        if out is not None and not intact():
            raise wrong("wrote outside the output")
        got = cypool.pool(x, reduce=name, **call)
    except (ValueError, TypeError) as raised:
        error = raised
    if (x.tobytes(), x.strides) != before:
        raise wrong("x was modified")
    if error is not None:
        if answer is not None or not isinstance(error, ValueError):
            raise wrong(f"raised {error!r}, right is {arrays.show(answer and answer.value)}") from error
        return
    if answer is None:
        raise wrong(f"gave {arrays.show(got)}, right is an error: {expected}")
    if got.dtype != answer.dtype or not got.dtype.isnative or got.shape != answer.value.shape:
        raise wrong(f"gave {got.dtype} {got.shape}, right is {answer.dtype} {answer.value.shape}")
    for result, how in ((got, ""), (out, " with out=")):
        if not (fine := reference.agrees(result, answer)).all():
            bad = tuple(np.argwhere(~fine)[0].tolist())
            slack = None if answer.slack is None else answer.slack[bad]
            raise wrong(
                f"output {bad} is {result[bad]!r}{how}, right is {answer.value[bad]!r} within {slack} "
                f"({(~fine).sum()} of {fine.size} are wrong)"
            )


def bits(y):
    """The bits of a result; every NaN is the same, as its sign and payload are not fixed."""
    return np.where(y != y, y.dtype.type(np.nan), y).tobytes() if y.dtype.kind in "fc" else y.tobytes()


def pooled(x, index, call):
    """x at flat positions over the pooled axes."""
    axes = call.get("axes")
    if axes is None:
        axes = range(x.ndim) if np.ndim(call["window"]) == 0 else range(x.ndim - len(call["window"]), x.ndim)
    axes = sorted(np.atleast_1d(list(axes) if np.ndim(axes) or isinstance(axes, range) else axes) % x.ndim)
    moved, at = (np.moveaxis(a, axes, range(-len(axes), 0)) for a in (x, index))
    first = x.ndim - len(axes)
    lines, flat = (a.reshape(*a.shape[:first], math.prod(a.shape[first:])) for a in (moved, at))
    found = np.take_along_axis(lines, flat, -1)
    return np.moveaxis(found.reshape(at.shape), range(-len(axes), 0), axes)
