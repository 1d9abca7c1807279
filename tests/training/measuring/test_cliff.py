"""The cliff: geometry of its lines and its plane, and figure 6 of Pascanu, Mikolov & Bengio (2013)."""

import math
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gradlab.recording import MemorySink
from gradlab.tasks import Baseline, Batch, Task
from gradlab.tasks.base import Split
from gradlab.training import OPTIMISERS, TrainingSettings, train
from gradlab.training.measuring import cliff_columns, losses_at, plane_axes, step_of
from tests.training.bptt.test_influence_balancing import Rows
from tests.training.spy import SMALL, small_model, weights


class SingleUnit(nn.Module):
    """a_t = w σ(a_{t−1}) + b, the figure's own net: one hidden unit, no input."""

    def __init__(self, w: float, b: float, start: float = 0.5) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(b, dtype=torch.float64))
        self.start = start

    def forward(self, inputs: Tensor) -> Tensor:
        """σ(a) after as many steps as the inputs have, `batch 1`."""
        h = torch.full((inputs.shape[1], 1), self.start, dtype=torch.float64)
        for _ in range(len(inputs)):
            h = torch.sigmoid(self.w * h + self.b)
        return h


class FiftySteps(Task):
    """(h_50 − 0.7)²."""

    name: Literal["fifty"] = "fifty"
    title: ClassVar[str] = "figure 6"
    input_size: ClassVar[int] = 1  # type: ignore[misc]
    output_size: ClassVar[int] = 1  # type: ignore[misc]
    length: ClassVar[int] = 50  # type: ignore[misc]
    demanded_lag: ClassVar[int] = 49  # type: ignore[misc]
    chance: ClassVar[Baseline] = Baseline(1.0, 0.0, "none")  # type: ignore[misc]

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Nothing goes in."""
        return Batch(torch.zeros(50, size, 1), torch.full((size, 1), 0.7))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Squared distance."""
        return (outputs - batch.targets).square().mean()

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Minus it."""
        return -float(self.loss(outputs, batch))


def fixed_points(w: float, b: float) -> list[float]:
    """Stable fixed points of h = σ(w h + b), from below and from above, by iteration to the end."""
    ends = []
    for h in (0.0, 1.0):
        for _ in range(100_000):
            h = 1 / (1 + math.exp(-(w * h + b)))
        ends.append(h)
    return ends


def test_figure_6_has_its_wall_where_the_theory_puts_it() -> None:
    """From h₀ = ½ the unit falls to either of two fixed points; b = −w/2 parts them, where w > 4 (σ'(0) w > 1)."""
    model, task = SingleUnit(0.0, 0.0), FiftySteps()
    batch = task.batch(1, torch.Generator())
    widths, offsets = np.linspace(4.5, 7, 6), np.array([-0.4, -0.05, -0.01, 0.01, 0.05, 0.4])
    for w in widths:
        places = [[torch.tensor(w), torch.tensor(-w / 2 + offset)] for offset in offsets]
        found = losses_at([model.w, model.b], places, lambda: task.loss(model(batch.inputs), batch))
        for loss, offset in zip(found, offsets, strict=True):
            low, high = fixed_points(w, -w / 2 + offset)
            expected = ((low if offset < 0 else high) - 0.7) ** 2
            if abs(offset) > 0.04:
                assert loss == pytest.approx(expected, abs=2e-3), (w, offset)
        assert found[2] > found[3] + 0.1 if w > 5 else True, "a wall between two sides a fiftieth apart"
    flat = losses_at([model.w, model.b], [[torch.tensor(2.0), torch.tensor(-1 + x)] for x in offsets],
                     lambda: task.loss(model(batch.inputs), batch))  # fmt: skip
    assert np.abs(np.diff(flat)).max() < 0.1, "no wall where w < 4"
    assert float(model.w.detach()) == 0.0 and float(model.b.detach()) == 0.0, "put back"


def test_figure_6_on_the_way_of_a_training() -> None:
    """At the foot of the wall the raw step flies far away; the clipped one stays, and the plane shows the wall."""
    model, rows = SingleUnit(5.0, -2.5 + 3e-6), Rows()
    settings = TrainingSettings.model_validate(
        {
            "steps": 1, "batch": 1, "evaluation_size": 1, "evaluate_every": None, "clip": 1.0,
            "optimiser": {"name": "sgd", "rate": 0.1},
            "measure": {"cliff_at": (0,), "cliff_points": 21, "cliff_reach": 4.0, "clipping_every": 1},
        }
    )  # fmt: skip
    train(model, FiftySteps(), settings, seed=0, recorder=rows)  # type: ignore[arg-type]
    frame = rows.sink.frame("cliff").set_index("path")
    raw, clipped, plane = (frame.loc[path] for path in ("raw", "clipped", "plane"))
    assert len(raw) == len(clipped) == 21 and len(plane) == 21 * 21
    whole_raw, whole_clipped = (line.iloc[(line["fraction"] - 1).abs().argmin()] for line in (raw, clipped))
    assert whole_clipped["along"] == pytest.approx(0.1, rel=1e-5), "rate times the threshold"
    assert whole_raw["along"] > 3, "the raw gradient at the wall is large"
    wall = plane["loss"]
    assert wall.max() - wall.min() > 0.2, "both sides of the wall are on the plane"
    norms = rows.sink.frame("clipping").set_index(["strategy", "setting"])["coefficient"]
    assert norms.loc[("norm", 1.0)] == pytest.approx(0.1 / whole_raw["along"], rel=1e-4)


@pytest.mark.parametrize(
    "optimiser",
    [
        *(kind.model_fields["name"].default for kind in OPTIMISERS),
        {"name": "sgd", "momentum": 0.9},
        {"name": "adam", "decay": (0.5, 0.6)},
        {"name": "adamw", "weight_decay": 0.3},
    ],
)
def test_the_steps_are_those_that_the_optimiser_makes(optimiser: Any) -> None:
    net = small_model()
    made = TrainingSettings(optimiser=optimiser).optimiser.start(net.parameters())
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        drawn = [torch.randn(weight.shape, generator=generator) for weight in net.parameters()]
        foreseen = step_of(made, drawn)
        before = [weight.detach().clone() for weight in net.parameters()]
        for weight, gradient in zip(net.parameters(), drawn, strict=True):
            weight.grad = gradient.clone()
        made.step()
        for weight, start, step in zip(net.parameters(), before, foreseen, strict=True):
            torch.testing.assert_close(weight.detach() - start, step, rtol=0, atol=0)


@pytest.mark.parametrize("kept", [True, False])
def test_the_plane_holds_both_steps(kept: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    raw = [torch.randn(4, 3, generator=generator, dtype=torch.float64), torch.randn(5, generator=generator).double()]
    clipped = [0.01 * part for part in raw] if kept else [part.clamp(-0.3, 0.3) for part in raw]
    along, across = plane_axes(raw, clipped, torch.Generator().manual_seed(1))

    def dot(one: list[Tensor], two: list[Tensor]) -> float:
        return float(sum((a * b).sum() for a, b in zip(one, two, strict=True)))

    assert dot(along, along) == pytest.approx(1) and dot(across, across) == pytest.approx(1)
    assert dot(along, across) == pytest.approx(0, abs=1e-12)
    for step in (raw, clipped):
        rest = [part - dot(step, along) * a - dot(step, across) * b
                for part, a, b in zip(step, along, across, strict=True)]  # fmt: skip
        assert math.sqrt(dot(rest, rest)) < 1e-12 * math.sqrt(dot(step, step)) + 1e-15


def test_on_a_quadratic_every_point_has_the_loss_of_its_place() -> None:
    place = [nn.Parameter(torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64))]
    raw, clipped = [torch.tensor([3.0, 0.0, 0.0])], [torch.tensor([1.0, 1.0, 0.0])]
    columns = cliff_columns(
        place, [raw[0].double()], [clipped[0].double()], lambda: place[0].square().sum(),
        points=5, reach=1.5, generator=torch.Generator(),
    )  # fmt: skip
    for path, along, across, loss in zip(
        columns["path"], columns["along"], columns["across"], columns["loss"], strict=True
    ):
        assert loss == pytest.approx((1 + along) ** 2 + (2 + across) ** 2 + 1), path
    assert list(place[0].detach()) == [1.0, 2.0, -1.0]


def test_looking_changes_nothing() -> None:
    trained = []
    for measure in ({"clipping_every": None}, {"cliff_at": (0, 3, 7), "cliff_points": 5, "bias_every": 2}):
        net = small_model(layers=2, dropout=0.4)
        rows = Rows()
        settings = TrainingSettings.model_validate(
            {"steps": 9, "batch": 4, "evaluation_size": 8, "clip": 0.1, "measure": measure}
        )
        train(net, SMALL, settings, seed=1, recorder=rows)  # type: ignore[arg-type]
        trained.append(weights(net))
    assert trained[0] == trained[1]
    assert isinstance(rows.sink, MemorySink) and set(rows.sink.tables()) == {"cliff", "truncation", "clipping"}
    assert sorted(rows.sink.frame("cliff")["step"].unique()) == [0, 3, 7]
