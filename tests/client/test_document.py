"""The client against the OpenAPI document: every operation has a call, and every model says what the document says."""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_origin

import pytest
from pydantic import BaseModel

from laser_client import calls
from laser_client.answers import Answer
from laser_client.calls import Call
from laser_client.requests import (
    Event,
    ItemBody,
    NewItem,
    RecommendRequest,
    Sent,
    ShadowRequest,
)

FILE = Path(__file__).parent.parent.parent / "docs" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]

NO_CALL = {("GET", "/metrics")}  # for Prometheus, not for programs
OTHER_NAME: dict[type[BaseModel], str] = {Event: "EventIn", NewItem: "NamedItemIn", ItemBody: "ItemIn"}
MADE_HERE: dict[type[BaseModel], set[str]] = {
    Event: {"event_id", "timestamp"}
}  # the client fills in what the document requires
WITHOUT_SCHEMA = {
    "AliveResponse",
    "Condition",
    "FieldProblem",
    "Filter",
}  # the document has a free object there

ITEM = NewItem(item_id="a/b", title="t")
EVENT = Event(user_id="u", item_id="i")
SAMPLES = {
    "request": RecommendRequest(history=["a"]),
    "requests": [RecommendRequest(history=["a"])],
    "event": EVENT,
    "events": [EVENT],
    "item": ITEM,
    "items": [ITEM],
    "item_id": "a/b",
    "user_id": "a/b",
    "bundle_id": "b1",
    "query": "q",
}


def functions() -> dict[str, Callable[..., Call[Any]]]:
    """Every function of `calls` that makes a Call."""
    found = inspect.getmembers(calls, inspect.isfunction)
    return {name: call for name, call in found if get_origin(call.__annotations__.get("return")) is Call}


def made(name: str) -> Call[Any]:
    """The call with sample arguments."""
    call = functions()[name]
    needed = [each for each in inspect.signature(call).parameters.values() if each.default is each.empty]
    return call(**{each.name: SAMPLES[each.name] for each in needed})


def operation_of(call: Call[Any]) -> tuple[tuple[str, str], dict[str, Any]]:
    """(method, path as the document has it) and the operation. The longest path that fits is meant."""
    for path in sorted(DOCUMENT["paths"], key=len, reverse=True):
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        operation = DOCUMENT["paths"][path].get(call.method.lower())
        if operation is not None and re.fullmatch(pattern, call.path):
            return (call.method, path), operation
    raise AssertionError(f"the document has no {call.method} {call.path}")


def models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """All models below `base`."""
    for model in base.__subclasses__():
        yield model
        yield from models(model)


def described(base: type[BaseModel]) -> list[type[BaseModel]]:
    """Those of them that the document has a schema for."""
    return [model for model in models(base) if model.__name__ not in WITHOUT_SCHEMA]


def shape(schema: dict[str, Any], definitions: dict[str, Any]) -> object:
    """What values a schema lets through, roughly: models by name, enumerations as the texts they are."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return "string" if "enum" in definitions[name] else name
    if "anyOf" in schema:
        return frozenset(shape(each, definitions) for each in schema["anyOf"])
    if "prefixItems" in schema:
        return ("array", *(shape(each, definitions) for each in schema["prefixItems"]))
    if schema.get("type") == "array":
        return ("array", shape(schema["items"], definitions))
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties", True)
        return ("object", shape(inner, definitions) if isinstance(inner, dict) else "any")
    return schema.get("type", "any")


def test_every_operation_has_a_call() -> None:
    assert not WITHOUT_SCHEMA & SCHEMAS.keys()
    there = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert {operation_of(made(name))[0] for name in functions()} == there - NO_CALL, (
        "give the route a function in client/laser_client/calls.py and a method in both clients"
    )


@pytest.mark.parametrize("name", functions())
def test_a_call_asks_and_answers_as_the_document_says(name: str) -> None:
    call = made(name)
    _, operation = operation_of(call)
    answers = {
        shape(response["content"]["application/json"]["schema"], SCHEMAS)
        for status, response in operation["responses"].items()
        if status.startswith("2")
    }
    if call.answer.__name__ not in WITHOUT_SCHEMA:
        assert answers == {call.answer.__name__}
    known = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
    assert call.query.keys() == known
    if call.body is None:
        assert "requestBody" not in operation
    else:
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        named = {each["$ref"].rpartition("/")[2] for each in body.get("oneOf", body.get("anyOf", [body]))}
        assert OTHER_NAME.get(type(call.body), type(call.body).__name__) in named


@pytest.mark.parametrize("model", described(Answer), ids=lambda model: model.__name__)
def test_an_answer_has_the_fields_of_the_document(model: type[BaseModel]) -> None:
    theirs = SCHEMAS[model.__name__]
    ours = model.model_json_schema(mode="serialization")
    definitions = ours.get("$defs", {})
    assert set(ours.get("required", ())) == set(theirs.get("required", ()))
    found = {field: shape(schema, definitions) for field, schema in ours["properties"].items()}
    wanted = {field: shape(schema, SCHEMAS) for field, schema in theirs["properties"].items()}
    if model.__name__ == "Problem":  # the document says no more of them than that they are objects
        assert (found.pop("errors"), wanted.pop("errors")) == (
            ("array", "FieldProblem"),
            ("array", ("object", "any")),
        )
    assert found == wanted


@pytest.mark.parametrize("model", described(Sent), ids=lambda model: model.__name__)
def test_a_request_has_the_fields_of_the_document(model: type[BaseModel]) -> None:
    theirs = SCHEMAS[OTHER_NAME.get(model, model.__name__)]
    assert set(model.model_fields) == set(theirs["properties"])
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required | MADE_HERE.get(model, set()) == set(theirs.get("required", ()))


@pytest.mark.parametrize("model", [RecommendRequest, ShadowRequest])
def test_a_default_is_that_of_the_document(model: type[BaseModel]) -> None:
    theirs = SCHEMAS[model.__name__]["properties"]
    simple = {name: field for name, field in model.model_fields.items() if "default" in theirs[name]}
    assert {name: field.default for name, field in simple.items()} == {
        name: theirs[name]["default"] for name in simple
    }
    assert len(simple) >= 1
