"""`gradlab run` from the file to the report: resume, Ctrl-C, failures, mistakes."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from gradlab.store import Store
from gradlab.study.config import resolved
from gradlab.study.plan import read_study
from tests.cli.command import STUDY, gradlab, interrupt_when, left_over, start

AT_ONCE = 5.0
"""Seconds that a second Ctrl-C may take, on a busy machine."""


def runs(folder: Path) -> dict[str, str]:
    """Status of every run of the study in the folder's store."""
    return {run.id: run.status for run in Store(folder / "runs").runs("study")}


def test_run_then_resume_then_report(tmp_path: Path) -> None:
    first = gradlab("run", STUDY, "grid.seed=[0]", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "Does the gradient survive twelve steps?" in first.stdout
    assert "run 2/2  cell=lstm seed=0  finished, 20 steps" in first.stdout
    assert "2 runs: 2 finished." in first.stdout
    assert "gradlab dashboard" in first.stdout
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "study").glob("*/*/*.parquet")}
    assert len(files) >= 6

    extended = gradlab("run", STUDY, cwd=tmp_path)
    assert extended.returncode == 0, extended.stderr
    assert "2 runs to do, 2 are in runs already." in extended.stdout
    assert list(runs(tmp_path).values()) == ["finished"] * 4
    assert {path: path.stat().st_mtime_ns for path in files} == files, "nothing that was finished is touched"

    again = gradlab("run", STUDY, cwd=tmp_path)
    assert again.returncode == 0
    assert "All 4 runs are in runs already." in again.stdout
    assert "4 runs: 4 finished." in again.stdout

    report = gradlab("report", "study", "--to", "csv", cwd=tmp_path)
    assert report.returncode == 0, report.stderr
    written = [Path(line) for line in report.stdout.splitlines()]
    assert written
    assert all((tmp_path / path).is_file() for path in written)


def test_what_is_stored_is_enough_to_do_the_run_again(tmp_path: Path) -> None:
    assert gradlab("run", STUDY, "model.cell=rnn", "seed=3", cwd=tmp_path).returncode == 0
    [run] = Store(tmp_path / "runs").runs("study")
    assert run.config["model"]["cell"] == "rnn"
    assert run.config["training"]["batch"] == 4
    assert run.config["training"]["optimiser"]["rate"] == 0.001
    assert run.facts["study"] == "study"
    assert run.facts["steps"] == 20
    assert all(run.facts[key] for key in ("gradlab_version", "torch_version", "python_version"))
    steps = run.read("timesteps", ["step"])["step"].to_pylist()
    assert sorted(set(steps)) == [0, 5, 10, 15]


def test_ctrl_c_leaves_readable_runs_and_the_next_run_completes(tmp_path: Path) -> None:
    long = ["run", STUDY, "training.steps=4000", "model.cell=rnn", "record.every=100"]
    folder = tmp_path / "runs" / "study"
    process = start(*long, cwd=tmp_path)
    out, err = interrupt_when(process, lambda: any(folder.glob("*/facts.json")), wait=1.5)
    assert process.returncode == 130, err
    assert "Continue with:\n  gradlab run" in out
    assert "Traceback" not in err
    stopped = next(run for run in Store(tmp_path / "runs").runs("study") if run.status == "stopped")
    steps = stopped.read("steps", ["step"])["step"].to_pylist()
    assert steps == list(range(len(steps)))
    assert len(steps) == stopped.facts["steps"] < 4000

    continued = gradlab(*long, cwd=tmp_path)
    assert continued.returncode == 0, continued.stderr
    assert list(runs(tmp_path).values()) == ["finished"] * 2
    for run in Store(tmp_path / "runs").runs("study"):
        assert run.read("steps", ["step"])["step"].to_pylist() == list(range(4000)), "each step once"


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_reaches_workers_too_and_their_runs_stop_cleanly(tmp_path: Path) -> None:
    long = ["run", STUDY, "--jobs", "2", "training.steps=100000", "model.cell=rnn", "record.every=null"]
    process = start(*long, cwd=tmp_path)
    out, err = interrupt_when(process, both_have_begun(tmp_path), wait=2.5)
    assert process.returncode == 130, err
    assert "2 runs are left. Continue with:\n  gradlab run" in out
    for run in Store(tmp_path / "runs").runs("study"):
        assert run.status == "stopped"
        assert run.read("steps", ["step"]).num_rows == run.facts["steps"] < 100000


@pytest.mark.slow
def test_ctrl_c_twice_does_not_wait_for_the_step_in_hand(tmp_path: Path) -> None:
    """The step takes many seconds: 40,000 time steps of a cell that runs one by one."""
    slow = ["task.steps=40000", "model.cell=minimal_rnn", "training.batch=2", "record.every=null"]
    process = start("run", STUDY, "--jobs", "2", *slow, cwd=tmp_path)
    done = both_have_begun(tmp_path)
    begun: list[float] = []

    def ready() -> bool:
        begun.append(time.monotonic())
        return done()

    out, err = interrupt_when(process, ready, wait=2.5, times=2)
    assert process.returncode == 130, err
    seconds = time.monotonic() - begun[-1] - 2.5 - 0.3  # since the second one
    print(f"ended {seconds:.2f} s after the second Ctrl-C")
    assert seconds < AT_ONCE
    assert left_over(process) == []
    assert "Traceback" not in err
    assert "2 runs are left. Continue with:\n  gradlab run" in out
    for run in Store(tmp_path / "runs").runs("study"):
        assert (run.status, run.read("steps", ["step"]).num_rows) == ("lost", 0)


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.3, 1.5, 3.0])
def test_ctrl_c_twice_ends_it_while_its_workers_are_starting(tmp_path: Path, wait: float) -> None:
    """To the command alone, as a batch system sends it: the workers do not hear of it."""
    process = start("run", STUDY, "--jobs", "2", "training.steps=100000", "record.every=null", cwd=tmp_path)
    assert process.stdout is not None
    while "to do" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(wait)
    for _ in range(2):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.3)
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - began < AT_ONCE
    assert left_over(process) == []
    assert "4 runs are left. Continue with:" in out


def both_have_begun(folder: Path) -> Callable[[], bool]:
    return lambda: len(list((folder / "runs" / "study").glob("*/facts.json"))) == 2


def test_equal_runs_give_equal_numbers(tmp_path: Path) -> None:
    for store in ("one", "two"):
        done = gradlab("run", STUDY, "model.cell=lstm", "seed=0", "--store", store, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    [one], [two] = (Store(tmp_path / store).runs() for store in ("one", "two"))
    for table in ("steps", "timesteps", "parameters"):
        frames = [run.read(table).to_pandas().filter(regex="^(?!.*seconds)") for run in (one, two)]
        pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    rates = "grid.training.optimiser.rate=[1e30, 1e-3]"
    done = gradlab("run", STUDY, rates, "training.optimiser.name=sgd", "model.cell=rnn", "seed=0", cwd=tmp_path)
    assert done.returncode == 1
    assert "failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(runs(tmp_path).values()) == ["failed", "finished"]


MISTAKES = {
    "unknown key": ["run", STUDY, "model.hiden=3"],
    "no such file": ["run", "absent.yaml"],
    "no such study": ["run", "digts"],
    "no such device": ["run", STUDY, "--device", "cuda:99"],
    "no such scale": ["run", STUDY, "--scale", "full"],
    "check": ["check", STUDY, "seed=x"],
    "no such study in the store": ["report", "digits"],
    "unknown format": ["report", "digits", "--to", "docx"],
    "unknown command": ["rnu"],
    "store is a file": ["run", STUDY, "--store", "occupied"],
}


@pytest.mark.parametrize("arguments", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_gives_one_message_and_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "occupied").write_text("a file")
    done = gradlab(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = "question: 3\ntask: {name: digts}\nmodel: {hiden: 3}\nseed: -1\ngrid: {training.steps: [0]}\n"
    (tmp_path / "bad.yaml").write_text(text)
    done = gradlab("run", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[0] == "gradlab: 5 mistakes:"
    assert [line.split(":")[1] for line in lines[1:]] == ["1", "2", "3", "4", "5"]
    assert not (tmp_path / "runs").exists()


def test_a_run_that_another_process_writes_is_waited_for(tmp_path: Path) -> None:
    [planned] = read_study(STUDY, ["seed=0", "model.cell=rnn"]).runs
    config = resolved(planned.config)
    with Store(tmp_path / "runs").writer(planned.id, "study", config=config) as writer:
        process = start("run", STUDY, "seed=0", "model.cell=rnn", cwd=tmp_path)
        assert process.stdout is not None
        said = ""
        while "to do" not in said:  # then it has looked at the store, and met a run that is being written
            line = process.stdout.readline()
            assert line, f"it ended after {said!r}"
            said += line
        time.sleep(2)
        assert process.poll() is None
        writer.annotate(steps=7)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "finished, 7 steps" in out
    assert runs(tmp_path) == {planned.id: "finished"}
