"""MaxUnpooling: values back where the maximum found them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import per_axis, renamed, text
from ..backward import unpool
from ..outline import Outline
from ..unpooling import unpool_gradient
from .base import Array, Kept, Layer, Sizes
from .sliding import PADDINGS

__all__ = ["MaxUnpooling1D", "MaxUnpooling2D", "MaxUnpooling3D"]


class _Unpooling(Layer):
    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = "channels_last",
        name: str | None = None,
    ) -> None:
        super().__init__(data_format, name)
        self.pool_size: tuple[int, ...] = per_axis(pool_size, self._rank, "pool_size", 1)
        self.strides: tuple[int, ...] = (
            self.pool_size if strides is None else per_axis(strides, self._rank, "strides", 1)
        )
        self.padding: str = text(padding, PADDINGS, "padding")

    def __call__(self, x: ArrayLike, indices: ArrayLike, output_size: Sizes | None = None) -> Array:
        """The result for x.

        Parameters
        ----------
        x : array_like
            Pooled values: batch, pooled axes and channels, in the order that `data_format` says.
        indices : array_like of int
            For each value its place, as `MaxPooling2D.indices` and its relatives tell it: flat, in C
            order over the pooled axes of the result.  Of a repeated one, the last value in C order wins.
        output_size : int or sequence of int, optional
            Lengths of the pooled axes of the result: any from which pooling makes as many values as x
            has.  Default: the shortest for ``padding="valid"``, the longest for "same".

        Returns
        -------
        ndarray
            Of the dtype of x; all other cells are 0.

        Raises
        ------
        IndexError
            An index outside of the result.
        """
        array = self._start(x)
        sizes = self._sizes(array.shape, output_size)
        try:
            result = unpool(array, indices, sizes, axes=self._axes)
        except (TypeError, ValueError) as error:
            renamed(error, ("^values", "x"))
        self._kept = Kept(result.shape, Outline.of(array), {}, np.asarray(indices))
        return result

    def _sizes(self, shape: tuple[int, ...], output_size: Sizes | None) -> tuple[int, ...]:
        lengths = self._result_shape(shape, "x")
        if output_size is None:
            return tuple(lengths[a] or 0 for a in self._axes)
        given = per_axis(output_size, self._rank, "output_size", 1)
        for size, a, place in zip(given, self._axes, range(self._rank), strict=True):
            least, most = self._range(shape[a], place)
            if not least <= size <= most:
                raise ValueError(
                    f"output_size must be {least} to {most} on axis {a}, where x has {shape[a]} values, not {size}"
                )
        return given

    def _range(self, n: int, place: int) -> tuple[int, int]:
        """Least and largest length from which pooling makes n values."""
        k, s = self.pool_size[place], self.strides[place]
        return ((n - 1) * s + 1, n * s) if self.padding == "same" else ((n - 1) * s + k, n * s + k - 1)

    def _length(self, n: int | None, axis: int, place: int) -> int | None:
        return None if n is None else self._range(n, place)[self.padding == "same"]

    def _backward(self, grad: Array, kept: Kept) -> Array:
        indices: Any = kept.indices
        dtype = self._gradient_dtype(grad, kept)
        return unpool_gradient(grad, indices, self._axes).astype(dtype, copy=False)


class MaxUnpooling1D(_Unpooling):
    """Values of signals (batch, length, channels) back where they came from: ``y[index[i]] = x[i]``, else 0.

    The arguments are those of `MaxUnpooling2D`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MaxUnpooling1D
    >>> MaxUnpooling1D(2)([[[5.0], [4.0]]], [[[1], [2]]]).ravel()
    array([0., 5., 4., 0.])
    """

    _rank = 1


class MaxUnpooling2D(_Unpooling):
    """Values of images (batch, rows, columns, channels) back where `MaxPooling2D` found them; all else is 0.

    ``y[index[i, j]] = x[i, j]``, the index flat over rows and columns of y, for each image and channel.

    Parameters
    ----------
    pool_size, strides, padding
        Those of the `MaxPooling2D` layer: they say how large the result is.
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
    The gradient of a value is what lies at its place; a value that another one replaced (windows that
    overlap) gets 0.  Of a call, the layer keeps the indices and the shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MaxPooling2D, MaxUnpooling2D
    >>> pooling = MaxPooling2D(2)
    >>> y = pooling(np.array([[1.0, 3, 2, 4], [5, 6, 7, 8]]).reshape(1, 2, 4, 1))
    >>> MaxUnpooling2D(2)(y, pooling.indices)[0, :, :, 0]
    array([[0., 0., 0., 0.],
           [0., 6., 0., 8.]])
    """

    _rank = 2


class MaxUnpooling3D(_Unpooling):
    """Values of volumes (batch, planes, rows, columns, channels) back where they came from:
    ``y[index[i]] = x[i]`` with i of three numbers, else 0.

    The arguments are those of `MaxUnpooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MaxUnpooling3D
    >>> MaxUnpooling3D(2)([[[[[5.0]]]]], [[[[[6]]]]]).ravel()
    array([0., 0., 0., 0., 0., 0., 5., 0.])
    """

    _rank = 3
