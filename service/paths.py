"""Ids in addresses: whatever an id may hold, its address must reach it.

Starlette's `:path` stops at a line break, so a user whose id holds one could be stored and never be shown or deleted.
This takes its place; service.routes brings it in before any route is made.
"""

from starlette.convertors import PathConvertor, register_url_convertor


class IdConvertor(PathConvertor):
    """Any text at all, slashes and line breaks included."""

    regex = "(?s:.*)"


def reach_every_id() -> None:
    """From here on `{name:path}` in a route matches any text."""
    register_url_convertor("path", IdConvertor())
