"""MaxPooling and MinPooling: one cell of each window passes, and gets the gradient."""

from __future__ import annotations

from .base import Picked
from .sliding import SlidingLayer

__all__ = ["MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "MinPooling1D", "MinPooling2D", "MinPooling3D"]


class MaxPooling1D(Picked, SlidingLayer):
    """Largest value of each window of signals (batch, length, channels): ``y[i] = max_j x[i s + j]``.

    The arguments are those of `MaxPooling2D`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MaxPooling1D
    >>> MaxPooling1D(2)(np.array([[[1.0], [5.0], [4.0], [2.0]]]))
    array([[[5.],
            [4.]]])
    """

    _rank, _reduce = 1, "max"


class MaxPooling2D(Picked, SlidingLayer):
    """Largest value of each window of images (batch, rows, columns, channels).

    ``y[i, j] = max x[i s - b + k, j s - b + l]`` over ``0 <= k, l < pool_size``, for each image and
    channel; b is 0, or what ``padding="same"`` adds before.

    Parameters
    ----------
    pool_size : int or (int, int)
        Rows and columns of a window.
    strides : int or (int, int), optional
        Cells from one window to the next.  Default: `pool_size`.
    padding : {"valid", "same"}
        Windows inside the image only: ``floor((n - pool_size) / strides) + 1`` outputs on an axis of n
        cells; or ``ceil(n / strides)`` outputs, the windows spread so that the extra cell hangs over at
        the end, as in TensorFlow.  Cells outside of the image take no part.
    data_format : {"channels_last", "channels_first"}
        Where the channels are: (batch, rows, columns, channels) or (batch, channels, rows, columns).
    name : str, optional
        For your own use.

    Attributes
    ----------
    indices : ndarray
        Where the values of the last call came from, for `MaxUnpooling2D`.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length.

    Notes
    -----
    The gradient goes to the picked cell, the first in C order of equals; a NaN wins.  Of a call, the
    layer keeps the indices until the next one, not x.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MaxPooling2D
    >>> x = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]).reshape(1, 4, 4, 1)
    >>> layer = MaxPooling2D(2)
    >>> layer(x)[0, :, :, 0]
    array([[ 6.,  8.],
           [14., 16.]])
    >>> layer.backward(np.ones((1, 2, 2, 1)))[0, :, :, 0]
    array([[0., 0., 0., 0.],
           [0., 1., 0., 1.],
           [0., 0., 0., 0.],
           [0., 1., 0., 1.]])
    >>> layer
    MaxPooling2D(pool_size=(2, 2), strides=(2, 2), padding='valid', data_format='channels_last')
    """

    _rank, _reduce = 2, "max"


class MaxPooling3D(Picked, SlidingLayer):
    """Largest value of each window of volumes (batch, planes, rows, columns, channels):
    ``y[i] = max_j x[i s + j]`` with i and j of three numbers.

    The arguments are those of `MaxPooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MaxPooling3D
    >>> MaxPooling3D(2)(np.arange(64.0).reshape(1, 4, 4, 4, 1)).ravel()
    array([21., 23., 29., 31., 53., 55., 61., 63.])
    """

    _rank, _reduce = 3, "max"


class MinPooling1D(Picked, SlidingLayer):
    """Smallest value of each window of signals (batch, length, channels): ``y[i] = min_j x[i s + j]``.

    The arguments are those of `MinPooling2D`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MinPooling1D
    >>> MinPooling1D(2)(np.array([[[1.0], [5.0], [4.0], [2.0]]]))
    array([[[1.],
            [2.]]])
    """

    _rank, _reduce = 1, "min"


class MinPooling2D(Picked, SlidingLayer):
    """Smallest value of each window of images (batch, rows, columns, channels).

    ``y[i, j] = min x[i s - b + k, j s - b + l]`` over ``0 <= k, l < pool_size``, for each image and
    channel; b is 0, or what ``padding="same"`` adds before.

    Parameters
    ----------
    pool_size, strides, padding, data_format, name
        As in `MaxPooling2D`.

    Attributes
    ----------
    indices : ndarray
        Where the values of the last call came from, for `MaxUnpooling2D`.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length.

    Notes
    -----
    The gradient goes to the picked cell, the first in C order of equals; a NaN wins.  Of a call, the
    layer keeps the indices until the next one, not x.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MinPooling2D
    >>> x = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]).reshape(1, 4, 4, 1)
    >>> MinPooling2D(2)(x)[0, :, :, 0]
    array([[ 1.,  2.],
           [ 9., 11.]])
    """

    _rank, _reduce = 2, "min"


class MinPooling3D(Picked, SlidingLayer):
    """Smallest value of each window of volumes (batch, planes, rows, columns, channels):
    ``y[i] = min_j x[i s + j]`` with i and j of three numbers.

    The arguments are those of `MinPooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MinPooling3D
    >>> MinPooling3D(2)(np.arange(64.0).reshape(1, 4, 4, 4, 1)).ravel()
    array([ 0.,  2.,  8., 10., 32., 34., 40., 42.])
    """

    _rank, _reduce = 3, "min"
