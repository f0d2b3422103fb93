"""The ablations of the paper, and the sweeps of K and L: one seed, rows of 2,000 users fixed by it, equal step budgets.

Each variant differs from the default in the settings named here and in nothing else: the same users, as many steps,
the ID recommenders of the headline's run. All test users, over the whole catalogue. Small figures of a small study:
they tell the order of the parts, not what the headline would be without one.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.accuracy_bench.headline import rows_and_comparisons
from benchmarks.accuracy_bench.study import Job, Study, digest
from training.evaluation_rows import ALONE, BEST

USERS = 2_000
EPOCHS = (2, 1)  # of phases 1 and 2: a third one of these few users is one too many
REFERENCE = "the default"
LABEL = f"one seed, rows of {USERS:,} users, {sum(EPOCHS)} epochs of them"

ABLATIONS: dict[str, dict[str, str]] = {
    REFERENCE: {},
    "without MoE (K 1)": {"laser.m_former.experts": "1"},
    "without M-Former": {"laser.sources": ""},
    "without prefix": {"laser.sources": "", "laser.m_former.prefix_tokens": "0"},
    "without phase 1": {"training.phase1_epochs": "0", "training.phase2_epochs": str(sum(EPOCHS))},
    "without phase 2": {"training.phase1_epochs": str(sum(EPOCHS)), "training.phase2_epochs": "0"},
    "average pooling": {"laser.read_out": "mean"},
    "fixed end token": {"laser.suffix": "end"},
    "suffix alone, as published": {"laser.read_out": "suffix"},
    "states that know their target": {"id_recommenders.cross_fit": "false"},
    "K 2": {"laser.m_former.experts": "2"},
    "K 8": {"laser.m_former.experts": "8"},
    "L 2": {"laser.m_former.prefix_tokens": "2"},
    "L 4": {"laser.m_former.prefix_tokens": "4"},
    "L 16": {"laser.m_former.prefix_tokens": "16"},
    "L 32": {"laser.m_former.prefix_tokens": "32"},
    "SASRec's states alone": {"laser.sources": "sasrec"},
    "BERT4Rec's states alone": {"laser.sources": "bert4rec"},
    "GRU4Rec's states alone": {"laser.sources": "gru4rec"},
}


def budget() -> dict[str, str]:
    """The settings that give every variant as many steps."""
    first, second = EPOCHS
    return {
        "training.phase1_epochs": str(first),
        "training.phase2_epochs": str(second),
        "training.patience": str(first + second),
        "training.users": str(USERS),
        "training.validation_users": "1000",
        "sentences.epochs": "0",  # no row here has one
    }


def jobs(study: Study, data: str) -> Iterator[Job]:
    """One row a variant, the default first: the others are compared with it."""
    seed = study.seeds[0]
    reference = study.recipe(data, seed, budget())
    for variant, changes in ABLATIONS.items():
        recipe = digest([reference, study.recipe(data, seed, {**budget(), **changes})])
        yield Job(f"ablations/{data}/{variant}", recipe, partial(measured, study, data, seed, variant))


def measured(study: Study, data: str, seed: int, variant: str) -> Mapping[str, Any]:
    """Laser alone and as served, each against the same score of the default."""
    settings = {**budget(), **ABLATIONS[variant]}
    begun_earlier = study.place(data, seed, settings).exists()
    headline = study.run(data, seed)
    base = study.laser_ranks(data, study.run(data, seed, budget(), states_from=headline)).ranks
    ranks = study.laser_ranks(data, study.run(data, seed, settings, states_from=headline)).ranks
    shown = {row: ranks[row] for row in (ALONE, BEST) if row in ranks and row in base}
    found = rows_and_comparisons(shown, base, [(row, row) for row in shown])
    return {"label": LABEL, "name": variant, "resumed": begun_earlier, **found}
