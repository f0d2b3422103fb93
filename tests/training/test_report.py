"""The report: charts in numbers, groups and curves by hand, a page that stands alone and lets no text be markup."""

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny import tiny_laser
from tests.training_world import checkerboard, write_world
from training.data import leave_one_out, load_dataset
from training.evaluate import make_table
from training.laser_scorers import LaserUsers
from training.ranking import RankedUsers
from training.report import Evaluated, expert_use, write_report
from training.report.axes import Scale, decimals, short, ticks
from training.report.charts import Curve, Dot, Shares, curves, intervals, shares
from training.report.insight import ExpertUse, Stage, by_group, groups, training_stages
from training.report.markup import Html, el, join
from training.report.study_figures import read_study
from training.run_ranks import RunRanks

HOSTILE = '<script>alert("1")</script>&'


# Markup and axes ----------------------------------------------------------------------------------------------------


def test_text_is_escaped_and_markup_is_not() -> None:
    inside = el("b", {"title": HOSTILE}, HOSTILE)
    assert inside == (
        '<b title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;">'
        "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;</b>"
    )
    assert (
        el("p", {"class": None, "x": 2.0, "y": 0.125}, [inside, "&"])
        == f'<p x="2" y="0.12">{inside}&amp;</p>'
    )
    assert el("meta", {"charset": "utf-8"}) == '<meta charset="utf-8">'
    assert isinstance(join(["<", Html("<br>")]), Html)
    assert join(["<", Html("<br>")]) == "&lt;<br>"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.013, 0.089, [0.0, 0.02, 0.04, 0.06, 0.08, 0.1]),
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.0364, 0.0074, [-0.04, -0.03, -0.02, -0.01, 0.0, 0.01]),
        (7.1, 12.6, [7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0]),
        (0.0, 0.0, [-0.0005, 0.0, 0.0005]),
    ],
)
def test_ticks_are_round_and_span_the_values(low: float, high: float, expected: list[float]) -> None:
    found = ticks(low, high)
    assert found[0] <= low <= high <= found[-1]
    if low < high:
        assert found == expected


def test_numbers_are_written_as_in_the_tables() -> None:
    assert [short(value, 4) for value in (0.0827, -0.00123, 1.0, 0.0, -0.00001)] == [
        ".0827",
        "\N{MINUS SIGN}.0012",
        "1.0000",
        "0",
        "0",
    ]
    assert [decimals(values) for values in ([0.0, 5.0], [0.0, 0.025], [0.1, 0.2])] == [0, 3, 1]
    assert Scale(0, 2, 100, 200)(0.5) == 125
    assert Scale(3, 3, 0, 10)(3) == 5


# Charts -------------------------------------------------------------------------------------------------------------


def numbers(svg: str, tag: str, attribute: str) -> list[float]:
    return [float(value) for value in re.findall(rf'<{tag}[^>]* {attribute}="([-\d.]+)"', svg)]


def test_dots_lie_where_their_values_are() -> None:
    dots = [Dot("a", 0.2, 0.1, 0.3), Dot("b & c", 0.4, 0.4, 0.4, "ours")]
    svg = intervals(dots, "two dots", ("half", 0.25))
    first, second = numbers(svg, "circle", "cx")
    whisker = re.findall(r'<line x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"[^>]*whisker', svg)
    (low, high), (same, also) = [(float(x1), float(x2)) for x1, x2 in whisker]
    assert low < first < high
    assert first - low == pytest.approx(high - first, abs=0.02)
    assert same == also == second
    assert second - first == pytest.approx(2 * (first - low), abs=0.05), "0.4 - 0.2 is twice 0.2 - 0.1"
    assert "b &amp; c" in svg
    assert 'class="row ours"' in svg
    assert ">half</text>" in svg


def test_differences_carry_their_sign() -> None:
    svg = intervals([Dot("more", 0.01, 0, 0.02), Dot("less", -0.01, -0.02, 0)], "two", None, signed=True)
    assert ">+.0100</text>" in svg
    assert ">\N{MINUS SIGN}.0100</text>" in svg


def test_a_curve_rises_with_its_values_and_begins_where_it_is_told() -> None:
    lines = [Curve("first", [0.1, 0.2], 1), Curve("second", [0.3], 2, [0.25], [0.35], begins=2)]
    svg = curves(lines, ["1", "2", "3"], "curves", "epoch", divider=1.5)
    x, y = numbers(svg, "circle", "cx"), numbers(svg, "circle", "cy")
    assert x[0] < x[1] < x[2]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.02)
    assert y[0] > y[1] > y[2], "up is less in a drawing"
    assert svg.count('class="band"') == 1
    assert svg.count('class="reference"') == 1
    assert "<title>second, 3: 0.3000</title>" in svg


def test_parts_of_a_bar_are_as_wide_as_their_shares() -> None:
    svg = shares([Shares("users", [0.75, 0.24, 0.01])], ["a", "b", "c"], "shares")
    wide = numbers(svg, "rect", "width")
    assert wide[0] == pytest.approx(75 * wide[2], rel=0.01)
    assert ">75%</text>" in svg
    assert ">1%</text>" not in svg, "no room"


# Insight ------------------------------------------------------------------------------------------------------------


def test_groups_are_of_similar_size_and_never_split_a_value() -> None:
    found = groups(np.array([1, 1, 1, 1, 2, 3, 3, 9, 1200]), 3)
    assert [part.name for part in found] == ["1", "2\N{EN DASH}3", "9\N{EN DASH}1,200"]
    assert [part.users.tolist() for part in found] == [[0, 1, 2, 3], [4, 5, 6], [7, 8]]
    assert [part.name for part in groups(np.array([4, 4]), 5)] == ["4"]
    means = by_group(np.array([1.0, 1, 0, 0, 1, 1, 1, 0, 0]), found)
    assert [interval.mean for interval in means] == [0.5, 1.0, 0.0]


def test_stages_come_from_the_metrics_and_a_repeated_epoch_counts_once(tmp_path: Path) -> None:
    lines = [
        {"stage": "phase 1", "epoch": -1, "validation": 0.1},
        {"stage": "phase 1", "epoch": 0, "validation": 0.2, "loss": 3.0},
        {"stage": "phase 1", "epoch": 0, "validation": 0.3, "loss": 2.0},
        {"stage": "fusion", "validation": 0.5},
        {"stage": "phase 2", "epoch": 0, "validation": None, "loss": None},
    ]
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert training_stages(file) == [Stage("phase 1", (-1, 0), (0.1, 0.3), (None, 2.0))]
    assert training_stages(tmp_path / "none") == []


def test_expert_use_is_the_routers_and_by_length_of_history() -> None:
    ids = [f"i{n}" for n in range(12)]
    laser = tiny_laser(ids)
    users = LaserUsers(laser, ids, laser.encode_items([{"item_id": i, "title": i} for i in ids]))
    histories = [np.array([n]) for n in range(4)] + [np.arange(n, n + 3) for n in range(4)] + [np.arange(8)]
    use = expert_use(users, histories)
    assert use is not None
    assert use.groups == ("1 item", "3 items", "8 items")
    np.testing.assert_allclose(use.probability.sum(axis=1), 1, atol=1e-6)
    former = laser.user_side.m_former
    assert former is not None
    states, present = laser.collaborative.states([np.arange(8)], laser.config.sources, 8)
    with torch.inference_mode():
        routing = former(states, present)[1]
    expected = routing.probabilities[0][routing.present[0]].mean(dim=0)
    np.testing.assert_allclose(use.probability[2], expected, atol=1e-5)
    assert use.chosen[2].argmax() == int(routing.chosen[0, 0])
    alone = replace(former.config, experts=1)
    former.config = alone
    assert expert_use(users, histories) is None


# The page -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def found(tmp_path: Path) -> Evaluated:
    """An evaluation of the checkerboard world whose data set and rows carry hostile names."""
    data = write_world(tmp_path / "data", checkerboard(30))
    info = json.loads((data / "dataset.json").read_text()) | {"name": HOSTILE}
    (data / "dataset.json").write_text(json.dumps(info))
    dataset = load_dataset(data)
    split = leave_one_out(dataset.histories)
    rng = np.random.default_rng(0)

    def ranked() -> RankedUsers:
        ranks = rng.integers(1, 30, size=30).astype(float)
        return RankedUsers(ranks, ranks, ranks)

    names = ("SASRec", "simple sum", "Laser alone", "Laser (best configuration, fused)", HOSTILE)
    runs = [
        RunRanks(seed, dataset.data_hash, split.test.users, {name: ranked() for name in names})
        for seed in (0, 1)
    ]
    run = tmp_path / "run"
    run.mkdir()
    log = [
        {"stage": stage, "epoch": 0, "validation": 0.1, "loss": 2.0}
        for stage in ("sasrec-2", "phase 1", "phase 2")
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    use = ExpertUse(("1", "2", "3"), np.full((3, 2), 0.5), np.full((3, 2), 0.5))
    return Evaluated(dataset, split, make_table(dataset, runs), runs, run, use, tmp_path / "no study")


class Tags(HTMLParser):
    """Every element's name and attributes, and the headings' texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def test_the_page_stands_alone_and_runs_nothing(found: Evaluated, tmp_path: Path) -> None:
    page = write_report(tmp_path / "out" / "deep", found)
    assert page == tmp_path / "out" / "deep" / "index.html"
    text = page.read_text(encoding="utf-8")
    read = Tags(text)
    assert read.open == [], "every element is closed"
    names = {tag for tag, _ in read.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "a"}
    for _, attributes in read.tags:
        assert not {"style", "src", "href", "onclick", "onload"} & set(attributes)
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text


def test_the_policy_allows_this_style_and_nothing_else(found: Evaluated, tmp_path: Path) -> None:
    text = write_report(tmp_path / "out", found).read_text(encoding="utf-8")
    style = text.partition("<style>")[2].partition("</style>")[0]
    known = b64encode(sha256(style.encode()).digest()).decode()
    policy = next(a["content"] for tag, a in Tags(text).tags if tag == "meta" and "http-equiv" in a)
    assert policy == f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'"
    assert "prefers-color-scheme: dark" in style


def test_the_page_has_a_section_for_all_there_is(found: Evaluated, tmp_path: Path) -> None:
    sections = ["How it compares", "Where it is right", "Who gets which expert", "How it learned"]
    page = write_report(tmp_path / "out", found)
    assert Tags(page.read_text()).headings == [*sections, "Comparisons and choices"]
    (found.run / "metrics.jsonl").unlink()
    bare = write_report(tmp_path / "out", replace(found, experts=None))
    assert Tags(bare.read_text()).headings == [*sections[:2], "Comparisons and choices"]


def test_the_table_says_how_far_each_row_stands_from_the_sum(found: Evaluated, tmp_path: Path) -> None:
    text = write_report(tmp_path / "out", found).read_text()
    rows = {row.name: row for row in found.table.rows}
    difference = rows["SASRec"].served.ndcg - rows["simple sum"].served.ndcg
    line = text.partition('<th scope="row">SASRec</th>')[2].partition("</tr>")[0]
    assert short(rows["SASRec"].served.recall, 4) in line
    assert ("+" if difference >= 0 else "") + short(difference, 4) in line
    assert len(re.findall(r"<tr[^>]*><th", text)) == 5


# The study's figures ------------------------------------------------------------------------------------------------


def interval(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean - 0.01, "high": mean + 0.01}


def entry(name: str, mean: float) -> dict[str, object]:
    return {"name": name, "intervals": {"recall": interval(mean), "ndcg": interval(mean)}}


def study_rows(data: str, data_hash: str) -> list[dict[str, object]]:
    changed = {"name": "Laser alone", "against": "no prefix", "ndcg": interval(0.02)}
    ablated = {"name": "Laser alone", "against": "Laser alone", "ndcg": interval(-0.03)}
    two = [entry("simple sum", 0.1), entry("Laser alone", 0.2)]
    return [
        {"key": f"headline/{data}/mean", "data_hash": data_hash},
        {"key": f"interventions/{data}/mean", "comparisons": [changed]},
        {"key": f"ablations/{data}/K 8", "name": "K 8", "label": "small", "comparisons": [ablated]},
        {
            "key": f"cold-start/{data}",
            "cold_users": 3,
            "warm_users": 27,
            "cold_items": 4,
            "rows": {"cold": two, "warm": two},
        },
        {"key": f"low-resource/{data}/1 %", "share": 1, "users": 3, "rows": two},
        {"key": f"low-resource/{data}/100 %", "share": 100, "users": 30, "rows": two},
        {"key": f"transfer/other to {data}", "rows": two},
    ]


def test_the_study_adds_its_sections_where_it_is_of_these_data(found: Evaluated, tmp_path: Path) -> None:
    dataset = found.dataset
    file = tmp_path / "accuracy.jsonl"
    rows = study_rows(dataset.info.name, dataset.data_hash)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"key": "cut o')
    text = write_report(tmp_path / "out", replace(found, study=file)).read_text()
    assert Tags(text).headings[4:] == [
        "What each input is worth",
        "Ablations",
        "Items nobody has taken yet",
        "With fewer users",
        "From another data set, without training",
        "Comparisons and choices",
    ]
    assert ">\N{MINUS SIGN}.0200</text>" in text, "without the prefix Laser alone loses"
    assert ">\N{MINUS SIGN}.0300</text>" in text, "and with K 8"
    assert "1 % (3)" in text
    assert read_study(file, dataset.info.name, "another hash") == {}
    assert read_study(tmp_path / "none", dataset.info.name, dataset.data_hash) == {}
