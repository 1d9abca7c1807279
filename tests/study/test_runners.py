"""One contract for every runner: it does the runs, records failures, tells how they go, and stops cleanly."""

import os
import signal
from pathlib import Path

import pytest

from gradlab.errors import ConfigError
from gradlab.store import Store
from gradlab.study.interrupt import Interrupt
from gradlab.study.listener import Ended
from gradlab.study.plan import PlannedRun, Study, read_study
from gradlab.study.remaining import register, remaining
from gradlab.study.runners import RUNNERS, Runner

ADDING = Path(__file__).parent / "adding.yaml"


class Diary:
    """A listener that writes down what it hears, and may act at a step."""

    def __init__(self, at_step=lambda run, step: None) -> None:
        self.heard: list[tuple[str, str]] = []
        self.losses: list[float] = []
        self._at_step = at_step

    def started(self, run: PlannedRun) -> None:
        self.heard.append(("started", run.id))

    def stepped(self, run: PlannedRun, step: int, loss: float, grad_norm: float) -> None:
        self.losses.append(loss)
        self._at_step(run, step)

    def ended(self, ended: Ended) -> None:
        self.heard.append((ended.status, ended.run.id))


def once_after(step: int, number: signal.Signals):
    """A signal to this process when a step is told that is as late as this one; only the first time."""
    sent = []

    def send(run: PlannedRun, told: int) -> None:
        if told >= step and not sent:
            sent.append(told)
            os.kill(os.getpid(), number)

    return send


@pytest.fixture(params=RUNNERS)
def runner(request: pytest.FixtureRequest) -> Runner:
    return RUNNERS[request.param]()


def read(store: Path, *overrides: str) -> Study:
    study = read_study(ADDING, overrides)
    register(study, str(store))
    return study


def test_it_does_the_runs_and_tells_how_they_go(runner: Runner, tmp_path: Path) -> None:
    study, diary = read(tmp_path), Diary()
    ended = runner(remaining(study, str(tmp_path)), study.name, str(tmp_path), diary)
    first, second = (run.id for run in study.runs)
    assert sorted(diary.heard) == sorted(
        [("started", first), ("finished", first), ("started", second), ("finished", second)]
    )
    assert diary.losses
    assert [(one.status, one.steps) for one in ended] == [("finished", 2)] * 2
    assert [run.status for run in Store(tmp_path).runs(study.name)] == ["finished"] * 2
    assert remaining(study, str(tmp_path)) == []


def test_the_store_keeps_what_the_outcome_says(runner: Runner, tmp_path: Path) -> None:
    study = read(tmp_path, "seed=0")
    [ended] = runner(study.runs, study.name, str(tmp_path), Diary())
    [run] = Store(tmp_path).runs(study.name)
    assert run.facts["final_loss"] == ended.final_loss
    assert run.facts["final_score"] == ended.final_score
    assert run.facts["varied"] == {}
    assert run.facts["parameters"] == study.runs[0].parameters
    assert run.config["model"]["hidden"] == 4


def test_a_failing_run_is_recorded_and_the_others_go_on(runner: Runner, tmp_path: Path) -> None:
    rates = "grid.training.optimiser.rate=[1e30, 1e-3]"
    study = read(tmp_path, "seed=0", rates, "training.optimiser.name=sgd", "training.on_nonfinite=raise")
    ended = runner(study.runs, study.name, str(tmp_path), Diary())
    assert [one.status for one in ended] == ["failed", "finished"]
    assert "NonfiniteError" in ended[0].reason
    failed, finished = Store(tmp_path).runs(study.name)
    assert (failed.status, finished.status) == ("failed", "finished")
    assert "NonfiniteError" in failed.facts["traceback"]
    assert remaining(study, str(tmp_path)) == [study.runs[0]], "failed runs are done again"


def test_ctrl_c_stops_the_run_in_hand_and_starts_no_other(runner: Runner, tmp_path: Path) -> None:
    study = read(tmp_path, "training.steps=100000")
    diary = Diary(once_after(1, signal.SIGINT))
    ended = runner(study.runs, study.name, str(tmp_path), diary)
    assert [one.status for one in ended] == ["stopped"]
    [run] = Store(tmp_path).runs(study.name)
    assert run.status == "stopped"
    assert 1 <= run.read("steps", ["step"]).num_rows < 100000
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    "runner",
    # three clusters are started and stopped
    [pytest.param(name, marks=[pytest.mark.slow] * (name == "distributed")) for name in RUNNERS],
    indirect=True,
)
def test_a_stopped_run_done_again_equals_one_that_was_not_stopped(runner: Runner, tmp_path: Path) -> None:
    stopped, straight = str(tmp_path / "stopped"), str(tmp_path / "straight")
    study = read(Path(stopped), "seed=0", "training.steps=300", "training.evaluate_every=null")
    diary = Diary(once_after(0, signal.SIGTERM))
    assert [one.status for one in runner(study.runs, study.name, stopped, diary)] == ["stopped"]
    register(study, straight)
    for store in (stopped, straight):
        assert [one.status for one in runner(study.runs, study.name, store, Diary())] == ["finished"]
    [one], [other] = (Store(store).runs(study.name) for store in (stopped, straight))
    columns = ["step", "loss", "grad_norm", "score_loss"]
    assert one.read("steps", columns).to_pydict().items() >= {"step": list(range(300))}.items()
    assert str(one.read("steps", columns).to_pydict()) == str(other.read("steps", columns).to_pydict())


def test_a_second_signal_acts_at_once() -> None:
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()


def test_the_order_of_the_grid_is_kept_in_what_remains(tmp_path: Path) -> None:
    study = read(tmp_path, "grid.seed=[4, 2, 3]")
    assert [run.config.seed for run in remaining(study, str(tmp_path))] == [4, 2, 3]


def test_a_store_that_cannot_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file")
    with pytest.raises(Exception, match="occupied") as caught:
        read(tmp_path / "occupied")
    assert not isinstance(caught.value, ConfigError)
