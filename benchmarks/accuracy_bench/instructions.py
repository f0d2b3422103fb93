"""What training with sentences changes: whether the embedding follows them, and what it costs without one.

One run with its sentence head (training/sentence_phase.py) and with the head silenced. Laser alone answers test users
who say something: values and templates that training never saw, no filter, no steering, so whatever obeys is the
embedding. A wanted value is one of the test item's, at least 20 items have it; an unwanted one is of the history and
not of the test item.

    wanted    share of the first ten that has the value, and NDCG@10 (the test item has it too)
    unwanted  share of the first ten that has the value, and NDCG@10 (the test item has not)
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy_bench.headline import rows_and_comparisons
from benchmarks.accuracy_bench.study import Job, Study, digest
from training.data import EvalRows, leave_one_out, load_dataset
from training.evaluation_rows import ALONE, Subject
from training.laser_scorers import LaserScorer, LaserUsers
from training.metrics import history_mask, ndcg_at, paired_bootstrap, target_ranks
from training.ranking import RankedUsers, rank_users
from training.sentence_phase import SentenceConfig
from training.sentences import Attributes, Claim, Sentences

Rows = NDArray[np.int64]

SETTINGS = {"sentences.epochs": str(SentenceConfig().epochs)}  # named, so the run is one that has a head
FEASIBLE = 20  # items with a wanted value, besides those of the history
CASES = 2_000  # users of each kind
CUTOFF = 10


class Case(NamedTuple):
    """One user of the test rows and what is said."""

    place: int
    claim: Claim
    wanted: bool
    sentence: str


class Answers(NamedTuple):
    """Of each case: share of the first ten with the value, and NDCG@10."""

    having: NDArray[np.float64]
    ndcg: NDArray[np.float64]


def jobs(study: Study, data: str) -> Iterator[Job]:
    """One row, on the first seed."""
    seed = study.seeds[0]
    recipe = digest([study.recipe(data, seed, SETTINGS), CASES])
    yield Job(f"instructions/{data}", recipe, partial(measured, study, data, seed))


def measured(study: Study, data: str, seed: int) -> Mapping[str, Any]:
    """With the sentence head and with it silenced: users who say nothing, paired, and users who do."""
    run = study.run(data, seed, SETTINGS, states_from=study.run(data, seed), states="*.state")
    dataset = load_dataset(study.folder(data))
    test = leave_one_out(dataset.histories).test
    heard = study.subject(dataset, run)
    subjects = {"without training": silenced(heard), "with training": heard}
    before, after = (_quiet_ranks(subject, test) for subject in subjects.values())
    found = rows_and_comparisons({ALONE: after}, {ALONE: before}, [(ALONE, ALONE)])
    attributes = Attributes.read(dataset.items)
    cases = make_cases(attributes, test, seed)
    obeying = {name: answers(subject, attributes, test, cases) for name, subject in subjects.items()}
    return {**found, "obeying": summary(cases, obeying)}


def silenced(subject: Subject) -> Subject:
    """The same run as it was before the phase of the sentences."""
    side = copy.deepcopy(subject.laser.user_side)
    side.sentence_head = None
    run = replace(subject.run, laser=replace(subject.laser, user_side=side))
    return Subject(run, LaserUsers(run.laser, subject.users.item_ids, subject.items))


def make_cases(attributes: Attributes, test: EvalRows, seed: int) -> list[Case]:
    """Up to CASES users of each kind, in a random order that follows from the seed."""
    rng, sentences = np.random.default_rng(seed), Sentences(attributes, testing=True)
    masks: dict[Claim, NDArray[np.bool_]] = {}
    found: dict[bool, list[Case]] = {True: [], False: []}
    for place in rng.permutation(len(test.targets)).tolist():
        history, target = test.histories[place], int(test.targets[place])
        own = _claims(attributes, sentences, [target])
        for wanted, claims in ((True, own), (False, _claims(attributes, sentences, history.tolist()) - own)):
            if len(found[wanted]) == CASES:
                continue
            for claim in rng.permutation(sorted(claims)).tolist():
                said = Claim(*claim)
                having = masks.setdefault(said, attributes.having(said))
                if not wanted or having.sum() - having[np.unique(history)].sum() >= FEASIBLE:
                    sentence = (sentences.include if wanted else sentences.exclude)(said, rng)
                    found[wanted].append(Case(place, said, wanted, sentence))
                    break
    return [*found[True], *found[False]]


def answers(
    subject: Subject, attributes: Attributes, test: EvalRows, cases: Sequence[Case]
) -> dict[str, Answers]:
    """What Laser alone answers the cases, without and with their sentence."""
    masks = {claim: attributes.having(claim) for claim in {case.claim for case in cases}}
    return {
        "nothing said": _answer(subject, test, cases, masks, spoken=False),
        "said": _answer(subject, test, cases, masks, spoken=True),
    }


def summary(cases: Sequence[Case], obeying: Mapping[str, Mapping[str, Answers]]) -> list[dict[str, Any]]:
    """Means by run and kind, and what saying it changed, paired by user. A kind without cases has no line."""
    kinds = np.array([case.wanted for case in cases], dtype=np.bool_)
    lines = []
    for run, ways in obeying.items():
        for wanted in (True, False):
            chosen = kinds == wanted
            if not chosen.any():
                continue
            quiet, said = (Answers(*(each[chosen] for each in ways[way])) for way in ("nothing said", "said"))
            lines.append(
                {
                    "run": run,
                    "value": "wanted" if wanted else "unwanted",
                    "cases": int(chosen.sum()),
                    "having_without_saying": float(quiet.having.mean()),
                    "having": float(said.having.mean()),
                    "ndcg_without_saying": float(quiet.ndcg.mean()),
                    "ndcg": float(said.ndcg.mean()),
                    "having_change": paired_bootstrap(said.having, quiet.having)._asdict(),
                    "ndcg_change": paired_bootstrap(said.ndcg, quiet.ndcg)._asdict(),
                }
            )
    return lines


def _quiet_ranks(subject: Subject, test: EvalRows) -> RankedUsers:
    scorer = LaserScorer(ALONE, subject.users, subject.laser.backbone.width)
    return rank_users(scorer, test, len(subject.users.item_ids))


def _claims(attributes: Attributes, sentences: Sentences, items: Sequence[int]) -> set[Claim]:
    """What can be said of any of the items with values kept for testing."""
    return {
        claim
        for item in items
        for name, values in attributes.values[item].items()
        for claim in (Claim(name, value) for value in values)
        if claim in attributes.spoken and sentences.speaks_of(claim)
    }


def _answer(
    subject: Subject,
    test: EvalRows,
    cases: Sequence[Case],
    masks: Mapping[Claim, NDArray[np.bool_]],
    spoken: bool,
    batch: int = 500,
) -> Answers:
    laser, width = subject.laser, subject.laser.backbone.width
    items = subject.items.vectors[:, :width]  # [I, D]
    having, ndcg = np.zeros(len(cases)), np.zeros(len(cases))
    for start in range(0, len(cases), batch):
        part = cases[start : start + batch]
        rows = [test.histories[case.place] for case in part]
        histories = [
            subject.users.history(row)._replace(
                constraint=laser.tokenize_constraint(case.sentence) if spoken else ()
            )
            for row, case in zip(rows, part, strict=True)
        ]
        scores = laser.encode_users(histories)[:, :width] @ items.T  # [B, I]
        seen = history_mask(rows, len(items))
        targets = test.targets[[case.place for case in part]]
        ndcg[start : start + batch] = ndcg_at(target_ranks(scores, targets, seen), CUTOFF)
        best = np.argsort(-np.where(seen, -np.inf, scores), axis=1, kind="stable")[:, :CUTOFF]
        having[start : start + batch] = [
            masks[case.claim][top].mean() for case, top in zip(part, best, strict=True)
        ]
    return Answers(having, ndcg)
