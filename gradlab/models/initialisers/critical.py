"""The edge of chaos by mean field, for the inputs that the model really gets."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gradlab.dynamics.mean_field import critical_sigma_w
from gradlab.models.initialisers.base import Layer, LayerInitialiser, Surroundings, layers_of
from gradlab.recurrence import RNN


class Critical(LayerInitialiser):
    """W_hh from N(0, σ_w²/H) with the σ_w at which χ = 1: the squared gradient neither grows nor shrinks.

    σ_w depends on the variance that inputs and biases inject into the pre-activations. It is measured, layer by
    layer, on sequences of the task; input weights and biases are torch's default. For ReLU it is √2 in any case.
    Source: Schoenholz, Gilmer, Ganguli & Sohl-Dickstein (2017); Chen, Pennington & Schoenholz (2018).
    """

    name: Literal["critical"] = "critical"
    cells: ClassVar[frozenset[str] | None] = frozenset({"rnn"})
    reads_inputs: ClassVar[bool] = True

    def apply(self, recurrent: nn.Module, surroundings: Surroundings) -> None:
        """Set the chosen layers from the bottom up, each for what the one below gives it."""
        inputs = surroundings.inputs()
        for layer in layers_of(recurrent):
            if self.chooses(layer):
                sigma_w = critical_sigma_w(injected_variance(layer, inputs), surroundings.nonlinearity)
                layer.weights["weight_hh"].normal_(std=sigma_w / math.sqrt(layer.hidden))
            start = (torch.zeros(inputs.shape[1], layer.hidden),)
            (inputs,) = RNN(nonlinearity=surroundings.nonlinearity).run(layer.weights, inputs, start)

    def start(self, layer: Layer, surroundings: Surroundings) -> None:
        """Not by itself: what a layer reads depends on the layers below."""
        raise NotImplementedError("expected to be applied to all layers together")


def injected_variance(layer: Layer, inputs: Tensor) -> float:
    """Mean square, over units, times and sequences, of what inputs `time batch feature` and biases inject."""
    injected = inputs.double() @ layer.weights["weight_ih"].double().T
    for bias in layer.biases():
        injected = injected + bias.double()
    return float(injected.square().mean())
