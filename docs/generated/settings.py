"""The LASER_* variables, from service/settings.py."""

import types
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from docs.generated.tables import code, table
from service.settings import PREFIX, Settings

SIGNS = ((Ge, "ge", "≥"), (Gt, "gt", ">"), (Le, "le", "≤"), (Lt, "lt", "<"))


def markdown() -> str:
    """One row a setting, in the order of the class."""
    rows = [
        (
            code(PREFIX + name.upper()),
            f"{_type(field.annotation)}{_bounds(field)}",
            code(_default(field.default)),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]
    return table(("variable", "takes", "default", "what it is"), rows)


def _type(annotation: Any) -> str:
    """The type as people say it; None, which stands for "not set", is left out."""
    if get_origin(annotation) is Literal:
        return " or ".join(code(choice) for choice in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(_type(part) for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is tuple:
        return "text, comma separated"
    names = {bool: "true or false", int: "whole number", float: "number", SecretStr: "secret"}
    return names.get(annotation, "path" if annotation.__name__ == "Path" else "text")


def _bounds(field: FieldInfo) -> str:
    said = [
        f"{sign} {getattr(part, name):,}"
        for part in field.metadata
        for kind, name, sign in SIGNS
        if isinstance(part, kind)
    ]
    return f", {', '.join(said)}" if said else ""


def _default(value: object) -> object:
    if value in (None, (), PydanticUndefined):  # undefined: a factory asks the environment
        return None
    return str(value).lower() if isinstance(value, bool) else value
