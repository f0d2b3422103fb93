"""Every setting of a run, from the dataclasses that `run.json` is written from, with its value in each preset."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from inspect import cleandoc
from typing import Any

from docs.generated.tables import code, table
from training.config import RunConfig, preset

PRESETS = ("cpu", "gpu", "paper", "faithful", "demo")


def markdown() -> str:
    """One section a group of settings: what its class says, then a row a setting."""
    made = [preset(name) for name in PRESETS]
    return "\n".join(
        _group(field.name, [getattr(run, field.name) for run in made]) for field in fields(RunConfig)
    )


def _group(name: str, values: Sequence[Any]) -> str:
    """A group and those below it; `values` are its dataclass in each preset."""
    keys = [field.name for field in fields(values[0])]
    groups = [key for key in keys if is_dataclass(getattr(values[0], key))]
    rows = [
        (code(f"{name}.{key}"), *(_shown(getattr(value, key)) for value in values))
        for key in keys
        if key not in groups
    ]
    parts = [
        f"## {name}\n",
        cleandoc(type(values[0]).__doc__ or "") + "\n",
        table(("setting", *PRESETS), rows),
    ]
    below = [_group(f"{name}.{key}", [getattr(value, key) for value in values]) for key in groups]
    return "\n".join(parts + below)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(",".join(map(str, value)) if isinstance(value, tuple) else value)
