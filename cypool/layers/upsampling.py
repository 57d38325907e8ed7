"""UpSampling: each cell becomes a block of cells; its gradient is the sum over the block.

    n = 2, size 4, "bilinear"     cells of x      |    0    |    1    |     the first and last value
                                  cells of y      |0 1 2 3|4 5 6 7|         hold beyond the centres

Linear interpolation along one axis takes three cells of x: ``y[q s + p] = sum_d c[p, d] x[q + d - 1]``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import per_axis, text
from ..blocks import block_replicate
from ..lanes import check_dtype
from ..outline import Outline
from ..pooling import pool
from .base import Array, Kept, Layer, Sizes

__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]


class _UpSampling(Layer):
    def __init__(self, size: Sizes = 2, data_format: str | None = "channels_last", name: str | None = None) -> None:
        super().__init__(data_format, name)
        self.size: tuple[int, ...] = per_axis(size, self._rank, "size", 1)

    def __call__(self, x: ArrayLike) -> Array:
        """The result for x.

        Parameters
        ----------
        x : array_like
            Batch, axes to stretch and channels, in the order that `data_format` says.

        Returns
        -------
        ndarray
            Of the same order of axes.
        """
        array = self._start(x)
        native = check_dtype(array.dtype, "biufc", "x")
        self._result_shape(array.shape, "x")
        result = self._stretch(array.astype(native, copy=False))
        self._kept = Kept(result.shape, Outline.of(array), {})
        return result

    def _stretch(self, x: Array) -> Array:
        return block_replicate(x, self._blocks())

    def _blocks(self) -> tuple[int, ...]:
        return (1, 1, *self.size) if self.data_format == "channels_first" else (1, *self.size, 1)

    def _backward(self, grad: Array, kept: Kept) -> Array:
        dtype = self._gradient_dtype(grad, kept)
        return np.asarray(self._shrink(grad), dtype)

    def _shrink(self, grad: Array) -> Array:
        if not grad.size:
            return np.zeros([n // b for n, b in zip(grad.shape, self._blocks(), strict=True)], grad.dtype)
        return np.asarray(pool(grad, self.size, "sum", axes=self._axes))

    def _length(self, n: int | None, axis: int, place: int) -> int | None:
        return None if n is None else n * self.size[place]


class UpSampling1D(_UpSampling):
    """Each step of signals (batch, length, channels) `size` times: ``y[i] = x[i // size]``.

    The arguments are those of `UpSampling2D` but for `interpolation`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import UpSampling1D
    >>> UpSampling1D(2)(np.array([[[1.0], [5.0]]])).ravel()
    array([1., 1., 5., 5.])
    """

    _rank = 1


class UpSampling2D(_UpSampling):
    """Each pixel of images (batch, rows, columns, channels) a block of pixels: ``y[i, j] = x[i // a, j // b]``.

    The opposite of pooling: a mean of the blocks gives x back.

    Parameters
    ----------
    size : int or (int, int)
        Rows and columns of a block.
    data_format : {"channels_last", "channels_first"}
        Where the channels are: (batch, rows, columns, channels) or (batch, channels, rows, columns).
    interpolation : {"nearest", "bilinear"}
        Copies; or linear between the centres of the pixels, the outermost values held beyond them.
        Integers give float64 then.
    name : str, optional
        For your own use.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length.

    Notes
    -----
    The gradient of a pixel is the sum over its block (bilinear: over what it took part in).  Of a call,
    the layer keeps the shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import UpSampling2D
    >>> x = np.array([[1.0, 5.0]]).reshape(1, 1, 2, 1)
    >>> UpSampling2D((2, 3))(x)[0, :, :, 0]
    array([[1., 1., 1., 5., 5., 5.],
           [1., 1., 1., 5., 5., 5.]])
    >>> UpSampling2D((1, 2), interpolation="bilinear")(x).ravel()
    array([1., 2., 4., 5.])
    """

    _rank = 2

    def __init__(
        self,
        size: Sizes = 2,
        data_format: str | None = "channels_last",
        interpolation: str = "nearest",
        name: str | None = None,
    ) -> None:
        super().__init__(size, data_format, name)
        self.interpolation: str = text(interpolation, ("nearest", "bilinear"), "interpolation")

    def _stretch(self, x: Array) -> Array:
        if self.interpolation == "nearest":
            return super()._stretch(x)
        if isinstance(x, np.ma.MaskedArray):
            raise TypeError(f"x must not be masked with interpolation={self.interpolation!r}")
        wide = np.asarray(x, np.result_type(x, np.float32 if x.dtype.kind in "fc" else np.float64))
        for axis, size in zip(self._axes, self.size, strict=True):
            wide = _interpolate(wide, axis, size)
        return wide.astype(x.dtype, copy=False) if x.dtype.kind in "fc" else wide

    def _shrink(self, grad: Array) -> Array:
        if self.interpolation == "nearest" or not grad.size:
            return super()._shrink(grad)
        wide = np.asarray(grad, np.result_type(grad, np.float32 if grad.dtype.kind in "fc" else np.float64))
        for axis, size in zip(self._axes, self.size, strict=True):
            wide = _gather(wide, axis, size)
        return wide


class UpSampling3D(_UpSampling):
    """Each cell of volumes (batch, planes, rows, columns, channels) a block of cells: ``y[i] = x[i // size]``
    with i of three numbers.

    The arguments are those of `UpSampling2D` but for `interpolation`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import UpSampling3D
    >>> UpSampling3D(2)(np.ones((1, 2, 3, 4, 1))).shape
    (1, 4, 6, 8, 1)
    """

    _rank = 3


# ---- linear interpolation along one axis ------------------------------------------------------------


def _weights(size: int) -> NDArray[np.float64]:
    """c[p, d]: the share of cell q + d - 1 in ``y[q size + p]``."""
    found = np.zeros((size, 3))
    for p in range(size):
        place = (p + 0.5) / size - 0.5  # from the centre of cell q
        left = math.floor(place)
        found[p, left + 1] += 1 - (place - left)
        found[p, left + 2] += place - left
    return found


def _along(axis: int, start: int, stop: int | None, step: int | None = None) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, slice(start, stop, step))


def _interpolate(x: Array, axis: int, size: int) -> Array:
    n = x.shape[axis]
    edges = x[_along(axis, 0, 1)], x, x[_along(axis, n - 1, n)]
    held = np.concatenate(edges, axis)
    result = np.zeros([m * size if a == axis else m for a, m in enumerate(x.shape)], x.dtype)
    for p, shares in enumerate(_weights(size).tolist()):
        for d, share in enumerate(shares):
            if share:
                result[_along(axis, p, None, size)] += held[_along(axis, d, d + n)] * share
    return result


def _gather(grad: Array, axis: int, size: int) -> Array:
    """The adjoint of `_interpolate`."""
    n = grad.shape[axis] // size
    held = np.zeros([n + 2 if a == axis else m for a, m in enumerate(grad.shape)], grad.dtype)
    for p, shares in enumerate(_weights(size).tolist()):
        for d, share in enumerate(shares):
            if share:
                held[_along(axis, d, d + n)] += grad[_along(axis, p, None, size)] * share
    result = held[_along(axis, 1, n + 1)].copy()
    result[_along(axis, 0, 1)] += held[_along(axis, 0, 1)]
    result[_along(axis, n - 1, n)] += held[_along(axis, n + 1, n + 2)]
    return result
