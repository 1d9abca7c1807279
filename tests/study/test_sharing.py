"""Several processes at one study: a killed worker's run is done again, two invocations share the work."""

import os
import signal
import threading
import time
from pathlib import Path

from gradlab.store import Store
from gradlab.study.config import resolved
from gradlab.study.plan import read_study
from gradlab.study.remaining import register, remaining
from gradlab.study.runners import Distributed, Inline
from gradlab.study.share import record_failure
from tests.study.test_runners import ADDING, Diary, read


def test_a_killed_workers_run_is_done_again(tmp_path: Path) -> None:
    study, store = read(tmp_path, "training.steps=400", "training.evaluate_every=null"), str(tmp_path)
    killed = []

    def kill_once(run, step) -> None:
        if not killed:
            [found] = [one for one in Store(store).runs(study.name) if one.id == run.id]
            killed.append(found.facts["pid"])
            os.kill(killed[0], signal.SIGKILL)

    ended = Distributed(jobs=1)(study.runs, study.name, store, Diary(kill_once))
    assert killed
    assert killed[0] != os.getpid()
    assert [one.status for one in ended] == ["finished"] * 2
    for run in Store(store).runs(study.name):
        assert run.read("steps", ["step"])["step"].to_pylist() == list(range(400)), "each step once"


def test_a_run_of_another_process_is_waited_for_and_not_done_twice(tmp_path: Path) -> None:
    """The writer lives in this process, and the runner here too: so its run is marked as another one's."""
    study = read_study(ADDING)
    register(study, str(tmp_path))
    first, second = study.runs
    writer = Store(tmp_path).writer(first.id, study.name, config=resolved(first.config))
    writer.annotate(final_loss=0.125, steps=2, pid=0)
    writer.flush()
    threading.Timer(2.0, writer.close, ["finished"]).start()
    diary, begun = Diary(), time.monotonic()
    ended = Inline()(study.runs, study.name, str(tmp_path), diary)
    assert time.monotonic() - begun >= 1.5
    assert {one.run.id: one.status for one in ended} == {first.id: "finished", second.id: "finished"}
    assert {one.run.id: one.final_loss for one in ended}[first.id] == 0.125
    assert sorted(diary.heard) == sorted((what, run.id) for run in study.runs for what in ("started", "finished"))


def test_a_run_that_its_process_leaves_undone_is_done_here(tmp_path: Path) -> None:
    study = read(tmp_path)
    first = study.runs[0]
    writer = Store(tmp_path).writer(first.id, study.name, config=resolved(first.config))
    writer.annotate(pid=0)
    writer.flush()
    threading.Timer(1.5, writer.close, ["stopped"]).start()
    ended = Inline()(study.runs, study.name, str(tmp_path), Diary())
    assert [one.status for one in ended] == ["finished"] * 2
    assert [run.facts["steps"] for run in Store(tmp_path).runs(study.name)] == [2, 2]


def test_a_run_whose_process_could_not_say_so_is_recorded_as_failed(tmp_path: Path) -> None:
    study = read(tmp_path)
    first, second = study.runs
    writer = Store(tmp_path).writer(first.id, study.name, config=resolved(first.config))
    writer.annotate(pid=0)
    writer.flush()
    record_failure(first, study.name, str(tmp_path), "its worker died")
    [run] = Store(tmp_path).runs(study.name)
    assert run.status == "running", "as long as it is alive"
    writer.close("stopped")
    record_failure(first, study.name, str(tmp_path), "its worker died")
    record_failure(second, study.name, str(tmp_path), "its worker died")
    [run] = Store(tmp_path).runs(study.name)
    assert (run.status, run.facts["reason"]) == ("failed", "its worker died")
    assert remaining(study, str(tmp_path)) == list(study.runs)
