"""A result as lines for a person: what the commands print where nobody asked for JSON."""

from collections.abc import Iterator, Mapping


def summary(result: Mapping[str, object]) -> str:
    """Nested results, a line a fact, names and values in two columns.

    {"users": 1200, "length": {"mean": 7.5}} becomes the facts `users  1,200` and `length mean  7.5`. A list of
    mappings is a line for each, by its "name". What is None or False is left out.
    """
    facts = list(_facts(result))
    width = max((len(name) for name, _ in facts), default=0)
    return "\n".join(f"{name:{width}}  {text}" for name, text in facts)


def _facts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _facts(inner, f"{name} {key}".replace("_", " ").strip())
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            if isinstance(inner, Mapping):
                rest = _facts({key: inner[key] for key in inner if key != "name"})
                yield f"{name} {inner['name']}", ", ".join(f"{key} {text}" for key, text in rest)
            else:
                yield name if place == 0 else "", str(inner)
    elif isinstance(value, float):
        yield name, f"{value:,.4g}"
    elif value is not None and value is not False:
        yield name, f"{value:,}" if type(value) is int else str(value)
