"""Windows at a regular stride, as the Keras layers have them.

    n = 5, strides 2      pool_size 2, padding="valid"    [0 1][2 3]              floor((n - k) / s) + 1 outputs
                          pool_size 2, padding="same"     [0 1][2 3][4 .]         ceil(n / s) outputs
                          pool_size 3, padding="same"     [. 0 1][1 2 3][3 4 .]

Cells outside of the array take no part: a mean divides by those inside.
"""

from __future__ import annotations

from typing import Any

from ..arguments import per_axis, text
from ..windows import Windows
from .base import PoolingLayer, Sizes

__all__ = ["PADDINGS", "SlidingLayer"]

PADDINGS = ("valid", "same")


class SlidingLayer(PoolingLayer):
    """Base of the layers with a `pool_size`."""

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

    def _windows(self, shape: tuple[int, ...]) -> dict[str, Any]:
        return {"window": self.pool_size, "stride": self.strides, "padding": self.padding}

    def _length(self, n: int | None, axis: int, place: int) -> int | None:
        if n is None:
            return None
        windows = Windows.sliding(self.pool_size[place], self.strides[place], self.padding)
        return windows.resolve(n, f"pool_size, axis {axis}").o
