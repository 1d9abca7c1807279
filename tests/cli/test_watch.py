"""`gradlab watch`: plain lines outside a terminal, a table inside one, and an end when the run ends."""

import io
import threading
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from gradlab.cli.main import app
from gradlab.cli.watch import live
from gradlab.store import Store
from tests.cli.looking import ILL, WELL, finished, opened


def test_once_prints_a_line_and_the_diagnosis(tmp_path: Path) -> None:
    finished(tmp_path)
    done = CliRunner().invoke(app, ["watch", "aaaa", "--once"])
    assert done.exit_code == 0, done.output
    first, _, rest = done.output.partition("\n")
    assert first == (
        f"{ILL} finished, step 60 of 60: loss 1, gradient norm 1, horizon 9 steps, needed 19, "
        "clipping at 20% of the last steps, problems: vanishing"
    )
    assert rest.startswith(f"Run {ILL}: 1 problem found.")


def test_once_does_not_wait_for_a_run_that_goes_on(tmp_path: Path) -> None:
    writer = opened(tmp_path, WELL, ill=False)
    done = CliRunner().invoke(app, ["watch", WELL, "--once"])
    writer.close("stopped")
    assert done.output.startswith(f"{WELL} running, step 60 of 60: loss 0.6") and "problems: none" in done.output


@pytest.mark.timeout(60)
def test_lines_end_when_the_run_ends(tmp_path: Path) -> None:
    writer = opened(tmp_path, ILL, ill=True)
    timer = threading.Timer(1.0, writer.close, ["finished"])
    timer.start()
    done = CliRunner().invoke(app, ["watch", ILL, "--every", "0.2"])
    timer.join()
    assert done.exit_code == 0, done.output
    lines = [line for line in done.output.splitlines() if line.startswith(ILL)]
    assert [line.split()[1] for line in lines] == ["running,", "finished,"]


@pytest.mark.timeout(60)
def test_a_terminal_shows_a_table_that_follows(tmp_path: Path) -> None:
    writer = opened(tmp_path, ILL, ill=True)
    timer = threading.Timer(0.6, writer.close, ["finished"])
    timer.start()
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, height=40, legacy_windows=False)
    live(Store(tmp_path / "runs"), ILL, console, 0.2)
    timer.join()
    text = screen.getvalue()
    assert f"{ILL}: running" in text and f"{ILL}: finished" in text
    assert "9 steps, needed 19" in text and "problem, strong: The gradient vanishes" in text


def test_a_run_without_any_row_yet(tmp_path: Path) -> None:
    writer = Store(tmp_path / "runs").writer("new", config={"seed": 0})
    done = CliRunner().invoke(app, ["watch", "new", "--once"])
    writer.close("stopped")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("new running, step 0: loss nan, gradient norm nan, horizon not recorded")


def test_an_unknown_run(tmp_path: Path) -> None:
    finished(tmp_path)
    done = CliRunner().invoke(app, ["watch", "zzz"])
    assert done.exit_code == 2 and "no run 'zzz' among 2" in done.output
