"""What a look at a data folder found, and what to do about it in plain words.

The figures are measured by `training.check_data`; the warnings follow from the figures alone.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from training.artefacts import StepOrder
from training.folder import DatasetInfo

FEW = 0.5  # an attribute that fewer than this share of the items have
FEW_TIES = 0.01  # share of interactions
STEP_SHARE = 0.05  # distance from .5 at which the order of ids among a user's steps matters
CORRELATION_BY_FILE = 0.5
CORRELATION_BY_TIME = 0.95  # catalogues grow, so some correlation of ids and time is natural
SIGNIFICANT = 3  # standard errors
EARLIEST_SECONDS, LATEST_SECONDS = 1e8, 1e11  # 1973; the year 5138, or 1973 in milliseconds


@dataclass(frozen=True)
class Lengths:
    """Interactions per user."""

    minimum: int
    quarter: float
    median: float
    three_quarters: float
    nine_tenths: float
    maximum: int
    mean: float


@dataclass(frozen=True)
class Attribute:
    """`coverage` is the share of items that have a value; `types` are those of the values."""

    name: str
    coverage: float
    types: tuple[str, ...]
    numbers_as_text: bool


@dataclass(frozen=True)
class UnknownItems:
    """Item ids of the interactions that the catalogue does not have. Loading stops at the first of them."""

    items: int
    interactions: int
    first_line: int
    first_id: str


@dataclass(frozen=True)
class OrderLeak:
    """Rank correlation of the order in which items are first seen with their row and with the order of ids.

    By file: first seen in `interactions.csv` from the top. By time: at the earliest timestamp
    (epoch_seconds only).
    """

    row_by_file: float | None
    id_by_file: float | None
    row_by_time: float | None
    id_by_time: float | None


@dataclass(frozen=True)
class Report:
    """What a folder holds.

    Times are checked where they are times: fields that are None do not apply to positions.
    """

    info: DatasetInfo
    users: int
    items: int
    interactions: int
    evaluated_users: int
    lengths: Lengths
    attributes: tuple[Attribute, ...]
    items_without_title: int
    items_without_text: int
    items_without_interactions: int
    unknown: UnknownItems | None
    duplicate_interactions: int  # same user, item and timestamp
    repeated_interactions: int  # same user and item at another time
    test_items_seen: int  # evaluated users whose last item is in their history
    tied_times: int  # interactions with the user and timestamp of an earlier one
    out_of_order: int | None
    median_time: float | None  # seconds since 1970
    steps: StepOrder
    same_day_steps: StepOrder | None
    order_leak: OrderLeak
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready dicts and lists."""
        return asdict(self)


def warnings_for(report: Report) -> tuple[str, ...]:
    """What may mislead, worst first, each with what to do."""
    return (
        *_catalogue_warnings(report),
        *_leak_warnings(report.order_leak, report.items),
        *_time_warnings(report),
        *_step_warnings(report),
        *_history_warnings(report),
        *_attribute_warnings(report),
    )


def _catalogue_warnings(report: Report) -> Iterator[str]:
    if unknown := report.unknown:
        yield (
            f"{unknown.interactions:,} interactions are with {unknown.items:,} items that items.jsonl "
            f"does not have (first: line {unknown.first_line}, {unknown.first_id!r}). Loading stops "
            "there: add the items or remove the interactions."
        )
    names = {attribute.name for attribute in report.attributes}
    for field in report.info.text:
        if field not in names:
            yield (
                f"dataset.json names {field!r} as item text, but no item has it. Loading stops there: "
                "correct 'text'."
            )
    if report.items_without_title:
        yield (
            f"{report.items_without_title:,} items have no title. They are shown by their id: add "
            "titles, or remove the items."
        )
    if report.items_without_text:
        yield (
            f"{report.items_without_text:,} items have no text in any of {', '.join(report.info.text)}: "
            "the model cannot tell them apart by text."
        )


def _leak_warnings(leak: OrderLeak, items: int) -> Iterator[str]:
    noise = SIGNIFICANT / math.sqrt(max(items - 1, 1))
    for name, by_file, by_time in (
        ("The order of items.jsonl", leak.row_by_file, leak.row_by_time),
        ("The order of the item ids", leak.id_by_file, leak.id_by_time),
    ):
        in_file = abs(by_file or 0) > max(CORRELATION_BY_FILE, noise)
        if in_file or abs(by_time or 0) > max(CORRELATION_BY_TIME, noise):
            value = by_file if in_file else by_time
            yield (
                f"{name} follows the order in which items are first seen (rank correlation {value:.2f}), so "
                "it carries popularity or time, test items included. Use the ids of the source, or shuffle, "
                "and derive no feature from it."
            )


def _time_warnings(report: Report) -> Iterator[str]:
    median = report.median_time
    if median is not None and not EARLIEST_SECONDS <= median < LATEST_SECONDS:
        late = median >= LATEST_SECONDS
        guess = "milliseconds: divide by 1,000" if late else "positions: say so in dataset.json"
        yield (
            f"The timestamps do not look like seconds since 1970 (median {median:,.0f}). Perhaps they "
            f"are {guess}."
        )
    if report.out_of_order:
        yield (
            f"{report.out_of_order:,} interactions are older than the one before them of the same user. "
            "Loading sorts by time; check that the timestamps are right."
        )
    if report.tied_times > FEW_TIES * report.interactions:
        yield (
            f"{report.tied_times / report.interactions:.1%} of interactions have the timestamp of an "
            "earlier one of the same user. They are taken in the order of the file: make sure that it "
            "is not sorted by item."
        )


def _step_warnings(report: Report) -> Iterator[str]:
    steps, which = report.steps, "steps"
    if report.same_day_steps is not None:
        steps, which = report.same_day_steps, "same-day steps"
    if steps.larger is None or abs(steps.larger - 0.5) <= max(STEP_SHARE, SIGNIFICANT * steps.standard_error):
        return
    yield (
        f"The next item has the larger id in {steps.larger:.0%} of the {steps.steps:,} {which} (50 % by "
        "chance): the order within a day is probably that of the ids. That flatters models of id "
        "sequences; quote a first-order Markov baseline beside their results."
    )


def _history_warnings(report: Report) -> Iterator[str]:
    if report.evaluated_users < report.users:
        yield (
            f"{report.users - report.evaluated_users:,} of {report.users:,} users have fewer than 3 "
            "interactions: they train, but are not evaluated."
        )
    if report.duplicate_interactions:
        yield (
            f"{report.duplicate_interactions:,} interactions repeat another exactly (user, item, "
            "timestamp). Remove them, unless each was an event of its own."
        )
    if report.test_items_seen:
        yield (
            f"For {report.test_items_seen / report.evaluated_users:.1%} of the evaluated users the test "
            "item is already in the history. As served, with the seen excluded, each of these counts as "
            "a miss."
        )


def _attribute_warnings(report: Report) -> Iterator[str]:
    for attribute in report.attributes:
        if len(attribute.types) > 1:
            types = " and ".join(attribute.types)
            yield f"Attribute {attribute.name!r} mixes {types}: use one type throughout."
        if attribute.numbers_as_text:
            yield (
                f"Attribute {attribute.name!r} writes numbers as text: write them as numbers, so that "
                "filters can compare them."
            )
        if attribute.coverage < FEW:
            yield (
                f"Only {attribute.coverage:.0%} of items have the attribute {attribute.name!r}: a filter "
                "on it leaves out the rest."
            )
