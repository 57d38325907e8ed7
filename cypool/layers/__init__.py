"""Pooling layers with the names and arguments of Keras, on NumPy arrays.

    layer = MaxPooling2D(pool_size=3, strides=2, padding="same")
    y = layer(x)                       # (batch, rows, columns, channels), or data_format="channels_first"
    dx = layer.backward(dy)            # the gradient of the last call

A layer is made of its arguments (`get_config`, `from_config`, and a repr that makes it again), tells the
shape of its result without data (`compute_output_shape`), and keeps what the gradient of the last call
needs, nothing else.  One layer is for one thread at a time.
"""

from .adaptive import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from .base import Layer
from .extremes import MaxPooling1D, MaxPooling2D, MaxPooling3D, MinPooling1D, MinPooling2D, MinPooling3D
from .fractional import (
    FractionalAveragePooling2D,
    FractionalAveragePooling3D,
    FractionalMaxPooling2D,
    FractionalMaxPooling3D,
)
from .middles import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MedianPooling1D,
    MedianPooling2D,
    MedianPooling3D,
)
from .norms import (
    LpPooling1D,
    LpPooling2D,
    LpPooling3D,
    StochasticPooling1D,
    StochasticPooling2D,
    StochasticPooling3D,
)
from .unpooling import MaxUnpooling1D, MaxUnpooling2D, MaxUnpooling3D
from .upsampling import UpSampling1D, UpSampling2D, UpSampling3D
from .whole import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    GlobalMinPooling1D,
    GlobalMinPooling2D,
    GlobalMinPooling3D,
)

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "FractionalAveragePooling2D",
    "FractionalAveragePooling3D",
    "FractionalMaxPooling2D",
    "FractionalMaxPooling3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GlobalMinPooling1D",
    "GlobalMinPooling2D",
    "GlobalMinPooling3D",
    "Layer",
    "LpPooling1D",
    "LpPooling2D",
    "LpPooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "MaxUnpooling1D",
    "MaxUnpooling2D",
    "MaxUnpooling3D",
    "MedianPooling1D",
    "MedianPooling2D",
    "MedianPooling3D",
    "MinPooling1D",
    "MinPooling2D",
    "MinPooling3D",
    "StochasticPooling1D",
    "StochasticPooling2D",
    "StochasticPooling3D",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
]
