"""LpPooling and StochasticPooling: between the mean and the maximum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import boolean, integer
from ..reducers import TABLE
from .base import Array, Sizes
from .sliding import SlidingLayer

__all__ = [
    "LpPooling1D", "LpPooling2D", "LpPooling3D", "StochasticPooling1D", "StochasticPooling2D", "StochasticPooling3D",
]  # fmt: skip


class _Lp(SlidingLayer):
    _reduce, _keeps = "lp", "values"

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = "channels_last",
        p: float = 2.0,
        name: str | None = None,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name)
        self.p: float = TABLE["lp"].options["p"].read("p", p)

    def _options(self) -> dict[str, Any]:
        return {"p": self.p}


class LpPooling1D(_Lp):
    """p-norm of each window of signals (batch, length, channels): ``y[i] = (sum_j abs(x[i s + j])**p)**(1 / p)``.

    The arguments are those of `LpPooling2D`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import LpPooling1D
    >>> LpPooling1D(2)(np.array([[[3.0], [-4.0]]]))
    array([[[5.]]])
    """

    _rank = 1


class LpPooling2D(_Lp):
    """p-norm of each window of images (batch, rows, columns, channels).

    ``y[i, j] = (sum abs(x[i s - b + k, j s - b + l])**p)**(1 / p)`` over ``0 <= k, l < pool_size``: the
    sum of sizes for p = 1, the largest size for p = inf.

    Parameters
    ----------
    pool_size, strides, padding, data_format
        As in `MaxPooling2D`.
    p : float
        Any positive number, also ``float("inf")``.
    name : str, optional
        For your own use.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length.

    Notes
    -----
    The gradient is ``g sign(x) abs(x / y)**(p - 1)``, 0 at x = 0.  Neither large values nor large p
    overflow on the way.  Of a call, the layer keeps x itself: it must not change before `backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import LpPooling2D
    >>> x = np.array([[3.0, 0.0], [0.0, -4.0]]).reshape(1, 2, 2, 1)
    >>> layer = LpPooling2D(2)
    >>> layer(x).item()
    5.0
    >>> layer.backward([[[[1.0]]]])[0, :, :, 0]
    array([[ 0.6,  0. ],
           [ 0. , -0.8]])
    >>> LpPooling2D(2, p=1)(x).item(), LpPooling2D(2, p=float("inf"))(x).item()
    (7.0, 4.0)
    """

    _rank = 2


class LpPooling3D(_Lp):
    """p-norm of each window of volumes (batch, planes, rows, columns, channels):
    ``y[i] = (sum_j abs(x[i s + j])**p)**(1 / p)`` with i and j of three numbers.

    The arguments are those of `LpPooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import LpPooling3D
    >>> LpPooling3D(2, p=1)(np.ones((1, 2, 2, 2, 1))).item()
    8.0
    """

    _rank = 3


class _Stochastic(SlidingLayer):
    _reduce = "stochastic"

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = "channels_last",
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name)
        self.seed: int | None = None if seed is None else integer(seed, "seed", 0)
        self._rng = np.random.default_rng(self.seed)

    def __call__(self, x: ArrayLike, training: bool = False) -> Array:
        """The result for x.

        Parameters
        ----------
        x : array_like
            Batch, pooled axes and channels, in the order that `data_format` says.
        training : bool
            Draw a cell of each window, or give the mean of such draws.

        Returns
        -------
        ndarray
            Of the same order of axes.
        """
        drawn = boolean(training, "training")
        array = self._start(x)
        call = {"reduce": self._reduce, "axes": self._axes, **self._windows(array.shape), "training": drawn}
        if drawn:
            call["rng"] = self._rng
        result, self._kept = self._pool(array, call, "indices" if drawn else "values")
        return result


class StochasticPooling1D(_Stochastic):
    """A value of each window of signals (batch, length, channels), drawn with probability ``x / sum x``.

    The arguments are those of `StochasticPooling2D`, with one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import StochasticPooling1D
    >>> StochasticPooling1D(2)(np.array([[[1.0], [3.0]]]))  # 1 * 1/4 + 3 * 3/4
    array([[[2.5]]])
    """

    _rank = 1


class StochasticPooling2D(_Stochastic):
    """A value of each window of images (batch, rows, columns, channels), drawn in proportion to its size
    (Zeiler and Fergus 2013, arXiv:1301.3557): regularises, for what follows a ReLU.

    With ``p = max(x, 0) / sum max(x, 0)`` in each window, ``layer(x, training=True)`` draws a cell with
    probability p, and ``layer(x)`` gives the mean of such draws, ``sum p x``.

    Parameters
    ----------
    pool_size, strides, padding, data_format
        As in `MaxPooling2D`.
    seed : int, optional
        Where the draws begin; each call goes on from there.  Default: the system's entropy.
    name : str, optional
        For your own use.

    Raises
    ------
    TypeError, ValueError
        An argument of the wrong kind, or of a wrong value or length.

    Notes
    -----
    The gradient goes to the drawn cell; without training it is ``g (2 x - y) / sum x`` for x > 0.  Of a
    call, the layer keeps the drawn indices; without training x itself, which must not change before
    `backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import StochasticPooling2D
    >>> x = np.array([[1.0, 0.0], [0.0, 3.0]]).reshape(1, 2, 2, 1)
    >>> layer = StochasticPooling2D(2, seed=0)
    >>> layer(x).item()
    2.5
    >>> sorted({layer(x, training=True).item() for _ in range(30)})
    [1.0, 3.0]
    """

    _rank = 2


class StochasticPooling3D(_Stochastic):
    """A value of each window of volumes (batch, planes, rows, columns, channels), drawn with probability
    ``x / sum x``.

    The arguments are those of `StochasticPooling2D`, with three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.layers import StochasticPooling3D
    >>> StochasticPooling3D(2)(np.ones((1, 2, 2, 2, 1))).item()
    1.0
    """

    _rank = 3
