"""Progress bars for one task at a time, each gone when its task is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["TaskBars"]


class TaskBars:
    """`with bars.task("ranking", 100) as advance: advance(1)`; shown while inside `with bars.shown():`."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draw the bars of the tasks inside."""
        with self._progress:
            yield

    @contextmanager
    def task(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar of that name; gives what advances it."""
        task = self._progress.add_task(name, total=total)
        yield lambda done: self._progress.advance(task, done)
        self._progress.remove_task(task)
