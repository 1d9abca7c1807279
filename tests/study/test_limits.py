"""Bounds on time and memory, and retries: a run that meets one is recorded as such, and the others go on."""

import math
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from gradlab.errors import ConfigError
from gradlab.store import Store
from gradlab.study import execute as module
from gradlab.study.build import build_model
from gradlab.study.interrupt import Interrupt
from gradlab.study.limits import LimitError, Limits, Watchman
from gradlab.study.plan import read_study
from gradlab.study.runners import RUNNERS, Distributed, Inline, hall
from tests.study.test_runners import ADDING, Diary, read

LONG = ("grid.training.steps=[1000000, 2]", "seed=0", "training.evaluate_every=null", "record.every=null")


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_run_at_its_time_limit_is_failed_as_such_and_the_others_go_on(tmp_path: Path, runner: str) -> None:
    study = read(tmp_path, *LONG, "limits.seconds=1")
    ended = RUNNERS[runner]()(study.runs, study.name, str(tmp_path), Diary())
    assert [one.status for one in ended] == ["failed", "finished"]
    assert ended[0].reason.startswith("time limit: expected at most 1 s, took ")
    long, short = Store(tmp_path).runs(study.name)
    assert (long.status, long.facts["limit"]) == ("failed", "seconds")
    assert long.facts["reason"] == ended[0].reason
    assert "traceback" not in long.facts
    assert long.read("steps", ["step"]).num_rows > 0
    assert "limit" not in short.facts


def test_a_run_at_its_memory_limit_is_failed_as_such_and_can_be_done_with_more(tmp_path: Path) -> None:
    study = read(tmp_path, "seed=0", "training.steps=50", "limits.memory=1", "limits.retries=3")
    [ended] = Inline()(study.runs, study.name, str(tmp_path), Diary())
    assert "memory limit: expected at most 1 MB, the process has" in ended.reason
    [run] = Store(tmp_path).runs(study.name)
    assert (run.status, run.facts["limit"]) == ("failed", "memory")
    assert "errors" not in run.facts, "what would end so again is not tried again"
    generous = read(tmp_path, "seed=0", "training.steps=50", "limits.memory=1e6")
    assert [one.id for one in generous.runs] == [run.id], "limits are no part of a run's identity"
    [ended] = Inline()(generous.runs, study.name, str(tmp_path), Diary())
    assert ended.status == "finished"
    assert Store(tmp_path).runs(study.name)[0].facts["limit"] == ""


def flaky(monkeypatch: pytest.MonkeyPatch, failures: int) -> list[int]:
    """Let the first nets that are built raise an error; gives a list that grows by one for each."""
    built: list[int] = []

    def build(config):
        built.append(len(built))
        if len(built) <= failures:
            raise RuntimeError(f"the disk hiccups for the {len(built)}. time")
        return build_model(config)

    monkeypatch.setattr(module, "build_model", build)
    return built


@pytest.mark.parametrize(("retries", "status"), [(0, "failed"), (1, "failed"), (2, "finished"), (5, "finished")])
def test_an_error_is_tried_again_so_many_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retries: int, status: str
) -> None:
    study = read(tmp_path, "seed=0", f"limits.retries={retries}")
    built = flaky(monkeypatch, failures=2)
    [ended] = Inline()(study.runs, study.name, str(tmp_path), Diary())
    assert ended.status == status
    assert len(built) == min(retries, 2) + 1
    [run] = Store(tmp_path).runs(study.name)
    assert run.status == status
    assert len(run.facts.get("errors", [])) == min(retries, 2)
    assert ("traceback" in run.facts) == (status == "failed")


def test_numbers_that_are_none_are_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ["seed=0", "training.optimiser={name: sgd, rate: 1e30}", "training.steps=9", "limits.retries=3"]
    for how in ("stop", "raise"):
        study = read(tmp_path, *broken, f"training.on_nonfinite={how}")
        built = flaky(monkeypatch, failures=0)
        [ended] = Inline()(study.runs, study.name, str(tmp_path), Diary())
        assert ended.status == "failed"
        assert len(built) == 1


class NoScheduler:
    """A client whose only worker never answers."""

    def __init__(self) -> None:
        self.cancelled: list[object] = []
        self.restarted: list[str] = []

    def subscribe_topic(self, topic, handler):
        self.tell = lambda *words: handler((0.0, words))

    def submit(self, *arguments, **options):
        return SimpleNamespace(add_done_callback=lambda call: None)

    def cancel(self, futures, force):
        assert force
        self.cancelled += futures

    def restart_workers(self, workers, timeout, raise_for_error):
        assert self.cancelled, "or the scheduler would give the run to another worker"
        self.restarted += workers


def test_a_run_that_is_stuck_in_a_step_is_ended_with_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hall, "GRACE_SECONDS", 0.1)
    [stuck] = read_study(ADDING, ["seed=0", "limits.seconds=0.01", "limits.retries=1"]).runs
    client, diary, recorded = NoScheduler(), Diary(), []
    one = hall.Hall(client, [stuck], "token", diary, lambda run, **facts: recorded.append((run.id, facts)))
    one.submit(stuck, (), None)
    client.tell("begun", stuck.id, "tcp://worker")
    assert one.wait(Interrupt()) == []
    assert client.restarted == ["tcp://worker"]
    assert diary.heard == [("started", stuck.id), ("failed", stuck.id)]
    [(run, facts)] = recorded
    assert (run, facts["limit"]) == (stuck.id, "seconds")
    assert facts["reason"].startswith("time limit: expected at most 0.01 s, was still in a step after 0.")
    assert one.ended[0].seconds > 2 * 0.11, "both attempts have their time"


def test_patience_is_the_limit_and_a_tenth_or_ten_seconds() -> None:
    assert hall.patience(Limits()) == math.inf
    assert hall.patience(Limits(seconds=5)) == 15
    assert hall.patience(Limits(seconds=1000)) == 1100
    assert hall.patience(Limits(seconds=5, retries=2)) == 45


@pytest.mark.slow
def test_a_worker_that_is_stuck_is_replaced_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A single step of 400,000 time steps of a cell that runs one by one takes a minute."""
    monkeypatch.setattr(hall, "GRACE_SECONDS", 1.0)
    slow = ["model.cell=minimal_rnn", "training.batch=2", "record.every=null", "training.evaluate_every=null"]
    study = read(tmp_path, "grid.task.steps=[400000, 10]", "seed=0", *slow, "limits.seconds=10")
    began = time.monotonic()
    ended = Distributed(1)(study.runs, study.name, str(tmp_path), Diary())
    assert [one.status for one in ended] == ["failed", "finished"]
    assert "was still in a step after" in ended[0].reason
    assert time.monotonic() - began < 60
    stuck, short = Store(tmp_path).runs(study.name)
    assert (stuck.status, stuck.facts["limit"], stuck.facts["reason"]) == ("failed", "seconds", ended[0].reason)
    assert len(stuck.facts["resumed"]) == 1, "opened once more to say so, and not done again"
    assert short.status == "finished"


def test_the_watchman_lets_pass_what_is_within_the_limits() -> None:
    Watchman(Limits()).check()
    Watchman(Limits(seconds=1000, memory=1e9)).check()
    with pytest.raises(LimitError, match="memory"):
        Watchman(Limits(memory=0.1)).check()


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("limits.second=3", "limits.second"),
        ("limits.seconds=0", "limits.seconds"),
        ("limits.memory=1 GB", "limits.memory"),
        ("limits.retries=1.5", "limits.retries"),
        ("limits=3", "limits"),
    ],
)
def test_a_mistake_in_limits_is_told(override: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_study(ADDING, [override])
    assert [fault.key for fault in caught.value.faults] == [key]
