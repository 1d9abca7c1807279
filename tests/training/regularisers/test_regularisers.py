"""Terms beside the loss: their gradients against autograd, and that recording still adds up."""

import pytest
import torch

from gradlab.recording import watch
from gradlab.training import Checkpoint, TrainingSettings, train
from gradlab.training.bptt import Full, Truncated
from gradlab.training.regularisers import (
    L1,
    L2,
    REGULARISERS,
    Flossing,
    Orthogonality,
    Pascanu,
    Regulariser,
    SpectralNorm,
)
from tests.training.bptt.tasks import EveryStep
from tests.training.spy import SMALL, small_model, weights

ALL: list[Regulariser] = [
    Pascanu(weight=0.5),
    Flossing(exponents=2, transient=1),
    SpectralNorm(limit=0.1),
    Orthogonality(),
    L1(),
    L2(),
]


def test_all_are_tested() -> None:
    assert tuple(type(one) for one in ALL) == REGULARISERS


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


def added(regulariser: Regulariser, cell: str, **model: object) -> tuple[torch.nn.Module, dict, float]:
    """The model, what the term added to each gradient, and its value."""
    net = small_model(cell=cell, precision="float64", **model)
    way = Full().start(SMALL, 3, 5)
    penalty = regulariser.start(net)
    penalty.listen()
    way(net)
    before = gradients(net)
    value = penalty()
    penalty.close()
    return net, {name: after - before[name] for name, after in gradients(net).items()}, value


TERMS = {
    "orthogonality": lambda W: 0.01 * (W.mT @ W - torch.eye(6, dtype=W.dtype)).square().sum(),
    "spectral_norm": lambda W: 0.1 * (torch.linalg.matrix_norm(W, 2) - 0.1).square(),
}


@pytest.mark.parametrize("regulariser", [Orthogonality(), SpectralNorm(limit=0.1)], ids=str)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_on_recurrent_matrices_gate_by_gate(regulariser: Regulariser, cell: str) -> None:
    net, found, value = added(regulariser, cell, layers=2)
    total = 0.0
    for name, weight in net.named_parameters():
        if "weight_hh" not in name:
            assert not found[name].any()
            continue
        leaf = weight.detach().requires_grad_()
        term = sum(TERMS[regulariser.name](block) for block in leaf.split(6))
        total += float(term.detach())
        torch.testing.assert_close(found[name], torch.autograd.grad(term, leaf)[0], rtol=1e-8, atol=1e-12)
    assert value == pytest.approx(total, rel=1e-10)


@pytest.mark.parametrize("regulariser, slope", [(L1(weight=0.2), torch.sign), (L2(weight=0.2), lambda w: 2 * w)])
def test_on_all_matrices_but_no_bias(regulariser: Regulariser, slope) -> None:
    net, found, _ = added(regulariser, "lstm")
    for name, weight in net.named_parameters():
        expected = 0.2 * slope(weight.detach()) if weight.ndim > 1 else torch.zeros_like(weight)
        torch.testing.assert_close(found[name], expected, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_pascanus_term_by_hand(cell: str) -> None:
    """Jacobians of one step by autograd, with states and arriving gradients as constants."""
    net, found, value = added(Pascanu(weight=0.5), cell)
    from gradlab.training.seeds import generator

    batch = SMALL.batch(3, generator(5, "batches")).to(torch.device("cpu"), torch.float64)
    states, parts = [None], []
    for t in range(6):
        state = net.unroll(batch.inputs[t : t + 1], states[-1])[1]
        parts = [part.detach().requires_grad_() for part in (state if isinstance(state, tuple) else (state,))]
        states.append(tuple(parts) if isinstance(state, tuple) else parts[0])
    zero = torch.zeros(1, 3, 6, dtype=torch.float64)
    states[0] = (zero, zero) if cell == "lstm" else zero
    deltas = []
    for t in range(1, 7):
        outputs = net.readout(_h(states[t])[-1]) if t == 6 else net.unroll(batch.inputs[t:], states[t])[0]
        held = states[t] if isinstance(states[t], tuple) else (states[t],)
        deltas.append(torch.autograd.grad(SMALL.loss(outputs, batch), held, allow_unused=True))
    omega = torch.zeros((), dtype=torch.float64)
    for t in range(6):
        start = states[t] if isinstance(states[t], tuple) else (states[t],)
        start = tuple(part.detach().requires_grad_() for part in start)
        end = net.unroll(batch.inputs[t : t + 1], start if cell == "lstm" else start[0])[1]
        end = end if isinstance(end, tuple) else (end,)
        delta = [torch.zeros_like(end[0]) if one is None else one for one in deltas[t]]
        back = torch.autograd.grad(end, start, delta, create_graph=True)
        before = sum(part.square().sum((0, 2)) for part in back)
        after = sum(part.square().sum((0, 2)) for part in delta)
        omega = omega + (before / after - 1).square().mean()
    assert value == pytest.approx(0.5 * float(omega.detach()), rel=1e-9)
    if cell != "rnn":
        return  # their slopes are constants in the immediate derivative, but depend on the weights in autograd's
    expected = _immediate(net, batch, states, deltas)
    torch.testing.assert_close(found["recurrent.weight_hh_l0"], 0.5 * expected, rtol=1e-8, atol=1e-12)
    assert not found["readout.weight"].any() and not found["recurrent.weight_ih_l0"].any()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_flossing_by_finite_differences(cell: str) -> None:
    """The term's own gradient, through states and Jacobians, against how the term itself changes."""
    term = Flossing(weight=0.3, exponents=2, transient=0)  # what lies before window and transient is held constant
    net, found, value = added(term, cell)
    assert value > 0
    assert not found["readout.weight"].any()
    for name in ("recurrent.weight_hh_l0", "recurrent.weight_ih_l0", "recurrent.bias_ih_l0"):
        weight = dict(net.named_parameters())[name]
        torch.manual_seed(0)
        along = torch.randn_like(weight)
        values = []
        for sign in (1, -1):
            moved = small_model(cell=cell, precision="float64")
            moved.load_state_dict(net.state_dict())
            with torch.no_grad():
                dict(moved.named_parameters())[name].add_(along, alpha=sign * 1e-5)
            penalty = term.start(moved)
            penalty.listen()
            Full().start(SMALL, 3, 5)(moved)
            values.append(penalty())
            penalty.close()
        assert float((found[name] * along).sum()) == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5)


def _h(state):
    return state[0] if isinstance(state, tuple) else state


def _immediate(net, batch, states, deltas) -> torch.Tensor:
    """∂⁺Ω/∂W of a tanh net: J = diag(1 − h²) W with h and δ as constants."""
    W = net.recurrent.weight_hh_l0.detach().requires_grad_()
    omega = torch.zeros((), dtype=torch.float64)
    for t in range(6):
        h, delta = states[t + 1][0].detach(), deltas[t][0][0]
        back = (delta * (1 - h * h)) @ W
        omega = omega + (back.square().sum(-1) / delta.square().sum(-1) - 1).square().mean()
    return torch.autograd.grad(omega, W)[0]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("regulariser", ALL, ids=lambda one: one.name)
def test_recorded_continued_and_the_same(cell: str, regulariser: Regulariser) -> None:
    """The closure check of the recorder speaks of the loss alone, and still adds up."""
    made = TrainingSettings.model_validate(
        {
            "steps": 8, "batch": 4, "evaluation_size": 8, "checkpoint_every": 3, "clip": 1.0,
            "regularisers": (regulariser,),
        }
    )  # fmt: skip
    model = {"cell": cell, "layers": 2, "dropout": 0.3}
    plain, watched, again, without = (small_model(**model) for _ in range(4))
    kept: list[Checkpoint] = []
    train(plain, SMALL, made, seed=1, keep=kept.append)
    with watch(watched, every=1, check_every=1) as recorder:
        train(watched, SMALL, made, seed=1, recorder=recorder)
    train(again, SMALL, made, seed=1, resume_from=kept[0])
    train(without, SMALL, made.model_copy(update={"regularisers": ()}), seed=1)
    assert weights(plain) == weights(watched) == weights(again) != weights(without)
    frame = recorder.frame("penalties")
    assert list(frame["step"]) == list(range(8)) and set(frame["term"]) == {regulariser.name}
    assert (frame["value"] > 0).all()
    assert not plain.recurrent._forward_hooks, "nothing is left on the model"


def test_pascanu_on_truncated_windows_and_what_has_nothing_recurrent() -> None:
    made = TrainingSettings(steps=6, batch=4, evaluation_size=8, bptt=Truncated(k1=3, k2=5), regularisers=(Pascanu(),))
    assert train(small_model(EveryStep()), EveryStep(), made, seed=0).status == "finished"
    for regulariser in (Pascanu(), Flossing(), Orthogonality()):
        with pytest.raises(ValueError, match="got none"):
            regulariser.start(torch.nn.Linear(2, 2))
