"""What backpropagation did in one module, in one pass: by layer, direction and unbroken sequence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from gradlab.dynamics import JacobianOperator
from gradlab.instrument import Layout, Pass
from gradlab.nn.layer import LayerRecording
from gradlab.recurrence import weight_gradients


class Recording:
    """Everything about one forward and backward pass of a module; made by `gradlab.nn.LSTM(...).recording`.

    Arrays are `time batch feature`, in the order of the sequence and of the batch that was given, whatever the form
    of the input (batch first, unbatched: a batch of one, packed: padded behind). Calls that carry the state on, such
    as those of a cell in a loop or of truncated chunks, make one sequence; one that starts anew begins another.
    """

    def __init__(self, name: str, layout: Layout, passes: list[Pass], gradients: Mapping[str, Tensor] | None) -> None:
        self.name = name
        self.layers = layout.layers
        self.directions = layout.directions
        self._layout = layout
        self._gradients = gradients
        self._passes: dict[tuple[int, int], list[list[Pass]]] = {}
        for passed in passes:
            _join(self._passes.setdefault((passed.layer, passed.direction), []), passed)
        self._made: dict[tuple[int, int, int], LayerRecording] = {}

    @property
    def sequences(self) -> int:
        """How many unbroken sequences the calls of the module make up; 1 for a single call."""
        return len(self._passes[0, 0])

    def layer(self, layer: int = -1, direction: int = 0, sequence: int | None = None) -> LayerRecording:
        """One layer in one direction.

        Args:
            layer: from 0 at the input, or from the end if negative.
            direction: 0 forward, 1 backward.
            sequence: which unbroken sequence; may be left out when there is only one.

        Raises ValueError for one that is not there.
        """
        if not -self.layers <= layer < self.layers:
            raise ValueError(f"layer: expected {-self.layers} to {self.layers - 1}, got {layer}")
        if not 0 <= direction < self.directions:
            raise ValueError(f"direction: expected 0 to {self.directions - 1}, got {direction}")
        if sequence is None:
            if self.sequences > 1:
                raise ValueError(
                    f"{self.name} was called for {self.sequences} separate sequences before the backward pass: "
                    f"expected one of them, as in recording.layer(-1, sequence=0), got none"
                )
            sequence = 0
        if not 0 <= sequence < self.sequences:
            raise ValueError(f"sequence: expected 0 to {self.sequences - 1}, got {sequence}")
        place = (layer % self.layers, direction, sequence)
        if place not in self._made:
            self._made[place] = LayerRecording.of(self._passes[place[:2]][sequence])
        return self._made[place]

    def __iter__(self) -> Iterator[LayerRecording]:
        """All layers, directions and sequences, in this order."""
        for layer in range(self.layers):
            for direction in range(self.directions):
                for sequence in range(self.sequences):
                    yield self.layer(layer, direction, sequence)

    @property
    def grad_h(self) -> Tensor:
        """dL/dh_t through all paths, `time batch hidden`, of the last layer's forward direction (see `layer`)."""
        return self.layer().grad_h

    @property
    def grad_c(self) -> Tensor:
        """dL/dc_t through all paths, `time batch hidden`, of the last layer's forward direction (LSTM only)."""
        return self.layer().grad_c

    @property
    def grad_x(self) -> Tensor:
        """dL/dx_t of the module's input, through all directions of the first layer, `time batch feature`."""
        return self.layer(0).grad_x

    def jacobians(self, times: Any = None, batch: Any = None, *, dense: bool = True) -> Tensor | JacobianOperator:
        """∂s_t/∂s_{t−1} of the last layer's forward direction; see `LayerRecording.jacobians`."""
        return self.layer().jacobians(times, batch, dense=dense)

    def singular_values(self, times: Any = None, batch: Any = None) -> Tensor:
        """Singular values of ∂s_t/∂s_{t−1} of the last layer's forward direction, `time batch states`, descending."""
        return self.layer().singular_values(times, batch)

    def weight_gradient_shares(self, weight: str = "weight_hh") -> Tensor:
        """Share of each step in a weight's gradient, `time`, of the last layer's forward direction; sums to 1."""
        return self.layer().weight_gradient_shares(weight)

    @property
    def closure_errors(self) -> dict[str, float]:
        """How far the weight gradients rebuilt from this recording are from autograd's, relative, by weight.

        NaN for a gradient that is not finite, infinite for one that should be zero and is not. Frozen weights are
        left out, and so are all when a backward pass through an earlier forward pass reached the weights meanwhile.
        """
        if self._gradients is None:
            return {}
        rebuilt: dict[str, Tensor] = {}
        for runs in self._passes.values():
            for passed in (passed for run in runs for passed in run):
                names = passed.layout.names(passed.layer, passed.direction)
                for short, gradient in weight_gradients(passed.adjoint).items():
                    name = names[short]
                    rebuilt[name] = rebuilt[name] + gradient if name in rebuilt else gradient
        return {name: _relative(rebuilt[name], real) for name, real in self._gradients.items() if name in rebuilt}

    @property
    def closure_error(self) -> float:
        """The largest of `closure_errors`: the instrument's own error. NaN where there is nothing to compare."""
        errors = list(self.closure_errors.values())
        return math.nan if not errors or any(map(math.isnan, errors)) else max(errors)

    def __repr__(self) -> str:
        shapes = [list(self.layer(sequence=k).grad_h.shape) for k in range(self.sequences)]
        return (
            f"Recording of {self.name}: layers={self.layers}, directions={self.directions}, "
            f"time batch hidden of each sequence: {', '.join(map(str, shapes))}"
        )


def _join(runs: list[list[Pass]], passed: Pass) -> None:
    """Put a pass behind the one it continues; a branch, or a batch of another size, begins a new sequence."""
    for run in runs:
        last = run[-1]
        continues = last.sequence == passed.sequence and last.offset + last.steps == passed.offset
        if continues and last.sequences == passed.sequences:
            run.append(passed)
            return
    runs.append([passed])


def _relative(rebuilt: Tensor, real: Tensor) -> float:
    """‖rebuilt − real‖/‖real‖ in float64, without over- or underflow."""
    rebuilt, real = rebuilt.double(), real.double()
    scale = torch.maximum(real.abs().max(), rebuilt.abs().max())
    if not bool(scale.isfinite()):
        return math.nan
    if float(scale) == 0:
        return 0.0
    return float((rebuilt / scale - real / scale).norm() / (real / scale).norm())
