"""HTML and SVG as escaped strings: text that comes from data can never become markup."""

from collections.abc import Iterable, Mapping
from html import escape

__all__ = ["Attributes", "Html", "el", "join"]

VOID = frozenset({"meta", "br"})  # elements of HTML without an end tag

Attributes = Mapping[str, str | float | None]


class Html(str):
    """Markup that is already safe. A plain str is text."""

    __slots__ = ()


def el(tag: str, attributes: Attributes | None = None, *children: str | Iterable[str]) -> Html:
    """One element. Children that are not Html are escaped; an attribute of None is left out, a number is rounded."""
    written = "".join(
        f' {name}="{escape(_plain(value))}"'
        for name, value in (attributes or {}).items()
        if value is not None
    )
    if tag in VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Iterable[str | Iterable[str]]) -> Html:
    """Children one after the other, nested iterables in place."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, Html):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(escape(child))
        else:
            parts.append(join(child))
    return Html("".join(parts))


def _plain(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
