"""The training loop against a bare one, and what it promises about randomness and order."""

import math

import pytest
import torch

from gradlab.models import ModelSettings, build
from gradlab.tasks import Digits
from gradlab.training import Outcome, TrainingSettings, train
from gradlab.training.clipping import CLIPPERS
from gradlab.training.seeds import derived_seed, generator
from tests.training.spy import SMALL, Spy, small_model, weights

SETTINGS = TrainingSettings(steps=12, batch=4, clip=0.05, evaluate_every=5, evaluation_size=8)
DROPOUT = {"layers": 2, "dropout": 0.5}


def trained(seed: int = 1, spy: bool = False, model: dict | None = None, **changes: object) -> tuple[bytes, Outcome]:
    settings = TrainingSettings.model_validate({**SETTINGS.model_dump(), **changes})
    net = small_model(**(model or DROPOUT))
    outcome = train(net, SMALL, settings, seed=seed, recorder=Spy(net) if spy else None)
    return weights(net), outcome


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("optimiser", ["sgd", "rmsprop", "adam"])
def test_it_is_the_bare_loop(cell: str, optimiser: str) -> None:
    net, bare = (small_model(cell=cell, **DROPOUT) for _ in range(2))
    settings = TrainingSettings.model_validate({**SETTINGS.model_dump(), "optimiser": optimiser})
    train(net, SMALL, settings, seed=7)

    source = generator(7, "batches")
    torch.manual_seed(derived_seed(7, "dropout"))
    kinds = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam}
    update = kinds[optimiser](bare.parameters(), lr=settings.optimiser.rate)
    for _ in range(settings.steps):
        batch = SMALL.batch(settings.batch, source)
        update.zero_grad()
        torch.nn.functional.mse_loss(bare(batch.inputs), batch.targets).backward()
        torch.nn.utils.clip_grad_norm_(bare.parameters(), 0.05)
        update.step()
    for (key, ours), theirs in zip(net.state_dict().items(), bare.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6, msg=lambda text, key=key: f"{key}: {text}")


def test_a_run_is_a_function_of_settings_and_seed() -> None:
    torch.manual_seed(1)
    first, outcome = trained()
    torch.manual_seed(2)
    second, again = trained()
    assert first == second
    assert (outcome.final_loss, outcome.final_score) == (again.final_loss, again.final_score)
    assert trained(seed=2)[0] != first


@pytest.mark.parametrize("changes", [{"evaluate_every": None}, {"evaluate_every": 1}, {"evaluation_size": 33}])
def test_evaluation_leaves_no_trace(changes: dict) -> None:
    assert trained(**changes)[0] == trained()[0]


def test_being_watched_leaves_no_trace() -> None:
    assert trained(spy=True)[0] == trained()[0]


def test_the_callers_random_state_comes_back() -> None:
    before = torch.get_rng_state()
    trained()
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_is_on_in_training_and_off_in_evaluation() -> None:
    assert trained(model={"layers": 2})[0] != trained()[0]
    net = small_model(**DROPOUT)
    net.encoder.eval()
    spy = Spy(net)
    train(net, SMALL, SETTINGS, seed=1, recorder=spy)
    assert net.training and net.recurrent.training and not net.encoder.training
    net.eval()
    batch = SMALL.batch(8, generator(1, "evaluation"), "test")
    with torch.no_grad():
        loss = float(SMALL.loss(net(batch.inputs), batch))
    assert spy.scores[-1][2] == loss


def test_the_order_of_calls() -> None:
    net = small_model()
    spy = Spy(net)
    outcome = train(net, SMALL, SETTINGS, seed=1, recorder=spy)
    plain = ["step", "clipped"]
    assert spy.calls == 5 * plain + ["evaluated"] + 5 * plain + ["evaluated"] + 2 * plain + ["evaluated"]
    assert [steps for steps, _, _ in spy.scores] == [5, 10, 12]
    assert spy.rates == [0.001] * 12
    assert [report.norm_before for report in spy.reports] == pytest.approx(spy.norms, rel=1e-12)
    assert any(report.fired for report in spy.reports)
    assert outcome.status == "finished" and outcome.steps == 12 and outcome.skipped == 0
    assert (outcome.final_score, outcome.final_score_loss) == spy.scores[-1][1:]
    assert outcome.final_loss == spy.losses[-1]
    assert outcome.seconds > 0


def test_final_loss_is_the_mean_of_the_last_twentieth() -> None:
    net = small_model()
    spy = Spy(net)
    outcome = train(net, SMALL, SETTINGS.model_copy(update={"steps": 60}), seed=1, recorder=spy)
    assert outcome.final_loss == pytest.approx(math.fsum(spy.losses[-3:]) / 3, rel=1e-12)


def test_without_clipping_it_reports_all_the_same() -> None:
    net = small_model()
    spy = Spy(net)
    settings = TrainingSettings.model_validate({**SETTINGS.model_dump(), "clip": None})
    train(net, SMALL, settings, seed=1, recorder=spy)
    assert len(spy.reports) == 12
    assert all(report.coefficient == 1.0 and math.isnan(report.threshold) for report in spy.reports)


@pytest.mark.parametrize("strategy", [clipping.model_fields["name"].default for clipping in CLIPPERS])
def test_every_strategy_trains_by_its_bare_name(strategy: str) -> None:
    net = small_model()
    spy = Spy(net)
    settings = TrainingSettings.model_validate({**SETTINGS.model_dump(), "clip": strategy, "steps": 40})
    outcome = train(net, SMALL, settings, seed=1, recorder=spy)
    assert outcome.status == "finished" and len(spy.reports) == 40
    assert [report.norm_before for report in spy.reports] == pytest.approx(spy.norms, rel=1e-12)


def test_float64_models_are_given_float64_batches() -> None:
    net = small_model(precision="float64")
    assert train(net, SMALL, SETTINGS, seed=1).status == "finished"
    assert all(parameter.dtype == torch.float64 for parameter in net.parameters())


def test_a_model_without_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="trainable parameters, got a Identity"):
        train(torch.nn.Identity(), SMALL, SETTINGS, seed=1)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_it_learns_real_digits_by_row(cell: str) -> None:
    task = Digits()
    net = build(ModelSettings(cell=cell, hidden=32), task, 0)
    settings = TrainingSettings.model_validate(
        {"steps": 150, "optimiser": {"name": "adam", "rate": 0.01}, "clip": 1.0, "evaluation_size": 355}
    )
    outcome = train(net, task, settings, seed=0)
    assert outcome.final_score > 0.8, f"chance is {task.chance.score:.3f}"
    assert outcome.final_loss < task.chance.loss / 3
