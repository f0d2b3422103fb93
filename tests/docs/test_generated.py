"""What reference pages take from the code is what the code says."""

import re

import pytest

import laser
from benchmarks import names
from docs.generated import PARTS, benchmarks, commands, errors, http_api, metrics, schemas, settings, training
from docs.generated.tables import table
from docs.pictures import FLOWS
from docs.pictures.draw import Arrow, Box, Flow
from service.errors import Code
from service.metrics import Metrics
from service.settings import Settings
from tests.docs.blocks import DOCS, ROOT


def test_a_table_cannot_be_broken_by_what_is_in_it() -> None:
    assert (
        table(("a", "b"), [("1 | 2", "two\nlines")]) == "| a | b |\n| --- | --- |\n| 1 \\| 2 | two lines |\n"
    )


def test_every_setting_is_there_with_its_bounds_and_its_default() -> None:
    text = settings.markdown()
    assert "| `LASER_MAX_K` | whole number, ≥ 1, ≤ 2,048 | `100` | largest k;" in text
    assert "| `LASER_FAST_PATH` | true or false | `false` |" in text
    assert "| `LASER_REDIS_URL` | secret |  |" in text
    assert "| `LASER_OTLP_ENDPOINT` | text |  | OpenTelemetry collector" in text
    assert "| `LASER_ALLOWED_HOSTS` | text, comma separated |  |" in text
    assert "| `LASER_LOG_LEVEL` | `debug` or `info` or `warning` or `error` | `info` |" in text
    assert len(text.splitlines()) == len(Settings.model_fields) + 2


def test_every_error_is_there_with_what_to_do() -> None:
    text = errors.markdown()
    assert "| `key_missing` | 401 | The request brings no API key | Send Authorization: Bearer KEY" in text
    assert set(re.findall(r"^\| `(\w+)` ", text, re.M)) == {str(code) for code in Code}


def test_every_metric_is_there_under_the_name_it_has_when_scraped() -> None:
    text = metrics.markdown()
    assert "| `laser_requests_total` | counter | `route`, `status` | Answers by route and status |" in text
    families = {name for made in Metrics().registry.collect() if (name := made.name).startswith("laser_")}
    assert {name.removesuffix("_total") for name in re.findall(r"^\| `(\w+)` ", text, re.M)} == families


def test_every_command_is_there_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    text = commands.markdown()
    assert {"train", "data check", "bundles promote", "keys create"} <= set(commands.names())
    assert re.findall(r"^## laser (.*)$", text, re.M) == list(commands.names())
    for name in commands.names():
        assert f"Usage: laser {name} " in text
    laser.main(["doctor", "--help"])
    sentence = " ".join(capsys.readouterr().out.split("\n\n")[1].split())
    assert sentence in " ".join(text.split())


def test_every_address_is_there_with_its_parameters_body_and_answers() -> None:
    text = http_api.markdown()
    operations = [
        f"{method.upper()} {path}"
        for path, methods in schemas.document()["paths"].items()
        for method in methods
    ]
    assert re.findall(r"^## (.*)$", text, re.M) == operations
    assert "Body: [RecommendRequest](schemas.md#recommendrequest)" in text
    assert "| `k` | query | whole number, ≥ 1 | `10` |" in text
    assert '"constraint": "a heist with a clever twist"' in text
    assert "| 200 | [RecommendResponse](schemas.md#recommendresponse) |" in text


def test_every_schema_is_there_and_every_link_to_one_leads_to_it() -> None:
    text = schemas.markdown()
    sections = [title.lower() for title in re.findall(r"^## (\w+)$", text, re.M)]
    assert sections == [name.lower() for name in schemas.document()["components"]["schemas"]]
    assert set(re.findall(r"schemas\.md#(\w+)", text + http_api.markdown())) <= set(sections)
    assert '| `constraint_mode` | `strict` or `soft` | `"strict"` |' in text
    assert "| `items` | list of [RankedItem](schemas.md#rankeditem) | required |" in text


def test_every_setting_of_a_run_is_there_with_its_value_in_each_preset() -> None:
    text = training.markdown()
    head = "| setting | cpu | gpu | paper | faithful | demo |"
    assert text.count(head) == len(re.findall(r"^## ", text, re.M))
    assert "| `laser.m_former.experts` | `4` | `8` | `8` | `4` | `4` |" in text
    assert "| `laser.whiten` | `true` | `true` | `false` | `false` | `true` |" in text
    assert "| `fusion.sources` | `id_recommenders,popularity,neighbours` |" in text


def test_every_benchmark_is_there_with_what_it_measures() -> None:
    text = benchmarks.markdown()
    assert "| `kill` | kill -9 at random points while events, items, re-indexes and promotions go on:" in text
    assert re.findall(r"^\| `(\w+)` \| \S", text, re.M) == names()


def test_every_part_stands_on_one_page() -> None:
    named = [
        part
        for page in DOCS
        for part in re.findall(r"^```\{generated\} (\w+)$", page.read_text("utf-8"), re.M)
    ]
    assert sorted(named) == sorted(PARTS)


@pytest.mark.parametrize("name", FLOWS)
def test_a_picture_is_the_one_that_is_drawn(name: str) -> None:
    assert (ROOT / f"docs/pictures/{name}.svg").read_text("utf-8") == FLOWS[name].svg()


def test_arrows_end_at_the_edges_of_their_boxes() -> None:
    boxes = (Box("a", 0, 0, "A", "one"), Box("b", 1, 0, "B", "two"), Box("c", 1, 1, "C", "three < four"))
    svg = Flow("three", boxes, (Arrow("a", "b"), Arrow("b", "c"), Arrow("a", "c", "turns"))).svg()
    assert re.findall(r'polyline class="line" points="([^"]*)"', svg) == [
        "208,53 245,53",  # from the right of A to the left of B, less the arrow's head
        "344,82 344,121",
        "116,82 116,105 344,105 344,121",
    ]
    assert "three &lt; four" in svg
    assert ">turns</text>" in svg
    with pytest.raises(KeyError):
        Flow("none", boxes, (Arrow("a", "z"),)).svg()
