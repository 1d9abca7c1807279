"""How a run ends before its time: interruptions, and numbers that are not finite."""

import math
import signal
import threading

import pytest

from gradlab.training import NonfiniteError, Outcome, TrainingSettings, train
from tests.training.spy import SMALL, Breaking, Spy, small_model, weights

SETTINGS = TrainingSettings(steps=8, batch=4, evaluate_every=2, evaluation_size=8)


def broken_run(value: float, **changes: object) -> tuple[Outcome, Spy, bytes]:
    task = Breaking(value=value)
    Breaking.batches = 0
    net = small_model(task)
    spy = Spy(net)
    settings = TrainingSettings.model_validate({**SETTINGS.model_dump(), **changes})
    return train(net, task, settings, seed=0, recorder=spy), spy, weights(net)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("clip", [None, 1.0])
def test_stop_ends_the_run_with_the_weights_before(value: float, clip: float | None) -> None:
    outcome, spy, after = broken_run(value, clip=clip)
    assert outcome.status == "failed" and outcome.steps == 4 and outcome.skipped == 1
    assert outcome.reason.startswith("step 3: the loss is")
    assert not math.isfinite(spy.losses[-1]) and not math.isfinite(outcome.final_loss)
    assert len(spy.reports) == 4
    assert spy.reports[-1].fired == (clip is not None and math.isfinite(spy.norms[-1]))
    assert math.isfinite(outcome.final_score)
    _, _, before = broken_run(0.0, clip=clip, steps=3)
    assert after == before


def test_skip_leaves_one_update_out_and_goes_on() -> None:
    outcome, spy, after = broken_run(math.nan, on_nonfinite="skip")
    assert outcome.status == "finished" and outcome.steps == 8 and outcome.skipped == 1
    assert outcome.reason.startswith("step 3: the loss is nan")
    assert [math.isnan(loss) for loss in spy.losses] == [step == 3 for step in range(8)]
    assert math.isfinite(outcome.final_loss)
    _, _, before = broken_run(0.0, steps=3)
    assert after != before


def test_raise_says_where_and_what_to_do() -> None:
    with pytest.raises(NonfiniteError, match="step 3: the loss is nan; clip gradients, lower"):
        broken_run(math.nan, on_nonfinite="raise")


def test_weights_that_explode_are_named() -> None:
    net = small_model(cell="rnn")
    settings = TrainingSettings.model_validate(
        {**SETTINGS.model_dump(), "optimiser": {"name": "sgd", "rate": 1e38}, "steps": 50}
    )
    outcome = train(net, SMALL, settings, seed=0)
    assert outcome.status == "failed" and outcome.steps < 50
    assert "readout" in outcome.reason or "loss" in outcome.reason


def test_a_finite_loss_with_an_infinite_gradient_names_the_parameters() -> None:
    net = small_model()
    net.readout.weight.register_hook(lambda grad: grad / 0)
    outcome = train(net, SMALL, SETTINGS, seed=0)
    assert outcome.status == "failed" and outcome.steps == 1
    assert outcome.reason.startswith("step 0: the gradient of readout.weight is not finite")
    assert math.isfinite(outcome.final_loss)


def test_ctrl_c_finishes_the_running_step() -> None:
    net = small_model()
    spy = Spy(net)
    spy.clipped = lambda report: signal.raise_signal(signal.SIGINT) if len(spy.losses) == 3 else None  # type: ignore[method-assign]
    handler = signal.getsignal(signal.SIGINT)
    outcome = train(net, SMALL, SETTINGS, seed=0, recorder=spy)
    assert outcome.status == "stopped" and outcome.steps == 3 and len(spy.losses) == 3
    assert signal.getsignal(signal.SIGINT) is handler
    shorter = small_model()
    train(shorter, SMALL, SETTINGS.model_copy(update={"steps": 3}), seed=0)
    assert weights(net) == weights(shorter)
    assert outcome.final_score == spy.scores[-1][1] and math.isfinite(outcome.final_loss)


def test_ctrl_c_at_the_last_step_is_too_late() -> None:
    def at_the_end(step: int, steps: int, loss: float, grad_norm: float) -> None:
        if step == steps:
            signal.raise_signal(signal.SIGINT)

    assert train(small_model(), SMALL, SETTINGS, seed=0, progress=at_the_end).status == "finished"


def test_a_second_ctrl_c_ends_at_once() -> None:
    net = small_model()
    spy = Spy(net)

    def twice(report: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    spy.clipped = twice  # type: ignore[method-assign]
    before = weights(net)
    outcome = train(net, SMALL, SETTINGS, seed=0, recorder=spy)
    assert outcome.status == "stopped" and outcome.steps == 0 and weights(net) == before
    assert math.isnan(outcome.final_loss) and math.isnan(outcome.final_score)


def test_in_another_thread_keyboard_interrupt_stops_as_well() -> None:
    outcomes: list[Outcome] = []

    def interrupt(step: int, steps: int, loss: float, grad_norm: float) -> None:
        raise KeyboardInterrupt

    def run() -> None:
        outcomes.append(train(small_model(), SMALL, SETTINGS, seed=0, progress=interrupt))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert [(outcome.status, outcome.steps) for outcome in outcomes] == [("stopped", 1)]


def test_other_errors_pass_through_and_leave_no_handler_behind() -> None:
    def fail(step: int, steps: int, loss: float, grad_norm: float) -> None:
        raise RuntimeError("the bar broke")

    with pytest.raises(RuntimeError, match="the bar broke"):
        train(small_model(), SMALL, SETTINGS, seed=0, progress=fail)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
