"""What goes in and out of the service, from the components of the application's OpenAPI document."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from docs.generated.tables import code, table
from service.app import create_app
from service.settings import load_settings

PLAIN = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
}
BOUNDS = (
    ("minimum", "≥ {}"),
    ("maximum", "≤ {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
)
Schema = Mapping[str, Any]


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of a service with the settings it has by default."""
    return create_app(load_settings(allow_anonymous=True)).openapi()


def markdown() -> str:
    """One section a schema: what it says of itself, then a row a field; an enumeration's values."""
    return "\n".join(_section(name, schema) for name, schema in document()["components"]["schemas"].items())


def type_of(schema: Schema) -> str:
    """A schema's type in a few words, with a link to what has a section of its own, and its bounds."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](schemas.md#{name.lower()})"
    for together in ("anyOf", "oneOf", "allOf"):
        if together in schema:
            parts = dict.fromkeys(type_of(part) for part in schema[together] if part.get("type") != "null")
            return " or ".join(part for part in parts if part)
    if "enum" in schema or "const" in schema:
        return " or ".join(code(value) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        said = f"list of {type_of(schema.get('items', {}))}"
    elif isinstance(schema.get("additionalProperties"), dict):
        said = f"object of {type_of(schema['additionalProperties'])}"
    else:
        said = PLAIN.get(str(schema.get("type")), "any value" if "type" not in schema else "")
    bounds = [text.format(f"{schema[key]:,g}") for key, text in BOUNDS if key in schema]
    return ", ".join([said, *bounds])


def _section(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        (
            code(key),
            type_of(field),
            "required"
            if key in required
            else code(json.dumps(field["default"]))
            if "default" in field
            else "",
            field.get("description", ""),
        )
        for key, field in schema.get("properties", {}).items()
    ]
    about = schema.get("description", "")
    body = table(("field", "type", "default", "what it is"), rows) if rows else type_of(schema) + "\n"
    return f"## {name}\n\n{about}\n\n{body}"
