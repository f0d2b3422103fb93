"""The directive that fills reference pages: a fence ``{generated}`` with the name of a part."""

from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from docs.generated import PARTS


class Generated(SphinxDirective):
    """Parses what a part of docs.generated writes, headings and all, as if it stood in the page."""

    required_arguments = 1

    def run(self) -> list[Node]:
        """The nodes of the part. Raises the error of a directive for a name that is none."""
        name = self.arguments[0]
        if name not in PARTS:
            raise self.error(f"nothing is generated under {name!r}; there are {', '.join(PARTS)}")
        return self.parse_text_to_nodes(PARTS[name](), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's way in."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
