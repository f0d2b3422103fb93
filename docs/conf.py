"""Sphinx: `make docs` builds docs/ into docs/_build, and every warning is an error.

Pages are Markdown (MyST). What can be read from the code is written by docs/generated while the site is built. The
pages ask nothing of any other host: the theme brings its own styles, and the fonts are those of the reader's system.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from service import VERSION  # noqa: E402  # found through the path above

project = "Laser"
copyright = "the authors of Laser, Apache-2.0"
version = release = VERSION
extensions = ["myst_parser", "docs.generated.directive"]
exclude_patterns = ["_build", "generated"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "Laser"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
