"""The headline table: train and evaluate once a seed, then average every user over the seeds."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.accuracy_bench.study import Job, Study, digest
from training.data import load_dataset
from training.evaluate import make_table
from training.evaluation_rows import ALONE, FAITHFUL, SUM
from training.ranking import RankedUsers
from training.report_table import compare, make_row

MEAN = "headline/{data}/mean"


def jobs(study: Study, data: str) -> Iterator[Job]:
    """One row a seed, then the table over all seeds with its paired intervals."""
    recipes = [study.recipe(data, seed) for seed in study.seeds]
    for seed, recipe in zip(study.seeds, recipes, strict=True):
        yield Job(f"headline/{data}/seed {seed}", recipe, partial(one_seed, study, data, seed))
    yield Job(MEAN.format(data=data), digest(recipes), partial(all_seeds, study, data))


def one_seed(study: Study, data: str, seed: int) -> Mapping[str, Any]:
    """Train, evaluate, and keep the means; the ranks stay in the run's folder."""
    ranks = study.ranks(data, seed)
    rows = [make_row(name, [ranked]).to_dict() for name, ranked in ranks.ranks.items()]
    return {"seed": seed, "rows": rows, "sum_weights": ranks.sum_weights}


def all_seeds(study: Study, data: str) -> Mapping[str, Any]:
    """The table of all seeds."""
    ranks = [study.ranks(data, seed) for seed in study.seeds]
    return make_table(load_dataset(study.folder(data)), ranks).to_dict()


def faithful_jobs(study: Study, data: str) -> Iterator[Job]:
    """The published form on the same backbone, data and first seed, beside Laser alone and the simple sum."""
    seed = study.seeds[0]
    recipe = digest([study.recipe(data, seed, base="faithful"), study.recipe(data, seed)])
    yield Job(f"faithful/{data}/seed {seed}", recipe, partial(faithful, study, data, seed))


def faithful(study: Study, data: str, seed: int) -> Mapping[str, Any]:
    """The embedding of the preset `faithful`; it has no other score."""
    base = study.ranks(data, seed).ranks
    run = study.run(data, seed, base="faithful")
    ranked = {FAITHFUL: study.laser_ranks(data, run).ranks[ALONE]}
    return rows_and_comparisons(ranked, base, [(FAITHFUL, ALONE), (FAITHFUL, SUM)])


def rows_and_comparisons(
    ranked: Mapping[str, RankedUsers], base: Mapping[str, RankedUsers], pairs: list[tuple[str, str]]
) -> dict[str, Any]:
    """The means of `ranked`, and its paired differences to rows of `base`, for one seed."""
    return {
        "rows": [make_row(name, [ranks]).to_dict() for name, ranks in ranked.items()],
        "comparisons": [
            compare(name, [ranked[name]], against, [base[against]], 0).to_dict() for name, against in pairs
        ],
    }
