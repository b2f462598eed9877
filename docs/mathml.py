"""Formulas as MathML, which browsers show by themselves: no script, no network, no LaTeX."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger
from sphinx.writers.html5 import HTML5Translator

logger = getLogger(__name__)


def _show(writer: HTML5Translator, node: nodes.Element, as_block: bool) -> None:
    try:
        writer.body.append(tex2mathml(node.astext(), as_block=as_block))
    except MathError as error:
        logger.warning("%r is no formula: %s", node.astext(), error, location=node)
    raise nodes.SkipNode


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in a line."""
    _show(writer, node, as_block=False)


def block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula in a line of its own, which scrolls where it is wider than the page."""
    writer.body.append('<div class="table-wrapper">')
    try:
        _show(writer, node, as_block=True)
    finally:
        writer.body.append("</div>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer as ``mathml``."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
