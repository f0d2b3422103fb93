"""The rules of ops/prometheus, read."""

from typing import Any, NamedTuple

import yaml

from tests.image import ROOT

FOLDER = ROOT / "ops" / "prometheus"


class Rule(NamedTuple):
    """One rule of a file: `name` of its alert or record."""

    name: str
    query: str
    fields: dict[str, Any]


def rules(name: str) -> list[Rule]:
    groups = yaml.safe_load((FOLDER / name).read_text("utf-8"))["groups"]
    return [
        Rule(each.get("alert") or each["record"], each["expr"], each)
        for group in groups
        for each in group["rules"]
    ]


RECORDS, ALERTS = rules("slo.yml"), rules("alerts.yml")
