"""What docs/differences.csv says of torch."""

import differences
import numpy as np
import pytest
import torch
from torch.nn import functional as F


def gradient(name, x, *args):
    x.requires_grad_()
    getattr(F, name)(x, *args).sum().backward()
    return x.grad


NAMES = {
    "F": F,
    "a": lambda value: torch.tensor(np.array(value, np.float32)),
    "i": lambda value: torch.tensor(np.array(value, np.int64)),
    "gradient": gradient,
}


@pytest.mark.parametrize("row", differences.ROWS, ids=lambda row: row["case"])
def test_torch(row):
    differences.check(row, "torch", NAMES)
