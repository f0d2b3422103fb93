"""Every address of the service, from the application's OpenAPI document."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from docs.generated.schemas import document, type_of
from docs.generated.tables import code, table

JSON = "application/json"


def markdown() -> str:
    """One section an address and method."""
    paths = document()["paths"]
    return "\n".join(
        "\n".join(_section(f"{method.upper()} {path}", operation))
        for path, methods in paths.items()
        for method, operation in methods.items()
    )


def _section(name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}\n\n{operation.get('description', operation['summary'])}\n"
    if parameters := operation.get("parameters"):
        rows = [
            (
                code(each["name"]),
                each["in"],
                type_of(each["schema"]),
                code(each["schema"].get("default")),
                each.get("description", each["schema"].get("description", "")),
            )
            for each in parameters
        ]
        yield table(("parameter", "in", "type", "default", "what it is"), rows)
    if "requestBody" in operation:
        body = operation["requestBody"]["content"][JSON]
        yield f"Body: {type_of(body['schema'])}\n"
        for example in body.get("examples", {}).values():
            value = json.dumps(example["value"], indent=1, ensure_ascii=False)
            yield f"{example['summary']}:\n\n```json\n{value}\n```\n"
    answers = []
    for status, answer in operation["responses"].items():
        content = answer.get("content", {})
        kinds = [type_of(each["schema"]) for each in content.values() if "$ref" in each.get("schema", {})]
        answers.append((status, kinds[0] if kinds else "", answer["description"]))
    yield table(("status", "body", "when"), answers)
