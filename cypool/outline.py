"""What is left of an array whose values a gradient does not read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Outline"]


class Outline(NamedTuple):
    """Shape, memory order and dtype: gradients of means need no more, nor do those with indices."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, array: NDArray[Any]) -> Outline:
        return cls(array.shape, array.strides, array.dtype)

    def empty(self) -> NDArray[Any]:
        """An array to pass in its place.  Nobody touches its cells, so that they cost no memory."""
        order = sorted(range(len(self.shape)), key=lambda a: -abs(self.strides[a]))
        blank = np.empty([self.shape[a] for a in order], self.dtype.newbyteorder("="))
        return blank.transpose(sorted(range(len(order)), key=order.__getitem__))
