"""The corpus of the fuzzers (fuzz/), replayed without one: what was found once is not found again."""

from pathlib import Path

import harnesses
import pytest
from harnesses import HARNESSES
from reader import Reader

CORPUS = Path(harnesses.__file__).parent / "corpus"
FILES = sorted(CORPUS.glob("*/*"))


@pytest.mark.parametrize("name", HARNESSES)
def test_corpus(name):
    files = [path for path in FILES if path.parent.name == name]
    assert files, f"{CORPUS}/{name} is empty"
    for path in files:
        data = path.read_bytes()
        try:
            HARNESSES[name](data)
        except BaseException as error:
            error.add_note(f"{name}({data!r}), {path.name}")
            raise


def test_the_corpus_is_small():
    assert {path.parent.name for path in FILES} == set(HARNESSES)
    assert len(FILES) <= 200 and sum(path.stat().st_size for path in FILES) <= 200_000


def test_reader():
    """Every choice can be made, and is 0 where the bytes have ended."""
    for n in (1, 2, 3, 255, 256, 257, 70_000):
        size = ((n - 1).bit_length() + 7) // 8
        found = [Reader(i.to_bytes(size, "little")).below(n) for i in sorted({0, n // 2, n - 1})]
        assert found == sorted({0, n // 2, n - 1}), n
    r = Reader(b"\1ab")
    assert (r.flag(), r.bytes(9), r.bytes(1), r.choice("xyz"), r.between(-3, 3), r.once_in(4)) == (
        True, b"ab", b"", "x", -3, False,
    )  # fmt: skip
