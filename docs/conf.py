"""Sphinx's settings; `make docs` builds the site."""

from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent

project = "mersalg"
author = "The mersalg authors"
version = release = version_of("mersalg")
copyright = "The mersalg authors, Apache License 2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "mersalg_site.extension"]
exclude_patterns = ["files/**"]
root_doc = "index"
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # an output with `...` in it is no JSON

default_role = "code"  # a docstring's `name`
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 76
nitpick_ignore_regex = [("py:.*", ".*")]  # types of other projects, whose pages are elsewhere

html_theme = "furo"
html_title = "mersalg"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_static_path = [str(HERE / "mersalg_site" / "static")]
html_css_files = ["site.css"]
pygments_style = "friendly"
pygments_dark_style = "monokai"
