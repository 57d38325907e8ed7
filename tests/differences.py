"""The rows of docs/differences.csv: calls whose result is not torch's, on purpose; and how one is read."""

import csv
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parent.parent / "docs" / "differences.csv"
ROWS = list(csv.DictReader(FILE.read_text().splitlines()))


def check(row, whose, names):
    """The call of a row, in the given names, has the result in the column `whose`."""
    names = names | {"nan": np.nan, "inf": np.inf}
    expected = row[whose]
    if expected.endswith("Error"):
        with pytest.raises(Exception, match=r"\S") as caught:
            eval(row["call"], names)
        assert caught.type.__name__ == expected
        return
    got, want = np.asarray(eval(row["call"], names)), np.asarray(eval(expected, names))
    assert got.dtype.kind == want.dtype.kind
    np.testing.assert_allclose(got, want, rtol=1e-6)
