"""Soft mode's trade-off as a picture: what obeying more costs, over the steering weight.

One point a weight: x is the share of the ten items that satisfy the sentence, y is NDCG@10 where the target does.
Both are means over all built cases of the types that were steered.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, MARGIN = 480, 320, 56

Row = Mapping[str, object]


class Point(NamedTuple):
    """One weight; `satisfied` and `ndcg` lie in 0..1."""

    weight: float
    satisfied: float
    ndcg: float


def points(rows: Sequence[Row]) -> list[Point]:
    """The points of one data set in the order of their weights, each type counting with its cases."""
    weights = sorted({float(str(row["weight"])) for row in rows if "weight" in row})
    return [
        Point(weight, _mean(rows, weight, "satisfied"), _mean(rows, weight, "ndcg")) for weight in weights
    ]


def svg(title: str, found: Sequence[Point]) -> str:
    """The curve as a page of its own kind. Raises ValueError without a point."""
    if not found:
        raise ValueError("there is no point to draw")
    top = max(point.ndcg for point in found) * 1.1 or 1.0
    placed = [
        (
            MARGIN + point.satisfied * (WIDTH - 2 * MARGIN),
            HEIGHT - MARGIN - point.ndcg / top * (HEIGHT - 2 * MARGIN),
            point,
        )
        for point in found
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in placed)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/><text x="{x + 6:.1f}" y="{y - 6:.1f}">{point.weight:g}</text>'
        for x, y, point in placed
    )
    base, right = HEIGHT - MARGIN, WIDTH - MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><text x="{MARGIN}" y="24" font-weight="bold">{escape(title)}</text>'
        f'<path d="M{MARGIN} {MARGIN}V{base}H{right}" fill="none" stroke="#888"/>'
        f'<text x="{MARGIN}" y="{base + 18}">0</text><text x="{right - 8}" y="{base + 18}">1</text>'
        f'<text x="{WIDTH // 2 - 60}" y="{base + 36}">satisfied share of ten</text>'
        f'<text x="8" y="{MARGIN - 8}">NDCG@10, up to {top:.3f}</text>'
        f'<polyline points="{line}" fill="none" stroke="#246"/>{marks}</svg>\n'
    )


def _mean(rows: Sequence[Row], weight: float, name: str) -> float:
    counted = [
        (float(str(row[name])), float(str(row["cases"])))
        for row in rows
        if row.get("weight") == weight and name in row
    ]
    total = sum(cases for _, cases in counted)
    return sum(value * cases for value, cases in counted) / total if total else 0.0
