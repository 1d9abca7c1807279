"""What a recorder tells of the net and the optimiser it has seen."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import gradlab
from gradlab.reports import load
from gradlab.store import RunWriter, Store


class Own(torch.optim.SGD):
    """A class of the user's own."""


def seen(model: nn.Module, optimiser: type[torch.optim.Optimizer] = torch.optim.Adam) -> dict[str, Any]:
    """After one training step."""
    acts = optimiser(model.parameters(), lr=0.1)  # type: ignore[call-arg]
    with gradlab.watch(model, every=1) as recorder:
        loss = sum((part(torch.ones(3, 2, 2))[0].sum() for part in model.children()), torch.zeros(()))
        loss.backward()
        recorder.step(loss)
        acts.step()
    return recorder.settings()


@pytest.mark.parametrize(
    "part, cell, nonlinearity",
    [
        (nn.RNN(2, 3), "rnn", "tanh"),
        (nn.RNN(2, 3, nonlinearity="relu"), "rnn", "relu"),
        (nn.LSTM(2, 3), "lstm", "tanh"),
        (nn.GRU(2, 3, bidirectional=True), "gru", "tanh"),
    ],
)
def test_names_cell_and_optimiser(part: nn.Module, cell: str, nonlinearity: str) -> None:
    assert seen(nn.Sequential(part)) == {
        "model.cell": cell, "model.nonlinearity": nonlinearity, "training.optimiser.name": "adam",
    }  # fmt: skip


def test_says_nothing_of_a_net_of_several_kinds() -> None:
    assert seen(nn.Sequential(nn.RNN(2, 3), nn.GRU(2, 3)), torch.optim.SGD) == {"training.optimiser.name": "sgd"}


def test_says_nothing_of_an_optimiser_of_ones_own() -> None:
    assert "training.optimiser.name" not in seen(nn.Sequential(nn.RNN(2, 3)), Own)


def test_a_store_keeps_it_and_a_config_says_more(tmp_path: Path) -> None:
    """Or a rule for tanh units could not judge a net that was watched without a study."""
    for name, config in (("watched", None), ("told", {"model": {"cell": "mine"}, "seed": 3})):
        net = nn.Sequential(nn.RNN(2, 3))
        acts = torch.optim.SGD(net.parameters(), lr=0.1)
        with gradlab.watch(net, every=1, sink=RunWriter(tmp_path / name, config=config)) as recorder:
            net(torch.ones(3, 2, 2))[0].sum().backward()
            recorder.step(1.0)
            recorder.flush()
            assert Store(tmp_path).run(name).settings["model.nonlinearity"] == "tanh", "while it runs"
            acts.step()
    seen = {"model.cell": "rnn", "model.nonlinearity": "tanh", "training.optimiser.name": "sgd"}
    watched, told = (Store(tmp_path).run(name) for name in ("watched", "told"))
    assert watched.settings == seen and watched.config == {}
    assert told.settings == seen | {"model.cell": "mine", "seed": 3}
    assert load(tmp_path, "runs")["model.cell"].tolist() == ["mine", "rnn"]
