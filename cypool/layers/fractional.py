"""Fractional pooling: windows of two neighbouring lengths in a random order, drawn anew for each call.

    n = 5, output_size 3      [0 1][2][3 4]  or  [0][1 2][3 4]  or  [0 1][2 3][4]

A layer goes on with its own generator, so that a seed fixes the whole run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import boolean, entries, integer, one_of, per_axis, ratio_of, text
from ..windows import Windows
from .base import Picked, PoolingLayer, Sizes

__all__ = ["FractionalAveragePooling2D", "FractionalAveragePooling3D", "FractionalMaxPooling2D",
           "FractionalMaxPooling3D"]  # fmt: skip

SCHEMES = ("pseudorandom", "random")


class _Fractional(PoolingLayer):
    def __init__(
        self,
        output_size: Sizes | None = None,
        ratio: float | Sequence[float] | None = None,
        overlapping: bool = False,
        scheme: str = "pseudorandom",
        data_format: str | None = "channels_last",
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(data_format, name)
        one_of(output_size, ratio, "output_size or ratio")
        self.output_size: tuple[int, ...] | None = (
            None if output_size is None else per_axis(output_size, self._rank, "output_size", 1)
        )
        self.ratio: tuple[float, ...] | None = (
            None if ratio is None else tuple(ratio_of(r) for r in entries(ratio, self._rank, "ratio"))
        )
        self.overlapping: bool = boolean(overlapping, "overlapping")
        self.scheme: str = text(scheme, SCHEMES, "scheme")
        self.seed: int | None = None if seed is None else integer(seed, "seed", 0)
        self._rng = np.random.default_rng(self.seed)

    def _windows(self, shape: tuple[int, ...]) -> dict[str, Any]:
        self._result_shape(shape, "x")
        nothing = (None,) * self._rank
        drawn = tuple(
            Windows.fractional(shape[a], size, ratio, self.overlapping, self.scheme, self._rng)
            for a, size, ratio in zip(self._axes, self.output_size or nothing, self.ratio or nothing, strict=True)
        )
        return {"window": drawn}

    def _length(self, n: int | None, axis: int, place: int) -> int | None:
        if self.output_size is not None:
            size = self.output_size[place]
            if n is not None and size > n:
                raise ValueError(f"output_size must be at most the axis length, {n} of axis {axis}, not {size}")
            return size
        ratio = self.ratio[place] if self.ratio else 1.0
        if n is not None and n < ratio:
            raise ValueError(f"ratio must be at most the axis length, {n} of axis {axis}, not {ratio}")
        return None if n is None else int(n / ratio)


class _FractionalMax(Picked, _Fractional):
    _reduce = "max"


class _FractionalAverage(_Fractional):
    _reduce, _keeps = "mean", "shape"


class FractionalMaxPooling2D(_FractionalMax):
    """Largest value of each of randomly drawn windows that tile images (batch, rows, columns, channels)
    (Graham 2014, arXiv:1412.6071): shrinks by any ratio, not only by integers, and regularises.

    On an axis of n cells the windows of o outputs are ``ceil(alpha (i + u))`` apart, ``alpha = n / o``,
    with one random u for each axis and call ("pseudorandom"); or their lengths are shuffled ("random").

    Parameters
    ----------
    output_size : int or (int, int), optional
        Rows and columns of the result.
    ratio : float or (float, float), optional
        Instead of it, length of x over length of the result: at least 1; the length is rounded down.
    overlapping : bool
        Each window ends with the first cell of the next.
    scheme : {"pseudorandom", "random"}
        How the windows are drawn.
    data_format : {"channels_last", "channels_first"}
        Where the channels are: (batch, rows, columns, channels) or (batch, channels, rows, columns).
    seed : int, optional
        Where the draws begin; each call goes on from there.  Default: the system's entropy.
    name : str, optional
        For your own use.

    Attributes
    ----------
    indices : ndarray
        Where the values of the last call came from, for `MaxUnpooling2D`.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length; both sizes, or none.

    Notes
    -----
    The gradient goes to the picked cell, the first in C order of equals; a NaN wins.  Of a call, the
    layer keeps the windows and indices.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import FractionalMaxPooling2D
    >>> layer = FractionalMaxPooling2D(ratio=1.4, seed=0)
    >>> layer(np.arange(100.0).reshape(1, 10, 10, 1)).shape
    (1, 7, 7, 1)
    """

    _rank = 2


class FractionalMaxPooling3D(_FractionalMax):
    """Largest value of each of randomly drawn windows that tile volumes (batch, planes, rows, columns,
    channels): ``y[i] = max x[a_i : a_(i + 1)]`` with i of three numbers, a drawn.

    The arguments are those of `FractionalMaxPooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import FractionalMaxPooling3D
    >>> FractionalMaxPooling3D(3, seed=0)(np.arange(125.0).reshape(1, 5, 5, 5, 1)).shape
    (1, 3, 3, 3, 1)
    """

    _rank = 3


class FractionalAveragePooling2D(_FractionalAverage):
    """Mean of each of randomly drawn windows that tile images (batch, rows, columns, channels)
    (Graham 2014, arXiv:1412.6071).

    ``y[i, j] = mean x[a_i : a_(i + 1), b_j : b_(j + 1)]``, a and b drawn as in `FractionalMaxPooling2D`.

    Parameters
    ----------
    output_size, ratio, overlapping, scheme, data_format, seed, name
        As in `FractionalMaxPooling2D`.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length; both sizes, or none.

    Notes
    -----
    The gradient of each result is shared equally by the cells of its window.  Of a call, the layer keeps
    the windows, and the shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import FractionalAveragePooling2D
    >>> FractionalAveragePooling2D(7, seed=0)(np.ones((1, 10, 10, 1))).mean()
    np.float64(1.0)
    """

    _rank = 2


class FractionalAveragePooling3D(_FractionalAverage):
    """Mean of each of randomly drawn windows that tile volumes (batch, planes, rows, columns, channels):
    ``y[i] = mean x[a_i : a_(i + 1)]`` with i of three numbers, a drawn.

    The arguments are those of `FractionalMaxPooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import FractionalAveragePooling3D
    >>> FractionalAveragePooling3D(3, seed=0)(np.ones((1, 5, 5, 5, 2))).shape
    (1, 3, 3, 3, 2)
    """

    _rank = 3
