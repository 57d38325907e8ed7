"""The page for those who come from other libraries, which it calls."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "coming_from.md"


def test_page():
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted and not result.failed
