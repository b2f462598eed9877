"""How Sphinx builds these pages: from the installed package, without a network."""

import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import howrobust

sys.path.insert(0, str(Path(__file__).parent))

project = "howrobust"
author = "The howrobust authors"
version = release = howrobust.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx_click",
    "catalogue_pages",
    "mathml",
]
exclude_patterns = ["_build", "inventories"]
html_theme = "furo"
html_title = "howrobust"
html_math_renderer = "mathml"
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = False
napoleon_use_ivar = True  # attributes as a list below a class, not as entries of their own
default_role = "literal"  # docstrings write `Name` for a name of the code

# Small inventories of this folder stand for those of the projects: no build asks a network.
ELSEWHERE = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "pandas": "https://pandas.pydata.org/docs/",
    "sklearn": "https://scikit-learn.org/stable/",
    "matplotlib": "https://matplotlib.org/stable/",
    "torch": "https://pytorch.org/docs/stable/",
}
intersphinx_mapping = {name: (url, f"inventories/{name}.txt") for name, url in ELSEWHERE.items()}

nitpicky = True
# The inventories hold few of other projects' objects; of ours, these are made by the harness alone.
nitpick_ignore_regex = [
    ("py:.*", r"(?!howrobust\.).*"),
    (
        "py:class",
        r"howrobust\..*\.(CardRecord|CellResult|Change|Evaluation|Event|Frame|HeldOut|Known"
        r"|Pace|Progress|Regressor|Scores|Snapshot|SpeedComparison|StoredRun)",
    ),
    ("py:obj", r"howrobust\.comparison\..*"),
]

CODE = re.compile(r"(``.*?``|`.*?`)")
FORMULA = re.compile(r"([|]|(?<!^)\*(?<!^ \*)|_\b)")  # an asterisk that begins a line is a list's


def plain_formulas(_app: Sphinx, *about: Any) -> None:
    """Keep |x|, a * b and x_ of a docstring's formulas: they are no marks of reStructuredText."""
    lines: list[str] = about[-1]
    for k, line in enumerate(lines):
        parts = CODE.split(line)
        parts[::2] = [FORMULA.sub(r"\\\1", part) for part in parts[::2]]
        lines[k] = "".join(parts)


def setup(app: Sphinx) -> None:
    """Register what is done to docstrings, before napoleon adds marks of its own."""
    app.connect("autodoc-process-docstring", plain_formulas, priority=400)
