"""PromQL against the metrics that the service has: does a query parse, and does it ask for what exists?

`labels_of` walks a parsed query and says which labels its result has. On the way every metric must be one of the
service's, and every label that is matched, grouped or joined by must be there at that point. Labels that Prometheus
itself adds to what it scrapes (job, instance) are always there.
"""

from collections.abc import Iterable

import promql_parser as promql
from prometheus_client.metrics_core import Metric

from service.metric_list import listed
from service.metrics import Metrics

TARGET = frozenset({"job", "instance"})
Known = dict[str, frozenset[str]]  # name of a series -> its labels


class QueryError(AssertionError):
    """A query asks for what there is not."""


def known_series() -> Known:
    """Every series of /metrics with its labels, and `up`, which Prometheus makes."""
    metrics = Metrics()
    known: Known = {"up": TARGET}
    for each in listed(metrics):
        for name in each.series:
            known[name] = TARGET | set(each.labels) | ({"le"} if name.endswith("_bucket") else set())
    for family in metrics.registry.collect():
        known |= {name: labels for name, labels in _unlisted(family).items() if name not in known}
    return known


def _unlisted(family: Metric) -> Known:
    """Series of the process, whose samples are there from the start."""
    if family.name.startswith("laser_"):
        return {}
    return {sample.name: TARGET | frozenset(sample.labels) for sample in family.samples}


def metrics_in(query: str) -> set[str]:
    """The series that a query selects."""
    found: set[str] = set()

    def look(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector) and node.name is not None:
            found.add(node.name)
        for child in _children(node):
            look(child)

    look(promql.parse(query))
    return found


def labels_of(query: str, known: Known) -> frozenset[str]:
    """The labels of a query's result. Raises QueryError, and ValueError where it does not parse."""
    return _labels(promql.parse(query), known)


def _children(node: promql.Expr) -> list[promql.Expr]:
    if isinstance(node, promql.BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, promql.AggregateExpr | promql.ParenExpr | promql.UnaryExpr | promql.SubqueryExpr):
        return [node.expr]
    if isinstance(node, promql.MatrixSelector):
        return [node.vector_selector]
    return list(node.args) if isinstance(node, promql.Call) else []


def _labels(node: promql.Expr, known: Known) -> frozenset[str]:
    if isinstance(node, promql.VectorSelector):
        return _selected(node, known)
    inner = [_labels(child, known) for child in _children(node)]
    if isinstance(node, promql.AggregateExpr):
        return _grouped(node, inner[0])
    if isinstance(node, promql.BinaryExpr):
        return _joined(node, *inner)
    if isinstance(node, promql.Call) and node.func.name == "histogram_quantile":
        _there({"le"}, inner[1], node)
        return inner[1] - {"le"}
    return frozenset().union(*inner)


def _selected(node: promql.VectorSelector, known: Known) -> frozenset[str]:
    if node.name not in known:
        raise QueryError(f"the service has no {node.name}")
    _there({matcher.name for matcher in node.matchers.matchers}, known[node.name], node)
    return known[node.name]


def _grouped(node: promql.AggregateExpr, inner: frozenset[str]) -> frozenset[str]:
    if node.modifier is None:
        return frozenset()
    named = frozenset(node.modifier.labels)
    _there(named, inner, node)
    return named if node.modifier.type == promql.AggModifierType.By else inner - named


def _joined(node: promql.BinaryExpr, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    if _is_scalar(node.lhs) or _is_scalar(node.rhs):
        return left | right
    modifier = node.modifier
    matching = None if modifier is None else modifier.matching
    many_right = modifier is not None and modifier.card == promql.VectorMatchCardinality.OneToMany
    if matching is None:
        if left != right and str(node.op) not in ("or", "and", "unless"):
            raise QueryError(f"{node}: {sorted(left)} never match {sorted(right)}")
    elif matching.type == promql.LabelModifierType.Include:
        _there(matching.labels, left & right, node)
    else:
        _there(matching.labels, left | right, node)
        if left - {*matching.labels} != right - {*matching.labels}:
            raise QueryError(f"{node}: {sorted(left)} never match {sorted(right)}")
    return right if many_right else left


def _is_scalar(node: promql.Expr) -> bool:
    if isinstance(node, promql.Call):
        return node.func.name in ("time", "scalar")
    if isinstance(node, promql.BinaryExpr | promql.ParenExpr):
        return all(map(_is_scalar, _children(node)))
    return isinstance(node, promql.NumberLiteral)


def _there(named: Iterable[str], labels: frozenset[str], node: promql.Expr) -> None:
    missing = set(named) - labels
    if missing:
        raise QueryError(f"{node}: no label {', '.join(sorted(missing))}, only {', '.join(sorted(labels))}")
