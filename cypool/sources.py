"""Arrays that a pyramid is made from, wherever they lie: `open_source` gives shape, dtype and regions of all of them.

NumPy arrays and ``.npy`` files need nothing else; Zarr, TIFF, HDF5 and images import their library when they are
opened (``pip install 'cypool[zarr]'``).  Regions are read when they are asked for, never the whole (but of images).
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import shown, typed

__all__ = ["Source", "open_source"]

Array = NDArray[Any]
Region = tuple[slice, ...]
NAMES = "tczyx"


class Source:
    """An array that is read region by region.

    ``shape``, ``dtype``, ``nbytes``, ``name``; ``axes``: a name for each axis, or None; ``chunks``: how it is stored, or
    None; ``scale`` and ``units``: {axis name: size of a cell, its unit} as far as they are known.
    """

    def __init__(
        self, data: Any, name: str, *, axes: Sequence[str] | None = None, chunks: Sequence[int] | None = None,
        scale: dict[str, float] | None = None, units: dict[str, str] | None = None,
        close: Callable[[], object] | None = None,
    ) -> None:  # fmt: skip
        self.name: str = name
        self.shape: tuple[int, ...] = tuple(int(n) for n in data.shape)
        self.dtype: np.dtype[Any] = np.dtype(data.dtype)
        self.axes: tuple[str, ...] | None = None if axes is None else tuple(axes)
        self.chunks: tuple[int, ...] | None = None if chunks is None else tuple(int(n) for n in chunks)
        self.scale: dict[str, float] = scale or {}
        self.units: dict[str, str] = units or {}
        self._data: Any = data
        self._close: Callable[[], object] | None = close

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self, region: Region) -> Array:
        """The cells of a region: a slice for each axis."""
        if self._data is None:
            raise ValueError(f"{self.name} is closed")
        found = np.asarray(self._data[region])
        expected = tuple(len(range(*part.indices(n))) for part, n in zip(region, self.shape, strict=True))
        if found.shape != expected or found.dtype != self.dtype:
            raise ValueError(f"{self.name}: read {found.dtype} {found.shape}, not {self.dtype} {expected}")
        return found

    def close(self) -> None:
        """Lets go of files.  Arrays that were read stay good, unless they are memory-mapped."""
        self._data = None
        close, self._close = self._close, None
        if close is not None:
            close()

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Source {self.name}: {self.dtype} {self.shape}>"


def open_source(source: Any, *, dataset: str | None = None) -> Source:
    """Open an array to be read region by region.

    Parameters
    ----------
    source : ndarray, zarr array, h5py dataset, str or path
        An array, or a file: ``.npy``, ``.zarr``, ``.tif`` and ``.tiff``, ``.h5`` and ``.hdf5``, or an image that
        imageio reads.
    dataset : str, optional
        Which array of a file of several: a path in Zarr (default: the file itself, or level 0 of its pyramid) and in
        HDF5 (needed unless there is only one); the number of a series in TIFF (default 0).

    Returns
    -------
    Source

    Raises
    ------
    TypeError, ValueError, OSError, ImportError
        What is no such source; a file that is not what its name says, damaged, or of a dataset that is not there; one
        that is missing (FileNotFoundError) or cannot be read; a library that is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from cypool.sources import open_source
    >>> with open_source(np.arange(12).reshape(3, 4)) as source:
    ...     source.shape, source.read((slice(1, 2), slice(0, 2)))
    ((3, 4), array([[4, 5]]))
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _open_file(Path(source), dataset)
    if isinstance(source, np.ma.MaskedArray):
        raise TypeError("source must not be a masked array: give its cells a value (source.filled())")
    for needed in ("shape", "dtype", "__getitem__"):
        if not hasattr(source, needed):
            raise TypeError(f"source must be an array or the path of a file, not {typed(source)}")
    if dataset is not None:
        raise ValueError(f"dataset={shown(dataset)} goes with the path of a file, not with an array")
    return Source(source, f"{type(source).__module__}.{type(source).__name__}", chunks=getattr(source, "chunks", None))


def _open_file(path: Path, dataset: str | None) -> Source:
    if not path.exists():
        raise FileNotFoundError(f"source {str(path)!r} does not exist")
    ending = path.suffix.lower()
    if ending == ".npy":
        return Source(np.load(path, mmap_mode="r", allow_pickle=False), str(path))
    if ending == ".zarr" or path.is_dir():
        return _open_zarr(path, dataset)
    if ending in (".tif", ".tiff"):
        return _open_tiff(path, dataset)
    if ending in (".h5", ".hdf5"):
        return _open_hdf5(path, dataset)
    return _open_image(path)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(f"this source needs {name}, which is not installed: pip install 'cypool[zarr]'") from error


def _open_zarr(path: Path, dataset: str | None) -> Source:
    zarr = _library("zarr")
    node = zarr.open(str(path), mode="r")
    if dataset is not None or not hasattr(node, "dtype"):
        node = node[dataset or "0"]
    return Source(node, str(path), chunks=node.chunks)


def _open_tiff(path: Path, dataset: str | None) -> Source:
    tifffile = _library("tifffile")
    with tifffile.TiffFile(path) as file:
        return Source(file.series[int(dataset or 0)].asarray(), str(path))


def _open_hdf5(path: Path, dataset: str | None) -> Source:
    h5py = _library("h5py")
    with ExitStack() as stack:
        file = stack.enter_context(h5py.File(path, "r"))
        found = file[dataset or next(iter(file))]
        return Source(found, str(path), chunks=found.chunks, close=stack.pop_all().close)


def _open_image(path: Path) -> Source:
    array = _library("imageio.v3").imread(path)
    return Source(array, str(path), axes="yxc"[: array.ndim])
