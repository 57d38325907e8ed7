"""AveragePooling and MedianPooling: a window's typical value."""

from __future__ import annotations

from .sliding import SlidingLayer

__all__ = [
    "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "MedianPooling1D", "MedianPooling2D",
    "MedianPooling3D",
]  # fmt: skip


class _Average(SlidingLayer):
    _reduce, _keeps = "mean", "shape"


class _Median(SlidingLayer):
    _reduce, _keeps = "median", "values"


class AveragePooling1D(_Average):
    """Mean of each window of signals (batch, length, channels): ``y[i] = sum_j x[i s + j] / n``.

    The arguments are those of `AveragePooling2D`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import AveragePooling1D
    >>> AveragePooling1D(2)(np.array([[[1.0], [5.0], [4.0], [2.0]]]))
    array([[[3.],
            [3.]]])
    """

    _rank = 1


class AveragePooling2D(_Average):
    """Mean of each window of images (batch, rows, columns, channels).

    ``y[i, j] = (sum x[i s - b + k, j s - b + l]) / n`` over ``0 <= k, l < pool_size``, for each image
    and channel; n is the number of cells of the window inside of the image.

    Parameters
    ----------
    pool_size, strides, padding, data_format, name
        As in `MaxPooling2D`.  With ``padding="same"`` a window at the border is divided by the cells
        it has inside of the image, as in Keras.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length.

    Notes
    -----
    The gradient of each result is shared equally by the cells of its window.  Integers give float64.
    Of a call, the layer keeps the shape and dtype of x.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import AveragePooling2D
    >>> x = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]).reshape(1, 4, 4, 1)
    >>> layer = AveragePooling2D(2)
    >>> layer(x)[0, :, :, 0]
    array([[ 3.75,  5.25],
           [11.5 , 13.5 ]])
    >>> layer.backward(np.ones((1, 2, 2, 1)))[0, 0, :, 0]
    array([0.25, 0.25, 0.25, 0.25])
    >>> AveragePooling2D(2, strides=2, padding="same")(x[:, :3, :3])[0, :, :, 0]
    array([[ 3.75,  4.5 ],
           [ 9.5 , 11.  ]])
    """

    _rank = 2


class AveragePooling3D(_Average):
    """Mean of each window of volumes (batch, planes, rows, columns, channels):
    ``y[i] = sum_j x[i s + j] / n`` with i and j of three numbers.

    The arguments are those of `AveragePooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import AveragePooling3D
    >>> AveragePooling3D(2)(np.arange(64.0).reshape(1, 4, 4, 4, 1)).ravel()
    array([10.5, 12.5, 18.5, 20.5, 42.5, 44.5, 50.5, 52.5])
    """

    _rank = 3


class MedianPooling1D(_Median):
    """Median of each window of signals (batch, length, channels): the middle of ``x[i s + j]`` in order.

    The arguments are those of `MedianPooling2D`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MedianPooling1D
    >>> MedianPooling1D(3)(np.array([[[1.0], [5.0], [4.0]]]))
    array([[[4.]]])
    """

    _rank = 1


class MedianPooling2D(_Median):
    """Median of each window of images (batch, rows, columns, channels): a single outlier changes little.

    ``y[i, j]`` is the middle one of ``x[i s - b + k, j s - b + l]``, ``0 <= k, l < pool_size``, in order
    of size; of an even number of cells, the mean of the two in the middle.

    Parameters
    ----------
    pool_size, strides, padding, data_format, name
        As in `MaxPooling2D`.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length.

    Notes
    -----
    The gradient goes to the cell in the middle, half to each where there are two.  Of a call, the layer
    keeps x itself: it must not change before `backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MedianPooling2D
    >>> x = np.array([[1.0, 3, 2, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]).reshape(1, 4, 4, 1)
    >>> layer = MedianPooling2D(2)
    >>> layer(x)[0, :, :, 0]
    array([[ 4. ,  5.5],
           [11.5, 13.5]])
    >>> layer.backward(np.ones((1, 2, 2, 1)))[0, :2, :, 0]
    array([[0. , 0.5, 0. , 0.5],
           [0.5, 0. , 0.5, 0. ]])
    """

    _rank = 2


class MedianPooling3D(_Median):
    """Median of each window of volumes (batch, planes, rows, columns, channels): the middle of
    ``x[i s + j]`` in order, with i and j of three numbers.

    The arguments are those of `MedianPooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import MedianPooling3D
    >>> MedianPooling3D(2)(np.arange(64.0).reshape(1, 4, 4, 4, 1)).ravel()
    array([10.5, 12.5, 18.5, 20.5, 42.5, 44.5, 50.5, 52.5])
    """

    _rank = 3
