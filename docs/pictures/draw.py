"""A grid of boxes and arrows as an SVG that needs nothing but itself, light or dark as the reader's system is.

Boxes stand in columns and rows. An arrow between neighbours is straight; any other leaves and enters at the top or the
bottom and turns halfway between two rows, so that it crosses no box.

Lengths are in pixels of a picture that scales with its page.
"""

from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 184, 58  # of a box
ACROSS, DOWN = 44, 46  # between boxes
MARGIN, HEAD = 24, 7  # around the picture; of an arrow
STYLE = """
  .card { fill: #ffffff } .box { fill: #eef3fb; stroke: #5b7db1 } .store { fill: #fdf3e1; stroke: #b98a3b }
  .title { fill: #17202c; font: 600 14px system-ui, sans-serif }
  .about { fill: #46525f; font: 11.5px system-ui, sans-serif }
  .line { stroke: #66717d; fill: none; stroke-width: 1.5 } .head { fill: #66717d }
  @media (prefers-color-scheme: dark) {
    .card { fill: #16191d } .box { fill: #1d2a3d; stroke: #6d93c9 } .store { fill: #35291a; stroke: #cf9f51 }
    .title { fill: #edf1f5 } .about { fill: #b4bec9 } .line { stroke: #98a4b0 } .head { fill: #98a4b0 }
  }
"""


@dataclass(frozen=True)
class Box:
    """One step, or, as a `store`, something that lies still: data, a request, a bundle."""

    key: str
    column: int
    row: int
    title: str
    about: str
    kind: Literal["box", "store"] = "box"

    @property
    def left(self) -> int:
        """Of its left edge."""
        return MARGIN + self.column * (WIDTH + ACROSS)

    @property
    def top(self) -> int:
        """Of its upper edge."""
        return MARGIN + self.row * (HEIGHT + DOWN)


@dataclass(frozen=True)
class Arrow:
    """From one box to another."""

    start: str
    end: str
    label: str = ""


@dataclass(frozen=True)
class Flow:
    """A picture; `title` is what a screen reader says of it."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def svg(self) -> str:
        """The picture. Raises KeyError for an arrow to a box there is none of."""
        boxes = {box.key: box for box in self.boxes}
        width = max(box.left for box in self.boxes) + WIDTH + MARGIN
        height = max(box.top for box in self.boxes) + HEIGHT + MARGIN
        parts = [_arrow(boxes[arrow.start], boxes[arrow.end], arrow.label) for arrow in self.arrows]
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
                f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>",
                f'<rect class="card" width="{width}" height="{height}" rx="10"/>',
                *parts,
                *map(_box, self.boxes),
                "</svg>\n",
            ]
        )


def _box(box: Box) -> str:
    middle = box.left + WIDTH // 2
    return (
        f'<rect class="{box.kind}" x="{box.left}" y="{box.top}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>\n'
        f'<text class="title" x="{middle}" y="{box.top + 25}" text-anchor="middle">{escape(box.title)}</text>\n'
        f'<text class="about" x="{middle}" y="{box.top + 43}" text-anchor="middle">{escape(box.about)}</text>'
    )


def _arrow(start: Box, end: Box, label: str) -> str:
    points = _points(start, end)
    (x, y), (before_x, before_y) = points[-1], points[-2]
    across, down = (
        (x > before_x) - (x < before_x),
        (y > before_y) - (y < before_y),
    )  # its direction: -1, 0 or 1
    wing = HEAD * 2 // 3
    base_x, base_y = x - across * HEAD, y - down * HEAD
    head = f"{x},{y} {base_x - down * wing},{base_y - across * wing} {base_x + down * wing},{base_y + across * wing}"
    line = " ".join(f"{a},{b}" for a, b in [*points[:-1], (base_x, base_y)])
    drawn = f'<polyline class="line" points="{line}"/>\n<polygon class="head" points="{head}"/>'
    if label:
        middle_x, middle_y = (points[0][0] + x) // 2, (points[0][1] + y) // 2
        beside = 'text-anchor="start" dx="6" dy="4"' if down else 'text-anchor="middle" dy="-6"'
        drawn += f'\n<text class="about" x="{middle_x}" y="{middle_y}" {beside}>{escape(label)}</text>'
    return drawn


def _points(start: Box, end: Box) -> list[tuple[int, int]]:
    """Where the arrow begins, turns and ends."""
    if start.row == end.row and abs(start.column - end.column) == 1:
        y = start.top + HEIGHT // 2
        return (
            [(start.left + WIDTH, y), (end.left, y)]
            if end.column > start.column
            else [(start.left, y), (end.left + WIDTH, y)]
        )
    start_x, end_x = start.left + WIDTH // 2, end.left + WIDTH // 2
    leaves = start.top if end.row < start.row else start.top + HEIGHT
    enters = end.top + HEIGHT if end.row < start.row else end.top
    if start.row == end.row:  # around what stands between: below both
        enters = leaves
        turn = leaves + DOWN // 2
    else:
        turn = leaves + (DOWN // 2 if end.row > start.row else -DOWN // 2)
    if start_x == end_x:
        return [(start_x, leaves), (end_x, enters)]
    return [(start_x, leaves), (start_x, turn), (end_x, turn), (end_x, enters)]
