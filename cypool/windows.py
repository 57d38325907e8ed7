"""The windows of one axis: `Windows` says what they are, `Span` where they lie on n cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import TOO_LARGE, as_array, boolean, few, integer, one_of, ratio_of, shown, text
from .spans import Span

__all__ = ["Windows", "padding_of"]

SAMPLED = 64  # cells of a table that take part in its hash


def _output_length(n: int, k: int, s: int, d: int, before: int, after: int, ceil_mode: bool, name: str) -> int:
    extent = d * (k - 1) + 1
    padded = n + before + after
    if extent >= TOO_LARGE or padded >= TOO_LARGE:
        raise ValueError(
            f"{name}: window {k} with dilation {d} covers {extent} cells of {padded}, padding included; "
            "both must be below 2**62"
        )
    room = padded - extent
    o = -(-room // s) + 1 if ceil_mode else room // s + 1
    if ceil_mode and (o - 1) * s >= n + before:
        o -= 1
    if o < 1:
        raise ValueError(
            f"{name}: window {k} with dilation {d} covers {extent} cells, more than the {padded} there are "
            f"(axis length {n}, padding {before} and {after})"
        )
    return o


def padding_of(value: Any, n: int, k: int, s: int, d: int) -> tuple[int, int]:
    """Cells before and after, from an entry of `padding`."""
    if isinstance(value, str):
        if value == "valid":
            return 0, 0
        if value not in ("same", "same_lower"):
            raise ValueError(f'padding must be integers, "valid", "same" or "same_lower", not {shown(value)}')
        total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
        return (total // 2, total - total // 2) if value == "same" else (total - total // 2, total // 2)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = tuple(value)
    if isinstance(value, (tuple, list)):
        given = few(value, "padding of one axis must be an integer or (before, after)")
        if len(given) != 2:
            raise ValueError(f"padding of one axis must be an integer or (before, after), not {shown(given)}")
        return integer(given[0], "padding", 0), integer(given[1], "padding", 0)
    both = integer(value, "padding", 0)
    return both, both


def _bounds_array(value: Any, name: str) -> NDArray[np.int64]:
    given = as_array(value, name)
    if given.dtype.kind not in "iu" and given.size:
        raise TypeError(f"{name} must be integers, not {given.dtype}")
    if given.ndim not in (1, 2):
        raise ValueError(f"{name} must have one dimension (or two: planes, windows), not shape {given.shape}")
    array = given.astype(np.int64, order="C")  # or MemoryError, before its cells are looked at
    if given.dtype.kind == "u" and (array < 0).any():
        raise ValueError(f"{name} must be below 2**62, not {int(given.max())}")
    array.setflags(write=False)
    return array


def _fingerprint(table: NDArray[np.int64]) -> tuple[int, bytes]:
    """What a table is known by at a glance: its sum, and some of its cells.  Each of its bytes would take longer."""
    cells = table.ravel()
    return int(cells.sum()), cells[:: max(1, cells.size // SAMPLED)].tobytes()


class Windows:
    """Where the windows of one axis lie.

    Made by `Windows.sliding`, `.adaptive`, `.fractional`, `.whole` or `.explicit`, and given to `pool`
    in place of a window.  Immutable, hashable, picklable.

    Examples
    --------
    >>> import cypool
    >>> cypool.Windows.sliding(3, stride=2).bounds(8)
    (array([0, 2, 4]), array([3, 5, 7]))
    >>> cypool.Windows.adaptive(3).bounds(8)
    (array([0, 2, 5]), array([3, 6, 8]))
    """

    __slots__ = ("_hash", "_key", "_tables")
    _key: tuple[Any, ...]
    _hash: int
    _tables: tuple[NDArray[np.int64], NDArray[np.int64]] | None

    def __init__(self) -> None:
        raise TypeError("Windows are made by Windows.sliding, .adaptive, .fractional, .whole or .explicit")

    @classmethod
    def _make(cls, *key: Any, tables: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None) -> Windows:
        self = object.__new__(cls)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "_tables", tables)
        object.__setattr__(self, "_hash", hash((cls, key, *map(_fingerprint, tables or ()))))
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Windows are immutable: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Windows are immutable: {name} cannot be deleted")

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Windows):
            return NotImplemented
        return self._key == other._key and all(map(np.array_equal, self._tables or (), other._tables or ()))

    def __reduce__(self) -> tuple[Any, ...]:
        if self._tables is not None:
            return Windows.explicit, (*self._tables, self._key[1])
        return _remake, self._key

    def __repr__(self) -> str:
        kind, *rest = self._key
        if kind == "explicit":
            assert self._tables is not None
            return f"Windows.explicit({self._tables[0].tolist()}, {self._tables[1].tolist()}, {rest[0]})"
        if kind == "sliding":
            k, s, padding, d, ceil_mode, shift = rest
            return (
                f"Windows.sliding({k}, stride={s}, padding={padding!r}, dilation={d}, "
                f"ceil_mode={ceil_mode}, shift={shift})"
            )
        return f"Windows.{kind}({', '.join(map(repr, rest))})"

    @staticmethod
    def sliding(
        window: int,
        stride: int | None = None,
        padding: Any = 0,
        dilation: int = 1,
        ceil_mode: bool = False,
        shift: bool = False,
    ) -> Windows:
        """Windows at a regular stride, as the arguments of `pool` describe them.

        Parameters
        ----------
        window, stride, dilation : int
            Cells of a window, from one window to the next (default: the window), and from one cell
            of a window to the next.
        padding : int, (int, int), "valid", "same" or "same_lower"
            Cells added before and after the axis.
        ceil_mode : bool
            A last window that is only partly inside the axis is kept.
        shift : bool
            A last window that would be dropped or cut is moved inside the axis instead.  Only
            without padding and dilation.

        Raises
        ------
        TypeError, ValueError
            As `pool` does.
        """
        k = integer(window, "window", 1)
        s = k if stride is None else integer(stride, "stride", 1)
        d = integer(dilation, "dilation", 1)
        if not isinstance(padding, str):
            padding = padding_of(padding, 1, k, s, d)
        else:
            padding_of(padding, 1, k, s, d)
        shift = boolean(shift, "shift")
        if shift and (d != 1 or padding not in ((0, 0), "valid")):
            raise ValueError(f"shift=True goes with padding 0 and dilation 1 only, not {shown(padding)} and {d}")
        return Windows._make("sliding", k, s, padding, d, boolean(ceil_mode, "ceil_mode"), shift)

    @staticmethod
    def adaptive(output_size: int) -> Windows:
        """`output_size` windows that cover the axis: window i is ``floor(i n / o) .. ceil((i + 1) n / o)``,
        as in torch.nn.functional.adaptive_avg_pool1d."""
        return Windows._make("adaptive", integer(output_size, "output_size", 0))

    @staticmethod
    def whole() -> Windows:
        """One window: the axis."""
        return Windows._make("whole")

    @staticmethod
    def fractional(
        n: int,
        output_size: int | None = None,
        ratio: float | None = None,
        overlapping: bool = False,
        scheme: str = "pseudorandom",
        rng: Any = None,
    ) -> Windows:
        """Windows of two neighbouring lengths in a random order (Graham 2014, arXiv:1412.6071), drawn now.

        Parameters
        ----------
        n : int
            Length of the axis.
        output_size, ratio : int, float
            The number of windows, or input length over output length (at least 1): one of them.
        overlapping : bool
            Each window ends with the first cell of the next.
        scheme : {"pseudorandom", "random"}
            Increments ``ceil(alpha (i + u))`` with one random u, or shuffled.
        rng : numpy.random.Generator, int or None
            Where random numbers come from.

        Raises
        ------
        TypeError, ValueError
            A size below 1 or above n, a ratio below 1, both or none of them.

        Examples
        --------
        >>> import cypool
        >>> cypool.Windows.fractional(10, 4, rng=0).length(10)
        4
        """
        n = integer(n, "n", 1)
        one_of(output_size, ratio, "output_size or ratio")
        o = int(n / ratio_of(ratio)) if output_size is None else integer(output_size, "output_size", 1)
        if not 1 <= o <= n:
            raise ValueError(f"output_size must be 1 to {n} (the axis length), not {o}")
        text(scheme, ("pseudorandom", "random"), "scheme")
        overlapping = boolean(overlapping, "overlapping")
        if rng is not None and not isinstance(rng, np.random.Generator):
            rng = integer(rng, "rng", 0)
        generator = np.random.default_rng(rng)
        if o >= 2**31:
            raise ValueError(f"output_size must be below 2**31, not {o}")
        k, alpha = n // o, n / o
        edges = np.arange(o + 1, dtype=np.int64)
        if o < n and scheme == "random":
            steps = np.full(o, k, np.int64)
            steps[: n - o * k] += 1
            edges[1:] = np.cumsum(generator.permutation(steps))
        elif o < n:
            u = generator.random() * min((k + 2) / alpha - 1, (n + 1 - k) / alpha - (o - 1))
            edges[1:] = np.ceil(alpha * (np.arange(1, o + 1) + u)).astype(np.int64) - 1
            edges[o] = n
        return Windows.explicit(edges[:-1], np.minimum(edges[1:] + overlapping, n), n)

    @staticmethod
    def explicit(starts: Any, stops: Any, n: int) -> Windows:
        """Window i covers the cells ``starts[i] .. stops[i] - 1`` of an axis of length n.

        Parameters
        ----------
        starts, stops : array_like of int, shape (windows,) or (planes, windows)
            ``0 <= start <= stop <= n``.  With two dimensions every plane (the unpooled axes,
            flattened in C order) has windows of its own.
        n : int
            Length of the axis.
        """
        n = integer(n, "n", 0)
        first, last = _bounds_array(starts, "starts"), _bounds_array(stops, "stops")
        if first.shape != last.shape:
            raise ValueError(f"starts and stops must have one shape, not {first.shape} and {last.shape}")
        if first.size and (int(first.min()) < 0 or int(last.max()) > n or bool((first > last).any())):
            given = f"{shown(starts)}, {shown(stops)}"
            raise ValueError(f"starts and stops must satisfy 0 <= start <= stop <= n = {n}, not {given}")
        return Windows._make("explicit", n, first.shape, tables=(first, last))

    def resolve(self, n: int, name: str = "window") -> Span:
        """The windows on an axis of n cells."""
        kind, *rest = self._key
        if kind == "sliding":
            k, s, padding, d, ceil_mode, shift = rest
            before, after = padding_of(padding, n, k, s, d)
            if shift and k <= n:
                o = -(-(n - k) // s) + 1
                if (n - k) % s == 0:
                    return Span(n, o, k, s, d, 0, 0)
                starts = np.minimum(np.arange(o, dtype=np.int64) * s, n - k)
                return Span(n, o, k, s, 1, 0, 0, starts, starts + k)
            o = _output_length(n, k, s, d, before, after, ceil_mode, name)
            return Span(n, o, k, s, d, before, after)
        if kind == "whole":
            return Span(n, 1, n, n, 1, 0, 0)
        if kind == "adaptive":
            (o,) = rest
            if o and n % o == 0:
                return Span(n, o, n // o, n // o, 1, 0, 0)
            if o >= 2**31:
                raise ValueError(f"output_size must be below 2**31 where it does not divide {n}, not {o}")
            i = np.arange(o + 1, dtype=np.int64)
            q, r = divmod(n, o) if o else (0, 0)
            starts = i[:-1] * q + i[:-1] * r // max(o, 1)
            return Span(n, o, 1, 1, 1, 0, 0, starts, i[1:] * q - (-i[1:] * r) // max(o, 1))
        if rest[0] != n:
            raise ValueError(f"{name}: window is Windows.explicit for an axis of length {rest[0]}, not {n}")
        assert self._tables is not None
        starts, stops = self._tables
        planes = starts.shape[0] if starts.ndim == 2 else 0
        return Span(n, starts.shape[-1], 1, 1, 1, 0, 0, starts, stops, planes)

    def length(self, n: int) -> int:
        """Number of windows on an axis of n cells."""
        return self.resolve(integer(n, "n", 1)).o

    def bounds(self, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First cell and one past the last cell of each window, inside ``0 .. n``."""
        span = self.resolve(integer(n, "n", 1))
        if span.starts is not None and span.stops is not None:
            return span.starts.copy(), span.stops.copy()
        starts = np.arange(span.o, dtype=np.int64) * span.s - span.before
        stops = starts + ((span.k - 1) * span.d + 1)
        return np.clip(starts, 0, n), np.clip(stops, 0, n)

    def centers(self, n: int) -> NDArray[np.float64]:
        """Centre of each window in coordinates of the input; padding takes part in it."""
        span = self.resolve(integer(n, "n", 1))
        if span.starts is not None and span.stops is not None:
            return np.asarray((span.starts + span.stops - 1) / 2, np.float64)
        first = (span.k - 1) * span.d / 2 - span.before
        return np.arange(span.o, dtype=np.float64) * span.s + first


def _remake(*key: Any) -> Windows:
    return Windows._make(*key)
