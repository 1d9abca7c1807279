"""What `gradlab run` shows: a bar on a terminal, a line a run elsewhere."""

import io
import math
from pathlib import Path

from rich.console import Console

from gradlab.cli.progress import Bar, Lines, listener_on_terminal, story
from gradlab.study.listener import Ended
from gradlab.study.plan import read_study

STUDY = Path(__file__).parent / "study.yaml"


def console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, highlight=False, color_system=None)


def take_through(listener, runs) -> None:
    for run in runs:
        listener.started(run)
        listener.stepped(run, 10, 0.25, 1.5)
        listener.ended(Ended(run, "finished", 20, 1.0, 0.125, 0.5))


def test_lines_tell_each_run_and_what_is_left() -> None:
    runs, out = read_study(STUDY).runs, console(False)
    with listener_on_terminal(runs, out) as listener:
        assert isinstance(listener, Lines)
        take_through(listener, runs)
    lines = out.file.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("run 1/4  cell=rnn seed=0  finished, 20 steps in 1.0 s, loss 0.125, share")
    assert "left" in lines[0]
    assert "left" not in lines[3]


def test_the_bar_shows_run_loss_and_gradient_norm_and_ends_full() -> None:
    runs, out = read_study(STUDY).runs, console(True)
    with listener_on_terminal(runs, out) as listener:
        assert isinstance(listener, Bar)
        take_through(listener, runs)
        [task] = listener.progress.tasks
        assert task.completed == task.total == 4 * 20 * 12
    shown = out.file.getvalue()
    assert "run 4/4 cell=lstm seed=1" in shown
    assert "loss 0.25 ‖g‖ 1.5" in shown


def test_a_run_that_failed_says_why_and_one_without_steps_no_numbers() -> None:
    [run, *_] = read_study(STUDY).runs
    assert story(Ended(run, "failed", 0, 0.5, math.nan, math.nan, "it broke")).endswith(
        "failed, 0 steps in 0.5 s, it broke"
    )
