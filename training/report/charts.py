"""The three charts of the report, as SVG whose colours are CSS classes, so that light and dark share one drawing.

`intervals`: one dot with its 95 % interval a row. `curves`: lines over ordered places, with bands. `shares`: bars
that are divided. Every mark carries a title that a pointer shows.
"""

from collections.abc import Sequence
from typing import NamedTuple

from training.report.axes import Scale, decimals, drawing, label, line, short, ticks, vertical_grid
from training.report.markup import Attributes, Html, el

__all__ = ["Curve", "Dot", "Shares", "curves", "intervals", "shares"]

WIDTH = 720
ROW = 27  # height of a row of dots
LETTER = 7.0  # width of a letter of a row's name, with some to spare


class Dot(NamedTuple):
    """A mean with its interval. `kind` is a CSS class: ours, clear (of zero) or plain."""

    name: str
    mean: float
    low: float
    high: float
    kind: str = "plain"


class Curve(NamedTuple):
    """A line over the places from `begins` on; `lows` and `highs` make a band. `series` chooses its colour."""

    name: str
    values: Sequence[float]
    series: int
    lows: Sequence[float] = ()
    highs: Sequence[float] = ()
    begins: int = 0


class Shares(NamedTuple):
    """One bar, divided; the parts sum to 1."""

    name: str
    parts: Sequence[float]


def intervals(
    dots: Sequence[Dot], described: str, reference: tuple[str, float] | None, signed: bool = False
) -> Html:
    """Dots with whiskers, a row each; `reference` is a named value that a dashed line marks.

    `signed` writes a plus before a value above 0: the values are differences.
    """
    left = min(24 + LETTER * max(len(dot.name) for dot in dots), 0.56 * WIDTH)  # room for the names
    values = [value for dot in dots for value in (dot.low, dot.high)]
    values += [reference[1]] if reference else []
    marks = ticks(min(values), max(values))
    scale = Scale(marks[0], marks[-1], left, WIDTH - 76)
    top, bottom = (30.0 if reference else 8.0), 0.0
    bottom = top + ROW * len(dots)
    drawn = vertical_grid(scale, marks, top, bottom)
    if reference:
        x = scale(reference[1])
        drawn += [line(x, top, x, bottom, "reference"), label(x, top - 10, reference[0], "tick", "middle")]
    for place, dot in enumerate(dots):
        y = top + ROW * (place + 0.5)
        plus = "+" if signed and dot.mean > 0 else ""
        said = f"{dot.name}: {dot.mean:.4f}, 95 % from {dot.low:.4f} to {dot.high:.4f}"
        marks_of_row = [
            el("title", {}, said),
            el("rect", {"x": 0, "y": y - ROW / 2, "width": WIDTH, "height": ROW, "class": "hit"}),
            label(left - 16, y + 4.5, dot.name, "label", "end"),
            line(scale(dot.low), y, scale(dot.high), y, "whisker"),
            el("circle", {"cx": scale(dot.mean), "cy": y, "r": 4.5, "class": "dot"}),
            label(WIDTH - 4, y + 4.5, plus + short(dot.mean, 4), "value", "end"),
        ]
        drawn.append(el("g", {"class": f"row {dot.kind}"}, *marks_of_row))
    return drawing(WIDTH, bottom + 28, described, drawn)


def curves(
    lines: Sequence[Curve],
    places: Sequence[str],
    described: str,
    below: str,
    width: float = WIDTH,
    height: float = 300,
    divider: float | None = None,
) -> Html:
    """Lines with bands. `places` name the ticks below ("" for none), `below` all of them.

    `divider` is where a vertical line stands, in places.
    """
    values = [v for curve in lines for v in (*curve.values, *curve.lows, *curve.highs)]
    marks = ticks(min(values), max(values), 5)
    left, right, top, bottom = 52.0, width - 14, 12.0, height - 46
    across = Scale(0, max(len(places) - 1, 1), left + 14, right - 14)
    up = Scale(marks[0], marks[-1], bottom, top)
    drawn: list[Html] = []
    for mark in marks:
        drawn += [
            line(left, up(mark), right, up(mark), "grid"),
            label(left - 8, up(mark) + 4, short(mark, decimals(marks)), "tick", "end"),
        ]
    drawn += [label(across(x), bottom + 18, name, "tick", "middle") for x, name in enumerate(places) if name]
    drawn.append(label((left + right) / 2, height - 6, below, "axis", "middle"))
    if divider is not None:
        drawn.append(line(across(divider), top, across(divider), bottom, "reference"))
    drawn += [_curve(curve, places, across, up) for curve in lines]
    return drawing(width, height, described, drawn)


def _curve(curve: Curve, places: Sequence[str], across: Scale, up: Scale) -> Html:
    def points(values: Sequence[float]) -> list[tuple[float, float]]:
        return [(across(place), up(value)) for place, value in enumerate(values, curve.begins)]

    drawn = []
    if curve.lows:
        around = [*points(curve.highs), *reversed(points(curve.lows))]
        drawn.append(el("path", {"d": _path(around) + "Z", "class": "band"}))
    drawn.append(el("path", {"d": _path(points(curve.values)), "class": "curve"}))
    for (x, y), value, place in zip(points(curve.values), curve.values, places[curve.begins :], strict=False):
        said = el("title", {}, f"{curve.name}, {place or 'between'}: {value:.4f}")
        drawn.append(el("circle", {"cx": x, "cy": y, "r": 3, "class": "dot"}, said))
    return el("g", {"class": f"series s{curve.series}"}, *drawn)


def shares(bars: Sequence[Shares], parts: Sequence[str], described: str) -> Html:
    """Horizontal bars, divided; a part's share is written in it where there is room."""
    height, gap, left = 34.0, 14.0, 150.0
    across = Scale(0, 1, left, WIDTH - 4)
    drawn: list[Html] = []
    for place, bar in enumerate(bars):
        y, start = place * (height + gap), 0.0
        drawn.append(label(left - 12, y + height / 2 + 4.5, bar.name, "label", "end"))
        for number, (part, share) in enumerate(zip(parts, bar.parts, strict=True)):
            x, wide = across(start), across(start + share) - across(start)
            box: Attributes = {"x": x, "y": y, "width": wide, "height": height, "class": "part"}
            inside = [el("title", {}, f"{bar.name}, {part}: {share:.1%}"), el("rect", box)]
            if wide > 44:
                inside.append(label(x + wide / 2, y + height / 2 + 4.5, f"{share:.0%}", "inside", "middle"))
            drawn.append(el("g", {"class": f"series s{number % 8 + 1}"}, *inside))
            start += share
    return drawing(WIDTH, len(bars) * (height + gap) - gap + 4, described, drawn)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
