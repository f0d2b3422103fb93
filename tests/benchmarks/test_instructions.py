"""Whether an embedding follows sentences: which cases are made, and how answers become figures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.accuracy_bench import instructions
from benchmarks.accuracy_bench.instructions import Answers, Case, make_cases, silenced, summary
from model.bi_tuning import BiTuning
from tests.tiny import tiny_laser
from training.data import EvalRows
from training.evaluation_rows import Subject
from training.finished_run import FinishedRun
from training.laser_scorers import LaserUsers
from training.sentences import TESTING, Attributes, Claim, Sentences

VALUES = [f"value {n}" for n in range(8)]
ITEMS = [{"item_id": f"{n}", "maker": VALUES[n % 8]} for n in range(8 * 25)]
KEPT = {
    value
    for value in VALUES
    if Sentences(Attributes.read(ITEMS), testing=True).speaks_of(Claim("maker", value))
}


def rows(*histories: tuple[int, ...], targets: tuple[int, ...]) -> EvalRows:
    return EvalRows(
        np.arange(len(targets)), tuple(np.array(history) for history in histories), np.array(targets)
    )


def test_a_case_says_what_the_target_has_or_what_the_history_has_and_the_target_has_not() -> None:
    assert 0 < len(KEPT) < 8
    kept, trained = VALUES.index(min(KEPT)), VALUES.index(min(set(VALUES) - KEPT))
    test = rows((trained,), (kept,), (kept, trained), targets=(kept + 8, trained, kept + 8))
    cases = make_cases(Attributes.read(ITEMS), test, seed=0)
    assert {(case.place, case.claim.value, case.wanted) for case in cases} == {
        (0, VALUES[kept], True),
        (1, VALUES[kept], False),
        (2, VALUES[kept], True),  # the history has it and the target too: it is not unwanted
    }
    wanted = {template.format(value=VALUES[kept]) for template in TESTING.include}
    unwanted = {template.format(value=VALUES[kept]) for template in TESTING.exclude}
    assert all(case.sentence in (wanted if case.wanted else unwanted) for case in cases)


def test_a_wanted_value_leaves_twenty_items_besides_the_history() -> None:
    kept = VALUES.index(min(KEPT))
    having = range(kept, len(ITEMS), 8)  # 25 items
    test = rows(tuple(having[1:6]), tuple(having[1:7]), targets=(kept, kept))
    cases = make_cases(Attributes.read(ITEMS), test, seed=0)
    assert [case.place for case in cases if case.wanted] == [0]


def test_cases_of_a_kind_are_bounded_and_follow_from_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions, "CASES", 5)
    kept = VALUES.index(min(KEPT))
    test = rows(*[(0,)] * 30, targets=(kept,) * 30)
    attributes = Attributes.read(ITEMS)
    first, again = make_cases(attributes, test, 1), make_cases(attributes, test, 1)
    assert sum(case.wanted for case in first) == 5
    assert first == again
    assert {case.place for case in first} != {case.place for case in make_cases(attributes, test, 2)}


def test_figures_are_means_by_run_and_kind() -> None:
    cases = [Case(0, Claim("maker", "a"), True, ""), Case(1, Claim("maker", "a"), True, "")]
    quiet = Answers(np.array([0.2, 0.4]), np.array([0.0, 1.0]))
    said = Answers(np.array([0.8, 1.0]), np.array([0.5, 1.0]))
    (line,) = summary(cases, {"trained": {"nothing said": quiet, "said": said}})
    assert (line["run"], line["value"], line["cases"]) == ("trained", "wanted", 2)
    assert line["having_without_saying"] == pytest.approx(0.3)
    assert line["having"] == pytest.approx(0.9)
    assert line["ndcg_without_saying"] == pytest.approx(0.5)
    assert line["ndcg"] == pytest.approx(0.75)
    assert line["having_change"]["mean"] == pytest.approx(0.6)
    assert line["ndcg_change"]["mean"] == pytest.approx(0.25)


def test_a_silenced_run_is_the_one_before_its_head_was_trained() -> None:
    ids = ("a", "b", "c")
    laser = tiny_laser(ids)
    config = replace(laser.config, sentence_head=True)
    widths = [laser.collaborative.state_widths[name] for name in config.sources]
    side = BiTuning(config, widths, laser.backbone.width)
    side.load_state_dict(laser.user_side.state_dict(), strict=False)
    assert side.sentence_head is not None
    torch.nn.init.constant_(side.sentence_head.gain.bias, -3.0)
    heard = replace(laser, config=config, user_side=side)
    items = laser.encode_items([{"item_id": name, "title": f"item {name}"} for name in ids])
    subject = Subject(FinishedRun(Path(), heard, {}), LaserUsers(heard, ids, items))
    said = subject.users.history(np.array([1]))._replace(constraint=laser.tokenize_constraint("no c"))
    before = laser.encode_users([said])
    assert not np.allclose(subject.laser.encode_users([said]), before)
    np.testing.assert_array_equal(silenced(subject).laser.encode_users([said]), before)
