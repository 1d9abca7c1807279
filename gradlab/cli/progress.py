"""How `gradlab run` shows that it moves on: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gradlab.cli.console import console as default_console
from gradlab.cli.words import duration, number, settings

if TYPE_CHECKING:
    from gradlab.study.listener import Ended, Listener
    from gradlab.study.plan import PlannedRun


@contextlib.contextmanager
def listener_on_terminal(runs: Sequence[PlannedRun], console: Console | None = None) -> Iterator[Listener]:
    """A listener for these runs that suits where the output goes."""
    console = console or default_console()
    if not console.is_terminal:
        yield Lines(runs, console)
        return
    bar = Bar(runs, console)
    with bar.progress:
        yield bar


def work(run: PlannedRun) -> int:
    """How much there is to do in a run, to compare runs with: time steps through the net."""
    return run.config.training.steps * run.config.task.length


class Lines:
    """One line a run, when it has ended."""

    def __init__(self, runs: Sequence[PlannedRun], console: Console) -> None:
        self._console = console
        self._count = len(runs)
        self._work = sum(map(work, runs))
        self._ended = 0
        self._done = 0
        self._started = time.perf_counter()

    def started(self, run: PlannedRun) -> None:
        """Nothing yet."""

    def stepped(self, run: PlannedRun, step: int, loss: float, grad_norm: float) -> None:
        """Nothing: a log is no place for steps."""

    def ended(self, ended: Ended) -> None:
        """The line."""
        self._ended += 1
        self._done += work(ended.run)
        self._console.print(f"run {self._ended}/{self._count}  {story(ended)}{self._remaining()}", soft_wrap=True)

    def _remaining(self) -> str:
        left = (self._work - self._done) * (time.perf_counter() - self._started) / self._done
        return f"; about {duration(left)} left" if self._ended < self._count else ""


class Bar:
    """A bar over all runs, with the run in hand, its loss and gradient norm, and the time that remains."""

    def __init__(self, runs: Sequence[PlannedRun], console: Console) -> None:
        self._count = len(runs)
        self._begun = 0
        self._done = 0
        self.progress = Progress(
            TextColumn("{task.fields[run]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._bar = self.progress.add_task("", total=sum(map(work, runs)), run="", state="")

    def started(self, run: PlannedRun) -> None:
        """Name the run."""
        self._begun += 1
        told = f"run {self._begun}/{self._count} {settings(run.varied)}"
        self.progress.update(self._bar, run=told, state="")

    def stepped(self, run: PlannedRun, step: int, loss: float, grad_norm: float) -> None:
        """Move the bar."""
        state = f"loss {number(loss)} ‖g‖ {number(grad_norm)}"
        self.progress.update(self._bar, completed=self._done + step * run.config.task.length, state=state)

    def ended(self, ended: Ended) -> None:
        """Leave a line about the run above the bar."""
        self._done += work(ended.run)
        self.progress.update(self._bar, completed=self._done)
        self.progress.console.print(f"run {self._begun}/{self._count}  {story(ended)}", highlight=False, markup=False)


def story(ended: Ended) -> str:
    """How a run ended, in one line."""
    parts = [f"{ended.status}, {ended.steps} steps in {duration(ended.seconds)}"]
    if ended.steps:
        parts.append(f"loss {number(ended.final_loss)}")
    if ended.final_score == ended.final_score:
        parts.append(f"{ended.run.config.task.score_name} {ended.final_score:.3f}")
    if ended.reason:
        parts.append(ended.reason)
    return f"{settings(ended.run.varied) or ended.run.id}  " + ", ".join(parts)
