"""Progress in the terminal: bars for one task at a time, and counters where nobody knows the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["TaskBars", "counters"]


class TaskBars:
    """`with bars.task("ranking", 100) as advance: advance(1)`; shown while inside `with bars.shown():`.

    A bar is gone when its task is done.
    """

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


@contextmanager
def counters(console: Console) -> Iterator[Callable[[str, int], None]]:
    """`count(stage, done)` shows how far a stage has come; a line a stage, and it stays."""
    tasks: dict[str, TaskID] = {}
    with Progress(TextColumn("{task.completed:>12,} {task.description}"), console=console) as progress:

        def count(stage: str, done: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=None)
            progress.update(tasks[stage], completed=done)

        yield count
