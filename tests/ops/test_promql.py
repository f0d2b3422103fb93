"""The check of queries itself: what it lets pass, and what it finds."""

import pytest

from tests.ops.promql import Known, QueryError, known_series, labels_of, metrics_in

KNOWN: Known = {
    "hits_total": frozenset({"job", "instance", "status"}),
    "limit": frozenset({"job", "instance"}),
    "time_bucket": frozenset({"job", "instance", "stage", "le"}),
}


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("hits_total", {"job", "instance", "status"}),
        ('sum by (job) (rate(hits_total{status=~"5.."}[5m]))', {"job"}),
        ("sum without (status) (hits_total)", {"job", "instance"}),
        ("sum(hits_total) / sum(limit)", set()),
        ("histogram_quantile(0.9, sum by (le, stage) (rate(time_bucket[5m])))", {"stage"}),
        ("hits_total / on (job, instance) group_left () limit > 0.5", {"job", "instance", "status"}),
        ("limit - ignoring (status) group_right () hits_total", {"job", "instance", "status"}),
        ("1 - limit offset 1m", {"job", "instance"}),
        ("time() - limit", {"job", "instance"}),
        ("limit == 0 or hits_total < 14 * 0.1", {"job", "instance"}),
        ("(sum(limit) or vector(0)) / sum(hits_total)", set()),
    ],
)
def test_a_right_query_has_these_labels(query: str, labels: set[str]) -> None:
    assert labels_of(query, KNOWN) == labels


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("misses_total", "the service has no misses_total"),
        ('hits_total{code="1"}', "no label code"),
        ("sum by (code) (hits_total)", "no label code"),
        ("sum by (job) (limit) / on (instance) group_left () sum by (job) (limit)", "no label instance"),
        ("sum by (status) (hits_total) / sum(limit)", "never match"),
        ("hits_total / ignoring (status) sum(limit)", "never match"),
        ("histogram_quantile(0.9, sum by (stage) (time_bucket))", "no label le"),
    ],
)
def test_what_is_not_there_is_found(query: str, found: str) -> None:
    with pytest.raises(QueryError, match=found):
        labels_of(query, KNOWN)


def test_what_does_not_parse_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        labels_of("sum(rate(hits_total[5m])", KNOWN)


def test_the_series_selected_are_named() -> None:
    assert metrics_in("sum(rate(a_total[5m])) / on (x) -(b) or max_over_time(c[5m:1m])") == {
        "a_total",
        "b",
        "c",
    }


def test_the_series_of_the_service_are_known() -> None:
    known = known_series()
    assert known["laser_requests_total"] == {"job", "instance", "route", "status"}
    assert known["laser_stage_seconds_bucket"] == {"job", "instance", "stage", "le"}
    assert known["process_resident_memory_bytes"] == {"job", "instance"}
    assert "laser_stage_seconds" not in known, "a histogram is selected by its series"
