"""One series on logarithmic axes as an SVG file of its own, readable on light and on dark pages."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from training.report.axes import Scale
from training.report.markup import Html, el

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 64.0, 444.0, 40.0, 244.0
INK, FAINT, OURS = "#6b7280", "#9ca3af55", "#c2410c"  # each with enough contrast on white and on black


class Point(NamedTuple):
    """A size and the milliseconds it took, both above 0."""

    size: float
    ms: float


def growth_plot(title: str, across: str, points: Sequence[Point]) -> str:
    """The points joined, with a dashed line from the first as steep as linear growth."""
    sizes, times = ([math.log10(value) for value in column] for column in zip(*points, strict=True))
    x = Scale(*_decades(sizes), LEFT, RIGHT)
    y = Scale(*_decades(times), BOTTOM, TOP)
    drawn = [_text(LEFT, 20, title, "start", bold=True)]
    for decade in range(round(x.low), round(x.high) + 1):
        drawn += [_line(x(decade), TOP, x(decade), BOTTOM), _text(x(decade), BOTTOM + 18, f"{10**decade:,}")]
    for decade in range(round(y.low), round(y.high) + 1):
        drawn += [
            _line(LEFT, y(decade), RIGHT, y(decade)),
            _text(LEFT - 8, y(decade) + 4, f"{10.0**decade:g} ms", "end"),
        ]
    drawn.append(_text((LEFT + RIGHT) / 2, HEIGHT - 14, across))
    rise = min(x.high - sizes[0], y.high - times[0])
    linear = {"stroke": INK, "stroke-dasharray": "4 4"}
    ends = {"x2": x(sizes[0] + rise), "y2": y(times[0] + rise)}
    drawn.append(
        el("line", {"x1": x(sizes[0]), "y1": y(times[0]), **ends, **linear}, el("title", {}, "linear"))
    )
    places = [(x(size), y(time)) for size, time in zip(sizes, times, strict=True)]
    joined = " ".join(f"{left:.1f},{top:.1f}" for left, top in places)
    drawn.append(el("polyline", {"points": joined, "fill": "none", "stroke": OURS, "stroke-width": 2}))
    for (left, top), point in zip(places, points, strict=True):
        said = el("title", {}, f"{point.size:,.0f}: {point.ms:.3g} ms")
        drawn.append(el("circle", {"cx": left, "cy": top, "r": 3.5, "fill": OURS}, said))
    page = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img"}
    return (
        el("svg", {**page, "font-family": "sans-serif", "font-size": "12", "aria-label": title}, drawn) + "\n"
    )


def _decades(logs: Sequence[float]) -> tuple[float, float]:
    """The whole decades around all values, at least one."""
    low, high = math.floor(min(logs) + 1e-9), math.ceil(max(logs) - 1e-9)
    return low, max(high, low + 1)


def _line(x1: float, y1: float, x2: float, y2: float) -> Html:
    return el("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "stroke": FAINT})


def _text(x: float, y: float, content: str, anchor: str = "middle", bold: bool = False) -> Html:
    weight = "bold" if bold else None
    return el("text", {"x": x, "y": y, "fill": INK, "text-anchor": anchor, "font-weight": weight}, content)
