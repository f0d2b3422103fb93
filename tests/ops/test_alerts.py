"""The rules: they ask for what the service has, say what to do, and fire when they should."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from service.errors import Code
from service.metrics import ANSWERING
from tests.image import ROOT
from tests.ops.promql import Known, known_series, labels_of
from tests.ops.rules import ALERTS, FOLDER, RECORDS, Rule

RUNBOOK = ROOT / "ops" / "runbook.md"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool (Debian: apt install prometheus)")


@pytest.fixture(scope="module")
def known() -> Known:
    """The service's series, and those that the rules record."""
    series = known_series()
    return series | {rule.name: labels_of(rule.query, series) for rule in RECORDS}


def anchors(page: Path) -> set[str]:
    """What a link can name: each heading as a page of Markdown spells it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("rule", ALERTS, ids=[rule.name for rule in ALERTS])
def test_an_alert_asks_for_what_there_is_and_says_what_to_do(rule: Rule, known: Known) -> None:
    labels = labels_of(rule.query, known)
    said = rule.fields["annotations"]
    assert set(said) == {"summary", "description", "runbook"}
    quoted = set(re.findall(r"\$labels\.(\w+)", said["summary"] + said["description"]))
    assert quoted <= labels
    page, _, anchor = said["runbook"].partition("#")
    assert page == "ops/runbook.md"
    assert anchor in anchors(RUNBOOK)
    assert rule.fields["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert re.fullmatch(r"\d+[mh]", rule.fields["for"])


def test_each_promise_is_recorded_by_job_over_each_window(known: Known) -> None:
    names = [
        f"laser:{kind}:ratio_rate{window}"
        for kind in ("errors", "slow")
        for window in ("5m", "30m", "1h", "6h", "3d")
    ]
    assert [rule.name for rule in RECORDS] == names
    for rule in RECORDS:
        window = rule.name.rpartition("ratio_rate")[2]
        assert known[rule.name] == {"job"}
        assert set(re.findall(r"\[(\w+)\]", rule.query)) == {window}


def test_the_promised_latency_is_a_bucket() -> None:
    [limit] = {found for rule in RECORDS for found in re.findall(r'le="([0-9.]+)"', rule.query)}
    assert float(limit) in ANSWERING


def test_every_code_an_alert_names_is_one_of_the_service() -> None:
    queries = " ".join(rule.query for rule in ALERTS)
    named = {code for found in re.findall(r'code[=!]~"([a-z_|]+)"', queries) for code in found.split("|")}
    assert named == {"overloaded", "deadline_exceeded", "rate_limited", "client_gone"}
    assert named <= set(Code)


def test_no_two_alerts_have_one_name() -> None:
    names = [rule.name for rule in ALERTS]
    assert len(set(names)) == len(names)


def test_every_section_of_the_runbook_says_what_to_look_at_and_what_to_do() -> None:
    _, *sections = re.split(r"^## ", RUNBOOK.read_text("utf-8"), flags=re.MULTILINE)
    used = {rule.fields["annotations"]["runbook"].partition("#")[2] for rule in ALERTS}
    for section in sections:
        title = section.partition("\n")[0]
        assert title.lower().replace(" ", "-") in used, f"no alert leads to {title}"
        assert "\n**Means.**" in section
        assert "\n**Look.**" in section
        assert "\n**Do.**" in section


def test_prometheus_reads_these_files_and_scrapes_the_service_of_the_compose_file() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    assert config["rule_files"] == ["slo.yml", "alerts.yml"]
    [job] = config["scrape_configs"]
    assert job["job_name"] == "laser", "as the rules call it"
    assert job["static_configs"] == [{"targets": ["api:8000"]}]


@needs_promtool
def test_prometheus_own_check_finds_nothing() -> None:
    assert PROMTOOL is not None
    command = [PROMTOOL, "check", "config", FOLDER / "prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_alerts_fire_when_they_should_and_only_then() -> None:
    assert PROMTOOL is not None
    scenarios = ROOT / "tests" / "ops" / "alerts_test.yml"
    done = subprocess.run([PROMTOOL, "test", "rules", scenarios], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    fired = set(re.findall(r"alertname: (\w+)", scenarios.read_text("utf-8")))
    assert fired == {rule.name for rule in ALERTS}, "every alert has a scenario"
