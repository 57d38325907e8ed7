"""Adaptive pooling: the size of the result is given, whatever the size of x.

    n = 5, output_size 3      [0 1][1 2 3][3 4]      window i: floor(i n / o) .. ceil((i + 1) n / o)

Windows overlap where o does not divide n, and repeat where it is larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arguments import entries, integer
from ..windows import Windows
from .base import PoolingLayer

__all__ = [
    "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D",
]  # fmt: skip


class _Adaptive(PoolingLayer):
    def __init__(
        self,
        output_size: int | Sequence[int | None] | None,
        data_format: str | None = "channels_last",
        name: str | None = None,
    ) -> None:
        super().__init__(data_format, name)
        sizes = entries(output_size, self._rank, "output_size")
        self.output_size: tuple[int | None, ...] = tuple(
            None if n is None else integer(n, "output_size", 1) for n in sizes
        )

    def _windows(self, shape: tuple[int, ...]) -> dict[str, Any]:
        sizes = zip(self.output_size, self._axes, strict=True)
        return {"window": tuple(Windows.adaptive(shape[a] if o is None else o) for o, a in sizes)}

    def _length(self, n: int | None, axis: int, place: int) -> int | None:
        size = self.output_size[place]
        return n if size is None else size


class _AdaptiveAverage(_Adaptive):
    _reduce, _keeps = "mean", "shape"


class _AdaptiveMax(_Adaptive):
    _reduce, _keeps = "max", "values"


class AdaptiveAveragePooling1D(_AdaptiveAverage):
    """Mean of each of `output_size` windows that cover signals (batch, length, channels):
    ``y[i] = mean x[floor(i n / o) : ceil((i + 1) n / o)]``.

    The arguments are those of `AdaptiveAveragePooling2D`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import AdaptiveAveragePooling1D
    >>> AdaptiveAveragePooling1D(3)(np.arange(5.0).reshape(1, 5, 1))
    array([[[0.5],
            [2. ],
            [3.5]]])
    """

    _rank = 1


class AdaptiveAveragePooling2D(_AdaptiveAverage):
    """Mean of each of `output_size` windows that cover images (batch, rows, columns, channels).

    On an axis of n cells window i of o is ``floor(i n / o)`` to ``ceil((i + 1) n / o)``: the windows
    tile the axis where o divides n, overlap where it does not, and repeat where o > n.

    Parameters
    ----------
    output_size : int, None, or a pair of these
        Rows and columns of the result; None: as many as x has.
    data_format : {"channels_last", "channels_first"}
        Where the channels are: (batch, rows, columns, channels) or (batch, channels, rows, columns).
    name : str, optional
        For your own use.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length.

    Notes
    -----
    The gradient of each result is shared equally by the cells of its window.  Of a call, the layer keeps
    the shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import AdaptiveAveragePooling2D
    >>> x = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]).reshape(1, 4, 4, 1)
    >>> AdaptiveAveragePooling2D(2)(x)[0, :, :, 0]
    array([[ 3.75,  5.25],
           [11.5 , 13.5 ]])
    >>> AdaptiveAveragePooling2D((3, None))(x).shape
    (1, 3, 4, 1)
    """

    _rank = 2


class AdaptiveAveragePooling3D(_AdaptiveAverage):
    """Mean of each of `output_size` windows that cover volumes (batch, planes, rows, columns, channels):
    ``y[i] = mean x[floor(i n / o) : ceil((i + 1) n / o)]`` with i of three numbers.

    The arguments are those of `AdaptiveAveragePooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import AdaptiveAveragePooling3D
    >>> AdaptiveAveragePooling3D(2)(np.arange(64.0).reshape(1, 4, 4, 4, 1)).ravel()
    array([10.5, 12.5, 18.5, 20.5, 42.5, 44.5, 50.5, 52.5])
    """

    _rank = 3


class AdaptiveMaxPooling1D(_AdaptiveMax):
    """Largest value of each of `output_size` windows that cover signals (batch, length, channels):
    ``y[i] = max x[floor(i n / o) : ceil((i + 1) n / o)]``.

    The arguments are those of `AdaptiveMaxPooling2D`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import AdaptiveMaxPooling1D
    >>> AdaptiveMaxPooling1D(3)(np.arange(5.0).reshape(1, 5, 1))
    array([[[1.],
            [3.],
            [4.]]])
    """

    _rank = 1


class AdaptiveMaxPooling2D(_AdaptiveMax):
    """Largest value of each of `output_size` windows that cover images (batch, rows, columns, channels).

    On an axis of n cells window i of o is ``floor(i n / o)`` to ``ceil((i + 1) n / o)``: the windows
    tile the axis where o divides n, overlap where it does not, and repeat where o > n.

    Parameters
    ----------
    output_size : int, None, or a pair of these
        Rows and columns of the result; None: as many as x has.
    data_format : {"channels_last", "channels_first"}
        Where the channels are: (batch, rows, columns, channels) or (batch, channels, rows, columns).
    name : str, optional
        For your own use.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length.

    Notes
    -----
    The gradient goes to the largest cell, the first in C order of equals; a NaN wins.  Of a call, the layer
    keeps x itself: it must not change before `backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import AdaptiveMaxPooling2D
    >>> x = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]).reshape(1, 4, 4, 1)
    >>> AdaptiveMaxPooling2D(2)(x)[0, :, :, 0]
    array([[ 6.,  8.],
           [14., 16.]])
    >>> AdaptiveMaxPooling2D((3, None))(x).shape
    (1, 3, 4, 1)
    """

    _rank = 2


class AdaptiveMaxPooling3D(_AdaptiveMax):
    """Largest value of each of `output_size` windows that cover volumes (batch, planes, rows, columns, channels):
    ``y[i] = max x[floor(i n / o) : ceil((i + 1) n / o)]`` with i of three numbers.

    The arguments are those of `AdaptiveMaxPooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import AdaptiveMaxPooling3D
    >>> AdaptiveMaxPooling3D(2)(np.arange(64.0).reshape(1, 4, 4, 4, 1)).ravel()
    array([21., 23., 29., 31., 53., 55., 61., 63.])
    """

    _rank = 3
