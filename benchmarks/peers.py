"""What the other tools are asked to do: one small class per tool, one method per kind of work.

A method takes the array, prepares what the tool wants before it can start (its own image object,
output size, ...), and returns the call to be timed, without arguments. A tool that is not installed
is reported as absent.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Call = Callable[[], Any]
Block = Sequence[int]


class Peer:
    """A tool: the module to import, the distribution that has it, and its methods."""

    module = ""
    distribution = ""
    threaded = False

    def __init__(self, threads: int) -> None:
        self.lib: Any = importlib.import_module(self.module)
        self.threads = threads

    @classmethod
    def version(cls) -> str:
        return importlib.metadata.version(cls.distribution)


class NumPy(Peer):
    """What one writes without a library: slices for max, a reshape and a reduction for the rest."""

    module, distribution = "numpy", "numpy"

    def slices(self, x: np.ndarray, block: Block) -> Call:
        """Maximum of the slices x[i::b], one axis after the other, the outermost first."""

        def call() -> np.ndarray:
            y = x
            for axis, b in enumerate(block):
                before = (slice(None),) * axis
                first = y[(*before, slice(0, None, b))]
                for i in range(1, b):
                    first = np.maximum(first, y[(*before, slice(i, None, b))])
                y = first
            return y

        return call

    def windows(self, x: np.ndarray, size: int, stride: int) -> Call:
        """Maximum over the last axis, sliding."""
        last = x.shape[-1] - size + 1

        def call() -> np.ndarray:
            y = np.maximum(x[..., :last:stride], x[..., 1 : last + 1 : stride])
            for i in range(2, size):
                np.maximum(y, x[..., i : last + i : stride], out=y)
            return y

        return call

    def reshape(self, x: np.ndarray, block: Block, func: Any, **options: Any) -> Call:
        pairs = [n for length, b in zip(x.shape, block, strict=True) for n in (length // b, b)]
        axes = tuple(range(1, 2 * x.ndim, 2))
        return lambda: func(x.reshape(pairs), axis=axes, **options)


class SciKitImage(Peer):
    module, distribution = "skimage.measure", "scikit-image"

    def block_reduce(self, x: np.ndarray, block: Block, func: Any) -> Call:
        return lambda: self.lib.block_reduce(x, tuple(block), func)


class OpenCV(Peer):
    module, distribution = "cv2", "opencv-python-headless"
    threaded = True

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.lib.setNumThreads(threads)

    def area(self, x: np.ndarray, block: Block) -> Call:
        """Means by cv2.resize; channels stay apart."""
        size = (x.shape[1] // block[1], x.shape[0] // block[0])
        return lambda: self.lib.resize(x, size, interpolation=self.lib.INTER_AREA)

    def slide(self, x: np.ndarray, size: int, reduce: str) -> Call:
        """Squares that slide by 1.  Beyond the edge: nothing (max), the image mirrored (mean), or its last cells
        (median)."""
        cv = self.lib
        if reduce == "max":
            square = np.ones((size, size), np.uint8)
            return lambda: cv.dilate(x, square)
        if reduce == "mean":
            return lambda: cv.blur(x, (size, size), borderType=cv.BORDER_REFLECT_101)
        return lambda: cv.medianBlur(x, size)


class SciPy(Peer):
    module, distribution = "scipy.ndimage", "scipy"

    def slide(self, x: np.ndarray, size: int, reduce: str) -> Call:
        """As OpenCV's."""
        name, mode = {
            "max": ("maximum_filter", "nearest"),
            "mean": ("uniform_filter", "mirror"),
            "median": ("median_filter", "nearest"),
        }[reduce]
        function = getattr(self.lib, name)
        return lambda: function(x, size, mode=mode)


class Pillow(Peer):
    module, distribution = "PIL.Image", "Pillow"

    def reduce(self, x: np.ndarray, block: Block) -> Call:
        """Means by Image.reduce; the image is made beforehand and stays Pillow's own."""
        image = self.lib.fromarray(x)
        return lambda: image.reduce((block[1], block[0]))


class TensorStore(Peer):
    module, distribution = "tensorstore", "tensorstore"
    threaded = True

    def downsample(self, x: np.ndarray, block: Block, method: str) -> Call:
        context = self.lib.Context({"data_copy_concurrency": {"limit": self.threads}})
        view = self.lib.downsample(self.lib.array(x, context=context), list(block), method)
        return lambda: view.read().result()


class TinyBrain(Peer):
    module, distribution = "tinybrain", "tinybrain"

    def segmentation(self, x: np.ndarray, block: Block) -> Call:
        """Modes of labels, from Fortran order."""
        y = np.asfortranarray(x)
        return lambda: self.lib.downsample_segmentation(y, tuple(block), num_mips=1)[0]

    def averaging(self, x: np.ndarray, block: Block) -> Call:
        """Means; it wants Fortran order, which is made beforehand."""
        y = np.asfortranarray(x)
        return lambda: self.lib.downsample_with_averaging(y, tuple(block), num_mips=1)[0]


class XArray(Peer):
    module, distribution = "xarray", "xarray"

    def coarsen(self, x: np.ndarray, block: Block, method: str) -> Call:
        axes = [f"axis_{i}" for i in range(x.ndim)]
        coarse = self.lib.DataArray(x, dims=axes).coarsen(dict(zip(axes, block, strict=True)))
        return getattr(coarse, method)


class AstroPy(Peer):
    module, distribution = "astropy.nddata", "astropy"

    def block_reduce(self, x: np.ndarray, block: Block, func: Any) -> Call:
        return lambda: self.lib.block_reduce(x, tuple(block), func)


class Torch(Peer):
    """`pip install torch==...` by hand: the faster of its two layouts counts (channels_last: `-last`)."""

    module, distribution = "torch", "torch"
    threaded = True
    layout = "contiguous_format"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.lib.set_num_threads(threads)

    def tensor(self, x: np.ndarray) -> Any:
        y = self.lib.from_numpy(x)
        return y.contiguous(memory_format=getattr(self.lib, self.layout)) if x.ndim == 4 else y

    def forward(self, x: np.ndarray, name: str, *args: Any, nhwc: bool = False, **options: Any) -> Call:
        """A function of torch.nn.functional; of several results the first.  `nhwc`: x has its channels last."""
        function = getattr(self.lib.nn.functional, name)
        y = self.lib.from_numpy(x).permute(0, 3, 1, 2) if nhwc else self.tensor(x)

        def call() -> Any:
            with self.lib.no_grad():
                z = function(y, *args, **options)
            z = z[0] if isinstance(z, tuple) else z
            return z.permute(0, 2, 3, 1) if nhwc else z

        return call

    def backward(self, x: np.ndarray, name: str, *args: Any, **options: Any) -> Call:
        """The gradient of its sum."""
        y = self.tensor(x).requires_grad_()
        z = getattr(self.lib.nn.functional, name)(y, *args, **options)
        ones = self.lib.ones_like(z)
        return lambda: self.lib.autograd.grad(z, y, ones, retain_graph=True)[0]

    def image(self, x: np.ndarray, name: str, *args: Any, **options: Any) -> Call:
        """A function on one channel of one image (or row)."""
        return self.forward(x[None, None], name, *args, **options)


class TorchLast(Torch):
    layout = "channels_last"


class OnnxRuntime(Peer):
    """One node of ONNX, in a session of its own."""

    module, distribution = "onnxruntime", "onnxruntime"
    threaded = True

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.onnx: Any = importlib.import_module("onnx")

    def node(self, x: np.ndarray, operator: str, outputs: int = 1, nhwc: bool = False, **attributes: Any) -> Call:
        """The first of its outputs.  `nhwc`: x has its channels last, and is transposed first."""
        make, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        names = ["y", "indices"][:outputs]
        node = make.make_node(operator, ["x"], names, **attributes)
        results = [make.make_tensor_value_info(name, t, None) for name, t in zip(names, (kind, 7), strict=False)]
        graph = make.make_graph([node], "pool", [make.make_tensor_value_info("x", kind, None)], results)
        model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=8)
        options = self.lib.SessionOptions()
        options.intra_op_num_threads = self.threads
        session = self.lib.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        if nhwc:
            return lambda: session.run(None, {"x": np.ascontiguousarray(x.transpose(0, 3, 1, 2))})[0].transpose(
                0, 2, 3, 1
            )
        return lambda: session.run(None, {"x": x})[0]

    def image(self, x: np.ndarray, operator: str, **attributes: Any) -> Call:
        """On one channel of one image."""
        return self.node(x[None, None], operator, **attributes)


ALL: dict[str, type[Peer]] = {
    "NumPy": NumPy,
    "scikit-image": SciKitImage,
    "SciPy": SciPy,
    "OpenCV": OpenCV,
    "Pillow": Pillow,
    "tensorstore": TensorStore,
    "tinybrain": TinyBrain,
    "xarray": XArray,
    "astropy": AstroPy,
    "onnxruntime": OnnxRuntime,
    "torch": Torch,
    "torch channels_last": TorchLast,
}


def load(threads: int) -> dict[str, Peer]:
    """The tools that are installed."""
    found = {}
    for name, kind in ALL.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found[name] = kind(threads)
            except ImportError:
                continue
    return found
