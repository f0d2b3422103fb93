"""Draws cases for the users of a world until there are enough.

Half of them are satisfied (true of the user's target) and half are counterfactual (false of it), so that a
recommender cannot do well by ignoring the sentence, nor the sentence give the answer away: a condition leaves at
least 20 unseen items, names no title, and no bound is the target's own number.
"""

from collections.abc import Callable, Iterator
from random import Random

from benchmarks.control_bench import joint, single
from benchmarks.control_bench.cases import Case, Condition
from benchmarks.control_bench.single import Draft
from benchmarks.control_bench.truth import PERCENTILE, comparable, truth
from benchmarks.control_bench.world import LEAST_FEASIBLE, World
from index.columns import fold

TRIES = 300  # drafts for one case; a catalogue in which none is of use gives fewer cases

Maker = Callable[[World, Random, int], Draft | None]

MAKERS: dict[str, Maker] = {
    "C1": single.include,
    "C2": single.exclude,
    "C3": single.bounded,
    "C4": joint.together,
    "C5": single.reworded,
    "C7": joint.impossible,
    "C8": single.relative,
    "C9": joint.irrelevant,
}
FREE = ("C7", "C9")  # no item need satisfy them


def build_cases(world: World, per_type: int, seed: int, percentile: float = PERCENTILE) -> tuple[Case, ...]:
    """`per_type` cases of each type (pairs for C6, two cases each), or as many as the catalogue gives."""
    cases: list[Case] = []
    for type_, make in MAKERS.items():
        rng = Random(f"{seed} {type_}")
        for n in range(per_type):
            found = _draw(world, rng, make, None if type_ in FREE else n % 2 == 0, percentile)
            if found is not None:
                cases.append(_case(f"{world.name}-{type_.lower()}-{n:03d}", type_, *found))
    return (*cases, *_pairs(world, per_type, Random(f"{seed} C6"), percentile))


def usable(world: World, draft: Draft, user: int, satisfied: bool | None, percentile: float) -> bool:
    """Whether a draft is a case for this user; `satisfied` None leaves open what it says of the target."""
    if not comparable(world, draft.expected.relative, user):
        return False
    mask = truth(world, draft.expected, user, percentile)
    title = fold(world.catalogue.title(world.targets[user]))
    if title and title in fold(draft.sentence):
        return False
    if satisfied is None:
        return True
    if bool(mask[world.targets[user]]) != satisfied or _gives_away(world, draft.expected.filter, user):
        return False
    return int(world.unseen(mask, user).sum()) >= LEAST_FEASIBLE


def _draw(
    world: World, rng: Random, make: Maker, satisfied: bool | None, percentile: float
) -> tuple[Draft, int] | None:
    for user, row in _subjects(world, rng):
        draft = make(world, rng, row)
        if draft and usable(world, draft, user, satisfied, percentile):
            return draft, user
    return None


def _pairs(world: World, count: int, rng: Random, percentile: float) -> Iterator[Case]:
    """C6. What is satisfied alternates for the first of the two; the second has enough items to choose from."""
    for n in range(count):
        for user, row in _subjects(world, rng):
            pair = joint.minimal_pair(world, rng, row)
            if pair is None:
                continue
            one, other = pair
            named = one._replace(expected=other.expected) if one.expected.filter is None else one
            enough = int(world.unseen(truth(world, other.expected, user), user).sum()) >= LEAST_FEASIBLE
            if enough and usable(world, named, user, n % 2 == 0, percentile):
                name = f"{world.name}-c6-{n:03d}"
                for letter, draft in zip("ab", pair, strict=True):
                    yield _case(name + letter, "C6", draft._replace(pair=name), user)
                break


def _subjects(world: World, rng: Random) -> Iterator[tuple[int, int]]:
    """Users, each with an item to talk about: what comes next, something seen, or what another user takes."""
    for _ in range(TRIES):
        user = rng.randrange(len(world.targets))
        row = rng.choice((world.targets[user], rng.choice(world.histories[user]), rng.choice(world.targets)))
        yield user, row


def _gives_away(world: World, condition: Condition | None, user: int) -> bool:
    """Whether a bound is the target's own number."""
    numbers = {column: world.catalogue.numbers(column)[world.targets[user]] for column in world.numeric}
    leaves = [part for parts in (condition or {}).values() for part in parts if "key" in part]
    return any(
        numbers.get(leaf["key"]) == bound
        for leaf in leaves
        for name, bound in leaf.items()
        if name in ("lt", "lte", "gt", "gte")
    )


def _case(name: str, type_: str, draft: Draft, user: int) -> Case:
    return Case(name, type_, draft.sentence, draft.expected, user, draft.pair, draft.kind)
