"""How `gradlab run` shows that it moves on: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

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
    table = Table(runs, console)
    with table.progress:
        yield table


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
        told = f"run {self._ended}/{self._count}  {story(ended)}{self._remaining()}"
        self._console.print(told, soft_wrap=True, markup=False)

    def _remaining(self) -> str:
        left = (self._work - self._done) * (time.perf_counter() - self._started) / self._done
        return f"; about {duration(left)} left" if self._ended < self._count else ""


class Table:
    """A row for each run in hand, with its loss, step and remaining time, below a row for all of them."""

    def __init__(self, runs: Sequence[PlannedRun], console: Console) -> None:
        self._count = len(runs)
        self._ended = 0
        self._rows: dict[str, TaskID] = {}
        self._credited: dict[str, int] = {}
        self.progress = Progress(
            TextColumn("{task.fields[run]}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(),
            console=console,
        )
        self.whole = self.progress.add_task("", total=sum(map(work, runs)), run=f"0/{self._count} runs", state="")

    def started(self, run: PlannedRun) -> None:
        """Add its row."""
        if run.id not in self._rows:
            total = run.config.training.steps
            self._rows[run.id] = self.progress.add_task("", total=total, run=settings(run.varied) or run.id, state="")

    def stepped(self, run: PlannedRun, step: int, loss: float, grad_norm: float) -> None:
        """Move its row, and that of all."""
        self.started(run)  # one that was left undone elsewhere begins without a word
        steps = run.config.training.steps
        state = f"step {step:,}/{steps:,} loss {number(loss)} ‖g‖ {number(grad_norm)}"
        self.progress.update(self._rows[run.id], completed=step, state=state)
        self._credit(run, step * run.config.task.length)

    def ended(self, ended: Ended) -> None:
        """Take its row away, and leave a line about the run above the table."""
        self._ended += 1
        self._credit(ended.run, work(ended.run))
        if (row := self._rows.pop(ended.run.id, None)) is not None:
            self.progress.remove_task(row)
        self.progress.update(self.whole, run=f"{self._ended}/{self._count} runs")
        told = f"run {self._ended}/{self._count}  {story(ended)}"
        self.progress.console.print(told, highlight=False, markup=False)

    def _credit(self, run: PlannedRun, done: int) -> None:
        """Let a run count for so much of the whole; a run that is done again begins anew."""
        self.progress.advance(self.whole, done - self._credited.get(run.id, 0))
        self._credited[run.id] = done


def story(ended: Ended) -> str:
    """How a run ended, in one line."""
    parts = [f"{ended.status}, {ended.steps} steps in {duration(ended.seconds)}"]
    if ended.steps:
        parts.append(f"loss {number(ended.final_loss)}")
    if ended.final_score == ended.final_score:
        parts.append(f"{ended.run.config.task.score_name} {_score(ended.final_score)}")
    if ended.reason:
        parts.append(ended.reason)
    return f"{settings(ended.run.varied) or ended.run.id}  " + ", ".join(parts)


def _score(value: float) -> str:
    """Three places where that says something: a distance may be tiny or have grown beyond all bounds."""
    return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else number(value)
