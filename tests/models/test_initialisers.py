"""Each initialiser by what it says of its weights."""

import math
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from gradlab.dynamics.estimate import estimate_mean_field
from gradlab.dynamics.mean_field import critical_sigma_w
from gradlab.models import ModelSettings, build
from gradlab.models.initialisers import INITIALISERS
from tests.models.cases import Sizes

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
STATED = (
    "chrono",
    "critical",
    "default",
    "forget_bias",
    "gaussian",
    "identity",
    "orthogonal",
    "pascanu",
    "ring",
    "in_turn",
)


def recurrent_weights(hidden: int = 16, **values: object) -> dict[str, Tensor]:
    model = build(ModelSettings.model_validate({"hidden": hidden, "layers": 2, **values}), Sizes(), 5)
    return {key: value.detach().double() for key, value in model.recurrent.named_parameters()}


def test_every_initialiser_is_tested_here() -> None:
    assert tuple(cls.model_fields["name"].default for cls in INITIALISERS) == STATED


@pytest.mark.parametrize("cell", GATES)
def test_default_is_torchs_uniform_distribution(cell: str) -> None:
    for weight in recurrent_weights(hidden=64, cell=cell).values():
        assert float(weight.abs().max()) <= 1 / 8
        if weight.ndim == 2 and weight.shape[1] == 64:
            assert float(weight.std()) == pytest.approx(1 / 8 / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("cell", GATES)
def test_orthogonal_blocks_have_one_singular_value(cell: str) -> None:
    weights = recurrent_weights(cell=cell, initialiser={"name": "orthogonal", "gain": 1.3})
    untouched = recurrent_weights(cell=cell)
    for key, weight in weights.items():
        if key.startswith("weight_hh"):
            blocks = weight.split(16)
            assert len(blocks) == GATES[cell]
            for block in blocks:
                assert torch.linalg.svdvals(block).numpy() == pytest.approx(1.3, rel=1e-5)
            if len(blocks) > 1:
                assert not torch.equal(blocks[0], blocks[1])
        else:
            assert torch.equal(weight, untouched[key])


@pytest.mark.parametrize("cell", GATES)
def test_identity_keeps_and_its_inputs_are_small(cell: str) -> None:
    weights = recurrent_weights(hidden=64, cell=cell, initialiser={"name": "identity", "scale": 0.5})
    for key, weight in weights.items():
        if key.startswith("weight_hh"):
            assert all(torch.equal(block, 0.5 * torch.eye(64).double()) for block in weight.split(64))
        elif key.startswith("bias"):
            assert not weight.any()
        else:
            assert float(weight.std()) == pytest.approx(0.001, rel=0.15)


@pytest.mark.parametrize("initialiser", ["default", "gaussian", "identity", "orthogonal", "chrono"])
def test_forget_bias_counts_as_the_sum_of_torchs_two(initialiser: str) -> None:
    weights = recurrent_weights(cell="lstm", forget_bias=1.5, initialiser=initialiser)
    without = recurrent_weights(cell="lstm", initialiser=initialiser)
    for layer in range(2):
        total = weights[f"bias_ih_l{layer}"] + weights[f"bias_hh_l{layer}"]
        assert total[16:32].numpy() == pytest.approx(1.5)
        for side in ("ih", "hh"):
            key = f"bias_{side}_l{layer}"
            assert torch.equal(weights[key][:16], without[key][:16])
            assert torch.equal(weights[key][32:], without[key][32:])


def test_an_irnn_keeps_its_state_without_input() -> None:
    settings = ModelSettings(cell="rnn", nonlinearity="relu", hidden=8, initialiser="identity")
    recurrent = build(settings, Sizes(), 0).recurrent
    state = torch.rand(1, 2, 8)
    outputs, last = recurrent(torch.zeros(50, 2, 3), state)
    assert torch.equal(outputs[-1], state[0]) and torch.equal(last, state)


@pytest.mark.parametrize("cell", GATES)
def test_gaussian_entries_have_the_gains_deviation(cell: str) -> None:
    weights = recurrent_weights(hidden=128, cell=cell, initialiser={"name": "gaussian", "gain": 1.7})
    untouched = recurrent_weights(hidden=128, cell=cell)
    for key, weight in weights.items():
        if not key.startswith("weight_hh"):
            assert torch.equal(weight, untouched[key])
            continue
        for block in weight.split(128):
            scaled = block.flatten() * math.sqrt(128) / 1.7
            assert float(scaled.mean()) == pytest.approx(0, abs=4 / 128)
            assert float(scaled.var()) == pytest.approx(1, abs=4 * math.sqrt(2) / 128)
            assert float(scaled.pow(4).mean()) == pytest.approx(3, abs=4 * math.sqrt(96) / 128)
            assert float(torch.linalg.eigvals(block).abs().max()) == pytest.approx(1.7, rel=0.15)


@pytest.mark.parametrize(("form", "deviation"), [("sigmoid", 0.01), ("basic_tanh", 0.1), ("smart_tanh", 0.01)])
def test_pascanus_three(form: str, deviation: float) -> None:
    settings = ModelSettings(cell="rnn", hidden=200, initialiser={"name": "pascanu", "form": form})
    model = build(settings, Sizes(input_size=30, output_size=20), 0)
    weights = {key: weight.detach().double() for key, weight in model.named_parameters()}
    for key in ("recurrent.weight_ih_l0", "readout.weight"):
        assert float(weights[key].std()) == pytest.approx(deviation, rel=0.06)
    for key in ("recurrent.bias_ih_l0", "recurrent.bias_hh_l0", "readout.bias"):
        assert not weights[key].any()
    recurrent = weights["recurrent.weight_hh_l0"]
    if form != "smart_tanh":
        assert float(recurrent.std()) == pytest.approx(deviation, rel=0.03)
        return
    assert ((recurrent != 0).sum(dim=1) == 15).all()
    assert float(torch.linalg.eigvals(recurrent).abs().max()) == pytest.approx(0.95, rel=1e-5)
    used = (recurrent != 0).sum(dim=0).double()
    assert float(used.var()) == pytest.approx(200 * (15 / 200) * (1 - 15 / 200), rel=0.5)


def test_smart_tanh_of_fewer_units_than_connections_is_dense() -> None:
    weights = recurrent_weights(hidden=8, cell="rnn", initialiser="pascanu")
    assert (weights["weight_hh_l0"] != 0).all()


@pytest.mark.parametrize("cell", ["lstm", "peephole_lstm", "gru"])
def test_chrono_biases_are_logarithms_of_uniform_times(cell: str) -> None:
    hidden, longest = 800, 200
    initialiser = {"name": "chrono", "longest": longest}
    settings = ModelSettings.model_validate({"cell": cell, "hidden": hidden, "initialiser": initialiser})
    weights = dict(build(settings, Sizes(input_size=1), 0).recurrent.named_parameters())
    total = (weights["bias_ih_l0"] + weights["bias_hh_l0"]).detach().double().split(hidden)
    times = total[1].exp()
    assert float(times.min()) + 1e-6 >= 1 and float(times.max()) <= longest - 1 + 1e-3
    assert float(times.mean()) == pytest.approx(longest / 2, abs=4 * (longest - 2) / math.sqrt(12 * hidden))
    assert float(times.var()) == pytest.approx((longest - 2) ** 2 / 12, rel=0.12)
    if cell != "gru":
        assert torch.equal(total[0], -total[1])
    # What a cell holds decays by its forget gate: with no input its time constant is that of σ(b).
    assert float((-1 / torch.sigmoid(total[1]).log()).median()) == pytest.approx(longest / 2, rel=0.15)


def test_chrono_takes_the_tasks_length_by_default() -> None:
    settings = ModelSettings(cell="lstm", hidden=600, initialiser="chrono")
    bias = build(settings, Sizes(), 0).recurrent.bias_ih_l0.detach().double()
    assert float(bias[600:1200].exp().max()) == pytest.approx(Sizes.length - 1, rel=0.02)


@pytest.mark.parametrize("cell", ["lstm", "peephole_lstm"])
def test_forget_bias_as_an_initialiser_is_the_setting(cell: str) -> None:
    by_name = recurrent_weights(cell=cell, initialiser={"name": "forget_bias", "value": 2.5})
    by_setting = recurrent_weights(cell=cell, forget_bias=2.5)
    assert all(torch.equal(by_name[key], by_setting[key]) for key in by_name)


@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_critical_is_where_the_mean_field_of_the_models_own_input_says(scale: float) -> None:
    """The layer's own estimate of its mean field, from its weights and fresh inputs, has χ = 1."""

    class Scaled(Sizes):
        def batch(self, size: int, generator: torch.Generator) -> SimpleNamespace:
            return SimpleNamespace(inputs=scale * super().batch(size, generator).inputs)

    settings = ModelSettings(cell="rnn", hidden=300, layers=2, initialiser="critical")
    task = Scaled(input_size=20)
    recurrent = build(settings, task, 0).recurrent
    inputs = scale * torch.randn(12, 100, 20, generator=torch.Generator().manual_seed(7))
    for layer in range(2):
        w_hh, w_ih, *biases = (
            getattr(recurrent, f"{name}_l{layer}").detach() for name in ("weight_hh", "weight_ih", "bias_ih", "bias_hh")
        )
        estimate = estimate_mean_field(w_hh, w_ih, inputs, *biases)
        assert estimate.mean_field().chi == pytest.approx(1, abs=0.03)
        h = torch.zeros(100, 300)
        outputs = []
        for x in inputs:
            h = torch.tanh(x @ w_ih.T + h @ w_hh.T + biases[0] + biases[1])
            outputs.append(h)
        inputs = torch.stack(outputs)


def test_critical_without_input_is_at_one_and_grows_with_it() -> None:
    assert critical_sigma_w(0.25) == pytest.approx(1.5496739, abs=1e-6)
    gains = []
    for input_size in (1, 60):
        settings = ModelSettings(cell="rnn", hidden=300, initialiser="critical")
        weight = build(settings, Sizes(input_size=input_size), 0).recurrent.weight_hh_l0
        gains.append(float(weight.detach().std()) * math.sqrt(300))
    assert 1 < gains[0] < gains[1] < 1.6


def test_critical_relu_has_gain_root_two() -> None:
    settings = ModelSettings(cell="rnn", nonlinearity="relu", hidden=300, initialiser="critical")
    weight = build(settings, Sizes(), 0).recurrent.weight_hh_l0.detach()
    assert float(weight.std()) * math.sqrt(300) == pytest.approx(math.sqrt(2), rel=0.01)


def test_ring_eigenvalues_are_uniform_on_the_ring() -> None:
    initialiser = {"name": "ring", "smallest_radius": 0.6, "largest_radius": 0.9}
    settings = ModelSettings.model_validate({"cell": "lru", "hidden": 2000, "initialiser": initialiser, "layers": 1})
    weights = {
        key: weight.detach().double() for key, weight in build(settings, Sizes(), 0).recurrent.named_parameters()
    }
    radius = torch.exp(-weights["recurrent.0.nu_l0"].exp())
    phase = weights["recurrent.0.theta_l0"].exp()
    assert float(radius.min()) >= 0.6 - 1e-5 and float(radius.max()) <= 0.9 + 1e-5
    area = (radius**2 - 0.36) / (0.81 - 0.36)
    for uniform in (area, phase / (2 * math.pi)):
        assert float(uniform.mean()) == pytest.approx(0.5, abs=4 / math.sqrt(12 * 1000))
        assert float(uniform.var()) == pytest.approx(1 / 12, rel=0.12)
    gamma = weights["recurrent.0.gamma_l0"].exp()
    assert (gamma**2).numpy() == pytest.approx((1 - radius**2).numpy(), abs=1e-5)


def test_ring_leaves_what_is_around_the_recurrence() -> None:
    values = {"cell": "lru", "layers": 2, "hidden": 16}
    ring = recurrent_weights(initialiser={"name": "ring", "layers": [1]}, **values)
    default = recurrent_weights(**values)
    changed = {key for key in ring if not torch.equal(ring[key], default[key])}
    assert {"recurrent.1.nu_l0", "recurrent.1.theta_l0"} <= changed
    assert all(key.startswith("recurrent.1.") for key in changed)


def test_in_turn_and_by_layer() -> None:
    several = ["orthogonal", {"name": "gaussian", "layers": [1]}, "chrono", {"name": "forget_bias", "layers": [0]}]
    weights = recurrent_weights(hidden=64, cell="lstm", initialiser=several)
    for layer, orthogonal in ((0, True), (1, False)):
        spread = torch.linalg.svdvals(weights[f"weight_hh_l{layer}"][:64])
        assert bool((spread - 1).abs().max() < 1e-5) is orthogonal
    total = [weights[f"bias_ih_l{layer}"] + weights[f"bias_hh_l{layer}"] for layer in range(2)]
    assert (total[0][64:128] == 1).all() and float(total[1][64:128].std()) > 0.1
    assert torch.equal(total[1][64:128], -total[1][:64])


def test_a_list_stands_for_in_turn() -> None:
    short = ModelSettings(initialiser=["orthogonal", {"name": "chrono", "longest": 9}])
    long = {"name": "in_turn", "initialisers": ({"name": "orthogonal"}, {"name": "chrono", "longest": 9})}
    assert short == ModelSettings(initialiser=long)
    assert ModelSettings.model_validate_json(short.model_dump_json()) == short


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cell": "gru", "initialiser": "critical"}, "one for the cell 'gru', got 'critical'; it is for rnn"),
        ({"cell": "rnn", "initialiser": ["orthogonal", "chrono"]}, "got 'chrono'; it is for gru, lstm, peephole_lstm"),
        (
            {"initialiser": {"name": "orthogonal", "layers": [0, 1]}},
            "expected layers below 1, .* got 1 for 'orthogonal'",
        ),
        ({"initialiser": []}, "at least 1 item"),
        ({"cell": "lru", "initialiser": {"name": "ring", "smallest_radius": 0.9, "largest_radius": 0.5}}, "at most"),
        ({"initialiser": ["in_turn"]}, "does not match any of the expected tags"),
    ],
)
def test_mistakes_are_told(values: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSettings.model_validate(values)


@pytest.mark.parametrize("initialiser", [name for name in STATED if name != "in_turn"])
def test_shapes_alone_can_be_tried(initialiser: str) -> None:
    cell = {"chrono": "lstm", "forget_bias": "lstm", "ring": "lru"}.get(initialiser, "rnn")
    with torch.device("meta"):
        model = build(ModelSettings(cell=cell, hidden=10**6, initialiser=initialiser), Sizes(), 0)
    assert all(parameter.is_meta for parameter in model.parameters())
