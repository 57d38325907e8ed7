"""Global pooling: one value for each channel, or each of whole axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arguments import boolean
from ..windows import Windows
from .base import Array, Kept, PoolingLayer

__all__ = [
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D",
    "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GlobalMinPooling1D", "GlobalMinPooling2D", "GlobalMinPooling3D",
]  # fmt: skip


class _Global(PoolingLayer):
    _keeps = "values"

    def __init__(
        self, data_format: str | None = "channels_last", keepdims: bool = False, name: str | None = None
    ) -> None:
        super().__init__(data_format, name)
        self.keepdims: bool = boolean(keepdims, "keepdims")

    def _windows(self, shape: tuple[int, ...]) -> dict[str, Any]:
        return {"window": Windows.whole()}

    def _length(self, n: int | None, axis: int, place: int) -> int | None:
        return 1

    def _forward(self, x: Array) -> tuple[Array, Kept]:
        result, kept = super()._forward(x)
        if not self.keepdims:
            result = result.reshape(x.shape[0], x.shape[1 if self.data_format == "channels_first" else -1])
        return result, Kept(result.shape, kept.x, kept.call)

    def _backward(self, grad: Array, kept: Kept) -> Array:
        pooled = [1 if a in self._axes else n for a, n in enumerate(kept.x.shape)]
        return super()._backward(grad.reshape(pooled), kept)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Shape of the result for an x of `input_shape`.

        Parameters
        ----------
        input_shape : sequence of int or None
            None: a length that is not known yet; it stays None, but for pooled axes.

        Returns
        -------
        tuple of int or None
            (batch, channels), or with `keepdims` pooled axes of length 1.
        """
        shape = super().compute_output_shape(input_shape)
        return shape if self.keepdims else tuple(n for a, n in enumerate(shape) if a not in self._axes)


class _GlobalMax(_Global):
    _reduce = "max"


class _GlobalAverage(_Global):
    _reduce, _keeps = "mean", "shape"


class _GlobalMin(_Global):
    _reduce = "min"


class GlobalMaxPooling1D(_GlobalMax):
    """Largest value of each channel of signals (batch, length, channels): ``y = max_i x[i]``.

    The arguments are those of `GlobalMaxPooling2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import GlobalMaxPooling1D
    >>> GlobalMaxPooling1D()(np.array([[[4.0], [9.0], [2.0]]]))
    array([[9.]])
    """

    _rank = 1


class GlobalMaxPooling2D(_GlobalMax):
    """Largest value of each channel of images (batch, rows, columns, channels): ``y = max x[i, j]`` over all i, j.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}
        Where the channels are: (batch, rows, columns, channels) or (batch, channels, rows, columns).
    keepdims : bool
        Keep the pooled axes, with length 1; else the result is (batch, channels).
    name : str, optional
        For your own use.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind or value.

    Notes
    -----
    The gradient goes to the largest cell, the first in C order of equals; a NaN wins.  Of a call, the layer
    keeps x itself: it must not change before `backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import GlobalMaxPooling2D
    >>> x = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]).reshape(1, 4, 4, 1)
    >>> GlobalMaxPooling2D()(x)
    array([[16.]])
    >>> GlobalMaxPooling2D(keepdims=True)(x).shape
    (1, 1, 1, 1)
    """

    _rank = 2


class GlobalMaxPooling3D(_GlobalMax):
    """Largest value of each channel of volumes (batch, planes, rows, columns, channels): ``y = max_i x[i]``, i of
    three numbers.

    The arguments are those of `GlobalMaxPooling2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import GlobalMaxPooling3D
    >>> GlobalMaxPooling3D()(np.arange(8.0).reshape(1, 2, 2, 2, 1)).item()
    7.0
    """

    _rank = 3


class GlobalAveragePooling1D(_GlobalAverage):
    """Mean of each channel of signals (batch, length, channels): ``y = (sum_i x[i]) / n``.

    The arguments are those of `GlobalAveragePooling2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import GlobalAveragePooling1D
    >>> GlobalAveragePooling1D()(np.array([[[4.0], [9.0], [2.0]]]))
    array([[5.]])
    """

    _rank = 1


class GlobalAveragePooling2D(_GlobalAverage):
    """Mean of each channel of images (batch, rows, columns, channels): ``y = (sum x[i, j]) / n`` over all i, j.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}
        Where the channels are: (batch, rows, columns, channels) or (batch, channels, rows, columns).
    keepdims : bool
        Keep the pooled axes, with length 1; else the result is (batch, channels).
    name : str, optional
        For your own use.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind or value.

    Notes
    -----
    The gradient is shared equally by all cells.  Integers give float64.  Of a call, the layer keeps the
    shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import GlobalAveragePooling2D
    >>> x = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]).reshape(1, 4, 4, 1)
    >>> GlobalAveragePooling2D()(x)
    array([[8.5]])
    >>> GlobalAveragePooling2D(keepdims=True)(x).shape
    (1, 1, 1, 1)
    """

    _rank = 2


class GlobalAveragePooling3D(_GlobalAverage):
    """Mean of each channel of volumes (batch, planes, rows, columns, channels): ``y = (sum_i x[i]) / n``, i of
    three numbers.

    The arguments are those of `GlobalAveragePooling2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import GlobalAveragePooling3D
    >>> GlobalAveragePooling3D()(np.arange(8.0).reshape(1, 2, 2, 2, 1)).item()
    3.5
    """

    _rank = 3


class GlobalMinPooling1D(_GlobalMin):
    """Smallest value of each channel of signals (batch, length, channels): ``y = min_i x[i]``.

    The arguments are those of `GlobalMinPooling2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import GlobalMinPooling1D
    >>> GlobalMinPooling1D()(np.array([[[4.0], [9.0], [2.0]]]))
    array([[2.]])
    """

    _rank = 1


class GlobalMinPooling2D(_GlobalMin):
    """Smallest value of each channel of images (batch, rows, columns, channels): ``y = min x[i, j]`` over all i, j.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}
        Where the channels are: (batch, rows, columns, channels) or (batch, channels, rows, columns).
    keepdims : bool
        Keep the pooled axes, with length 1; else the result is (batch, channels).
    name : str, optional
        For your own use.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind or value.

    Notes
    -----
    The gradient goes to the smallest cell, the first in C order of equals; a NaN wins.  Of a call, the
    layer keeps x itself: it must not change before `backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import GlobalMinPooling2D
    >>> x = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]).reshape(1, 4, 4, 1)
    >>> GlobalMinPooling2D()(x)
    array([[1.]])
    >>> GlobalMinPooling2D(keepdims=True)(x).shape
    (1, 1, 1, 1)
    """

    _rank = 2


class GlobalMinPooling3D(_GlobalMin):
    """Smallest value of each channel of volumes (batch, planes, rows, columns, channels): ``y = min_i x[i]``, i of
    three numbers.

    The arguments are those of `GlobalMinPooling2D`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import GlobalMinPooling3D
    >>> GlobalMinPooling3D()(np.arange(8.0).reshape(1, 2, 2, 2, 1)).item()
    0.0
    """

    _rank = 3
