"""What all layers share: which axes are pooled, the configuration, and a gradient that follows a call.

    x      (batch, rows, columns, channels)     data_format="channels_last"
           (batch, channels, rows, columns)     data_format="channels_first"

The format only says which axes to pool: no array is transposed.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import as_array, as_maskable, few, integer, is_sequence, pooled_length, shown, text, typed
from ..backward import pool_backward
from ..lanes import check_dtype
from ..outline import Outline
from ..pooling import pool

__all__ = ["Array", "Kept", "Layer", "Picked", "PoolingLayer", "Sizes"]

Array = NDArray[Any]
Sizes = int | Sequence[int]

FORMATS = ("channels_last", "channels_first")
OF_KERAS = ("trainable", "dtype")  # in the configuration of every Keras layer; a pooling layer has no weights


class Kept(NamedTuple):
    """What a call leaves for its gradient."""

    shape: tuple[int, ...]  # of the result
    x: Outline | Array  # an Outline where the values are not needed
    call: Mapping[str, Any]
    indices: Array | None = None


class Layer(ABC):
    """Base of all layers: a call on an array, and the gradient of the last call."""

    _rank: ClassVar[int]  # pooled axes

    def __init__(self, data_format: str | None, name: str | None) -> None:
        self.data_format: str = "channels_last" if data_format is None else text(data_format, FORMATS, "data_format")
        first = 1 + (self.data_format == "channels_first")
        self._axes = tuple(range(first, first + self._rank))
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a string or None, not {typed(name)}")
        self.name = name
        self._kept: Kept | None = None

    # ---- the call and its gradient --------------------------------------------------------------

    def backward(self, grad: ArrayLike) -> Array:
        """Gradient of ``(layer(x) * grad).sum()`` with respect to x, for the last call.

        Parameters
        ----------
        grad : array_like
            The upstream gradient, of the shape of the last result.

        Returns
        -------
        ndarray
            Of the shape of the last x, and of its dtype if that is floating, else of grad's.

        Raises
        ------
        ValueError
            There was no call yet, or its result had another shape.
        TypeError
            `grad` is not of numbers.
        """
        kept = self._kept
        if kept is None:
            raise ValueError(f"{type(self).__name__}.backward needs a call before it: the layer has seen no x")
        g = as_array(grad, "grad")
        if g.shape != kept.shape:
            raise ValueError(f"grad must have the shape of the last result, {kept.shape}, not {g.shape}")
        return self._backward(g, kept)

    @abstractmethod
    def _backward(self, grad: Array, kept: Kept) -> Array:
        """The gradient, of checked arguments."""

    def _gradient_dtype(self, grad: Array, kept: Kept) -> np.dtype[Any]:
        """That of x if it is floating, else of grad; complex numbers do not go with a real x."""
        check_dtype(grad.dtype, "biuf" if kept.x.dtype.kind == "f" else "biufc", "grad")
        return (kept.x if kept.x.dtype.kind in "fc" else grad).dtype.newbyteorder("=")

    def _start(self, x: ArrayLike) -> Array:
        """x as an array of the right number of axes; what the last call left is dropped."""
        self._kept = None
        array: Array = as_maskable(x, "x")
        if array.ndim != self._rank + 2:
            raise ValueError(f"x must have {self._rank + 2} axes, {self._order()}, not shape {array.shape}")
        return array

    # ---- axes and shapes ------------------------------------------------------------------------

    def _order(self) -> str:
        pooled = {1: "length", 2: "rows, columns", 3: "planes, rows, columns"}[self._rank]
        return f"(batch, {pooled}, channels)" if self.data_format == "channels_last" else f"(batch, channels, {pooled})"

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Shape of the result for an x of `input_shape`.

        Parameters
        ----------
        input_shape : sequence of int or None
            None: a length that is not known yet; it stays None.

        Returns
        -------
        tuple of int or None
        """
        return self._result_shape(input_shape, "input_shape")

    def _result_shape(self, input_shape: Sequence[int | None], array: str) -> tuple[int | None, ...]:
        """That, or an error that names `array` and the layer's arguments."""
        lengths = self._lengths(input_shape, array)
        for axis, place in zip(self._axes, range(self._rank), strict=True):
            lengths[axis] = self._length(lengths[axis], axis, place)
        return tuple(lengths)

    def _lengths(self, input_shape: Sequence[int | None], array: str) -> list[int | None]:
        if not is_sequence(input_shape):
            raise TypeError(f"input_shape must be a sequence of integers or None, not {shown(input_shape)}")
        expected = f"input_shape must have {self._rank + 2} entries, {self._order()}"
        lengths = [None if n is None else integer(n, "input_shape", 0) for n in few(input_shape, expected)]
        if len(lengths) != self._rank + 2:
            raise ValueError(f"{expected}, not {shown(tuple(lengths))}")
        for axis in self._axes:
            pooled_length(lengths, axis, array)
        return lengths

    @abstractmethod
    def _length(self, n: int | None, axis: int, place: int) -> int | None:
        """Outputs on the pooled axis number `place`, which has n cells."""

    # ---- configuration --------------------------------------------------------------------------

    @classmethod
    def _arguments(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this layer, for `from_config`."""
        return {name: getattr(self, name) for name in self._arguments()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer of a configuration: of `get_config`, or of the Keras layer of the same name (its
        ``trainable`` and ``dtype`` are passed over: there are no weights, and x brings its dtype).

        Parameters
        ----------
        config : mapping
            Arguments by name; lists, as JSON gives them, are as good as tuples.

        Raises
        ------
        TypeError
            `config` is no mapping, or has a name that is no argument.
        """
        if not isinstance(config, Mapping):
            raise TypeError(f"config must be a mapping, not {typed(config)}")
        allowed = cls._arguments()
        for name in config:
            if name not in allowed and name not in OF_KERAS:
                raise TypeError(f"config: {cls.__name__} has no argument {shown(name)} (it has: {', '.join(allowed)})")
        return cls(**{name: value for name, value in config.items() if name in allowed})

    def __repr__(self) -> str:
        shown = [f"{name}={_literal(v)}" for name, v in self.get_config().items() if name != "name" or v is not None]
        return f"{type(self).__name__}({', '.join(shown)})"


def _literal(value: Any) -> str:
    return f"float({str(value)!r})" if value == float("inf") else repr(value)


class PoolingLayer(Layer):
    """Base of the layers that are a call of `pool`."""

    _reduce: ClassVar[str]
    _keeps: ClassVar[str]  # for the gradient: "indices", "shape" or "values"

    @abstractmethod
    def _windows(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """The arguments of `pool` that say where the windows lie."""

    def _options(self) -> dict[str, Any]:
        """The arguments of `pool` that belong to the reducer."""
        return {}

    def __call__(self, x: ArrayLike) -> Array:
        """The result for x.

        Parameters
        ----------
        x : array_like
            Batch, pooled axes and channels, in the order that `data_format` says.

        Returns
        -------
        ndarray
            Of the same order of axes.
        """
        array = self._start(x)
        result, self._kept = self._forward(array)
        return result

    def _forward(self, x: Array) -> tuple[Array, Kept]:
        call = {"reduce": self._reduce, "axes": self._axes, **self._windows(x.shape), **self._options()}
        return self._pool(x, call, self._keeps)

    def _pool(self, x: Array, call: dict[str, Any], keeps: str) -> tuple[Array, Kept]:
        outline = x if keeps == "values" or isinstance(x, np.ma.MaskedArray) else Outline.of(x)
        try:
            if keeps == "indices":
                result, indices = pool(x, **call, return_indices=True)
                return result, Kept(result.shape, outline, call, indices)
            result = pool(x, **call)
        except ValueError:
            self._result_shape(x.shape, "x")  # its message names the layer's own argument
            raise
        return result, Kept(result.shape, outline, call)

    def _backward(self, grad: Array, kept: Kept) -> Array:
        x = kept.x.empty() if isinstance(kept.x, Outline) else kept.x
        return pool_backward(grad, x, **kept.call, indices=kept.indices)


class Picked(PoolingLayer):
    """Base of the layers that keep which cell of each window they picked."""

    _keeps = "indices"

    @property
    def indices(self) -> Array:
        """Where the values of the last call came from: for each its flat position in C order over the
        pooled axes of x, as `MaxUnpooling2D` and its relatives take it.

        Raises
        ------
        ValueError
            There was no call yet.
        """
        if self._kept is None or self._kept.indices is None:
            raise ValueError(f"{type(self).__name__}.indices needs a call before it: the layer has seen no x")
        return self._kept.indices
