"""Where values fall in a chart: linear scales, round ticks, and their grid lines and labels as SVG."""

import math
from typing import NamedTuple

from training.report.markup import Html, el

__all__ = ["Scale", "decimals", "drawing", "label", "line", "short", "ticks", "vertical_grid"]

MINUS = "\N{MINUS SIGN}"
NARROW = 480  # wider drawings keep a least width on small screens


class Scale(NamedTuple):
    """Maps [low, high] of the values onto [start, end] of the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` + 1 round values that span [low, high]: the first at most low, the last at least high."""
    if not high > low:
        low, high = low - 0.5 * max(abs(low), 1e-3), high + 0.5 * max(abs(high), 1e-3)
    rough = (high - low) / most
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(
        size * magnitude for size in (1, 2, 2.5, 5, 10, 20) if _count(low, high, size * magnitude) <= most
    )
    first = math.floor(low / step + 1e-9)
    return [round((first + place) * step, 12) for place in range(_count(low, high, step) + 1)]


def _count(low: float, high: float, step: float) -> int:
    return math.ceil(high / step - 1e-9) - math.floor(low / step + 1e-9)


def drawing(width: float, height: float, described: str, *children: Html | list[Html]) -> Html:
    """The svg element around a chart; `described` is what a screen reader says."""
    size = "wide" if width > NARROW else None
    attributes = {
        "viewBox": f"0 0 {width:g} {height:g}",
        "role": "img",
        "aria-label": described,
        "class": size,
    }
    return el("svg", attributes, *children)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Html:
    """A straight line of a CSS class."""
    return el("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": kind})


def label(x: float, y: float, content: str, kind: str = "label", anchor: str = "start") -> Html:
    """Text of a CSS class; `anchor` is start, middle or end."""
    return el("text", {"x": x, "y": y, "class": kind, "text-anchor": anchor}, content)


def vertical_grid(scale: Scale, values: list[float], top: float, bottom: float) -> list[Html]:
    """A line and a label below it for each tick of a horizontal scale."""
    drawn, digits = [], decimals(values)
    for value in values:
        drawn.append(line(scale(value), top, scale(value), bottom, "grid"))
        drawn.append(label(scale(value), bottom + 18, short(value, digits), "tick", "middle"))
    return drawn


def decimals(values: list[float]) -> int:
    """How many digits after the point write all the ticks exactly."""
    return next(digits for digits in range(13) if all(round(v, digits) == round(v, 12) for v in values))


def short(value: float, digits: int) -> str:
    """A number without its leading zero, as the tables print it, and with a real minus sign; a bare 0 is "0"."""
    written = f"{abs(value):.{digits}f}"
    if not float(written):
        return "0"
    written = written[1:] if written.startswith("0.") else written
    return MINUS + written if value < 0 else written
