"""Every example runs: those of the docstrings, and those of the pages of the site."""

import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import cypool

DOCS = Path(__file__).parent.parent / "docs"
OTHERS = ("coming_from.md", "dask.md")  # they call other libraries as well: tests/peers, tests/scale
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if ">>>" in page.read_text() and page.name not in OTHERS]
# Of libraries that may not be there.
EXTRAS = ("cypool.dask", "cypool.torch", "cypool.writing", "cypool.xarray", "cypool.zarr")
MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(cypool.__path__, "cypool.", onerror=lambda name: None)
    if not name.startswith((*EXTRAS, "cypool.kernels")) and name != "cypool.__main__"
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    assert not doctest.testmod(importlib.import_module(name)).failed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages(page):
    result = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("module", ["cypool", "cypool.nn", "cypool.layers"])
def test_every_public_docstring_has_an_example(module):
    found = importlib.import_module(module)
    for name in found.__all__:
        thing = getattr(found, name)
        if callable(thing) and name != "Layer":
            assert ">>>" in (inspect.getdoc(thing) or ""), f"{module}.{name}"


def test_the_reference_names_all():
    """Each public name is on a page of the reference."""
    for page, module in (("core", "cypool"), ("nn", "cypool.nn"), ("layers", "cypool.layers")):
        listed = {line.strip() for line in (DOCS / "api" / f"{page}.rst").read_text().splitlines()}
        assert set(importlib.import_module(module).__all__) - {"__version__"} <= listed
