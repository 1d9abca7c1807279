"""What `gradlab run` shows: a table on a terminal, a line a run elsewhere."""

import io
import math
from pathlib import Path

from rich.console import Console

from gradlab.cli.progress import Lines, Table, listener_on_terminal, story
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


def test_words_in_brackets_are_no_markup() -> None:
    [run, *_] = read_study(STUDY, ["grid.training.measure.cliff_at=[[3], [4]]", "seed=0", "model.cell=rnn"]).runs
    for terminal in (False, True):
        out = console(terminal)
        with listener_on_terminal([run], out) as listener:
            listener.stepped(run, 10, 0.25, 1.5)
            listener.ended(Ended(run, "failed", 20, 1.0, 0.125, 0.5, "expected [red]"))
        assert "cliff_at=[3]" in out.file.getvalue()
        assert "expected [red]" in out.file.getvalue()


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


def test_the_table_shows_each_run_in_hand_and_ends_full() -> None:
    runs, out = read_study(STUDY).runs, console(True)
    with listener_on_terminal(runs, out) as listener:
        assert isinstance(listener, Table)
        one, other, *rest = runs
        listener.started(one)
        listener.started(other)
        listener.stepped(other, 4, 0.5, 2.0)
        listener.stepped(one, 10, 0.25, 1.5)
        listener.progress.refresh()
        whole, first, second = listener.progress.tasks
        assert whole.completed == (4 + 10) * 12
        assert (first.completed, first.fields["state"]) == (10, "step 10/20 loss 0.25 ‖g‖ 1.5")
        assert (second.completed, second.fields["run"]) == (4, "cell=rnn seed=1")
        listener.stepped(other, 1, 0.5, 2.0)  # its worker was killed, and it begins anew
        assert whole.completed == (1 + 10) * 12
        listener.ended(Ended(one, "finished", 20, 1.0, 0.125, 0.5))
        listener.ended(Ended(other, "stopped", 3, 1.0, 0.125, 0.5))
        take_through(listener, rest)
        [task] = listener.progress.tasks
        assert task.completed == task.total == 4 * 20 * 12
        assert task.fields["run"] == "4/4 runs"
    shown = out.file.getvalue()
    assert "run 4/4  cell=lstm seed=1  finished" in shown
    assert "step 10/20 loss 0.25 ‖g‖ 1.5" in shown


def test_a_run_that_failed_says_why_and_one_without_steps_no_numbers() -> None:
    [run, *_] = read_study(STUDY).runs
    assert story(Ended(run, "failed", 0, 0.5, math.nan, math.nan, "it broke")).endswith(
        "failed, 0 steps in 0.5 s, it broke"
    )
