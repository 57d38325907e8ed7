"""The site: ``make docs``."""

import sys
import tempfile
import zlib
from importlib.metadata import version
from pathlib import Path

import cypool
import cypool.layers
import cypool.nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from pictures import PLAIN  # noqa: E402

project, author, copyright = "cypool", "the cypool developers", "the cypool developers"
release = version = version("cypool")
assert release == cypool.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/README.rst"]
templates_path = ["_templates"]
root_doc = "index"
default_role = "autolink"  # a link where it names something of ours, emphasis elsewhere
nitpicky = True
suppress_warnings = ["config.cache"]

# ---- text -------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# ---- the reference ----------------------------------------------------------------------------------

autosummary_generate = True
autosummary_context = {"pictured": {*cypool.__all__, *cypool.nn.__all__, *cypool.layers.__all__} - PLAIN}
plot_include_source = plot_html_show_formats = False
plot_formats = [("png", 120)]
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False


def inventory(name: str) -> str:
    """What is linked to elsewhere, for building without a network: a list of names becomes an inventory."""
    lines = (HERE / "inventories" / f"{name}.txt").read_text().splitlines()
    entries = "".join(f"{line.split()[0]} py:{line.split()[1]} 1 {line.split()[2]} -\n" for line in lines)
    head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n# zlib compressed with zlib\n"
    file = Path(tempfile.mkdtemp()) / "objects.inv"
    file.write_bytes(head.encode() + zlib.compress(entries.encode()))
    return str(file)


intersphinx_timeout = 5
intersphinx_mapping = {
    "numpy": ("https://numpy.org/doc/stable/", (None, inventory("numpy"))),
    "skimage": ("https://scikit-image.org/docs/stable/", (None, inventory("skimage"))),
    "python": ("https://docs.python.org/3/", (None, inventory("python"))),
}

# ---- the gallery ------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"quickstart\.py",
    "backreferences_dir": "api/examples",
    "doc_module": ("cypool",),
    "reference_url": {"cypool": None},
    "abort_on_example_error": True,
    "download_all_examples": False,
    "capture_repr": (),
    "show_memory": False,
    "remove_config_comments": True,
    "min_reported_time": 1000,
}

# ---- the pages --------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "cypool"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "_static/cypool.svg"
html_logo = "_static/cypool.svg"
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navigation_with_keys": False,
    "logo": {"text": "cypool"},
    "show_toc_level": 2,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "getting_started": [], "performance": [], "changelog": [], "cite": []}
