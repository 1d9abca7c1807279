"""One layer in one direction over one unbroken sequence: gradients, states, Jacobians and shares at every time step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from gradlab import dynamics
from gradlab.dynamics import JacobianOperator
from gradlab.instrument import Pass
from gradlab.recurrence import Recurrence, Trace, Weights
from gradlab.recurrence.base import Factors
from gradlab.shapes import Bool, Float


@dataclass(frozen=True, slots=True, repr=False)
class LayerRecording:
    """All arrays are `time batch …`, from the sequence's first step on, for both directions.

    In padding gradients are zero; states, gates, Jacobians and singular values are NaN.
    """

    layer: int
    direction: int
    recurrence: Recurrence
    weights: Weights
    """As they were in the forward pass, by short name."""
    gradients: Mapping[str, Tensor]
    """dL/dh_t, and for the LSTM dL/dc_t, by the name of the state."""
    grad_x: Float[Tensor, "time batch feature"]
    """dL/dx_t of the layer's input, through all its directions."""
    real_steps: Bool[Tensor, "time batch"]
    """False in padding."""
    _trace: Trace
    _factors: Factors

    @classmethod
    def of(cls, passes: list[Pass]) -> LayerRecording:
        """Join the passes of a sequence along time, in its order and in the order of the batch that was given."""

        def joined(parts: list[Tensor]) -> Tensor:
            arranged = [_unsorted(p.in_real_time(part), p.order) for p, part in zip(passes, parts, strict=True)]
            return torch.cat(arranged)

        with torch.no_grad():
            real = torch.cat([_unsorted(p.real_steps(), p.order) for p in passes])

            def only_real(parts: list[Tensor]) -> Tensor:
                return joined(parts).masked_fill(~real.unsqueeze(-1), torch.nan)

            first = passes[0]
            indices = range(len(first.recurrence.state_names))
            trace = Trace(
                inputs=joined([p.trace.inputs for p in passes]),
                initial=(),
                states=tuple(only_real([p.trace.states[k] for p in passes]) for k in indices),
                gates={name: only_real([p.trace.gates[name] for p in passes]) for name in first.trace.gates},
                started_from=tuple(only_real([p.trace.before(k) for p in passes]) for k in indices),
            )
            return cls(
                layer=first.layer,
                direction=first.direction,
                recurrence=first.recurrence,
                weights=first.weights,
                gradients={
                    name: joined([p.adjoint.states[k] for p in passes])
                    for k, name in enumerate(first.recurrence.state_names)
                },
                grad_x=torch.cat([_unsorted(p.grad_inputs, p.order) for p in passes]),
                real_steps=real,
                _trace=trace,
                _factors={
                    weight: (
                        joined([p.adjoint.factors[weight][0] for p in passes]),
                        None if right is None else joined([cast(Tensor, p.adjoint.factors[weight][1]) for p in passes]),
                    )
                    for weight, (_, right) in first.adjoint.factors.items()
                },
            )

    @property
    def grad_h(self) -> Tensor:
        """dL/dh_t through all paths, `time batch hidden`."""
        return self.gradients["h"]

    @property
    def grad_c(self) -> Tensor:
        """dL/dc_t through all paths, `time batch hidden`. Raises AttributeError where there is no cell state."""
        self._need_cell_state("grad_c")
        return self.gradients["c"]

    @property
    def h(self) -> Tensor:
        """The hidden states, `time batch hidden`."""
        return self._trace.states[0]

    @property
    def c(self) -> Tensor:
        """The cell states, `time batch hidden`. Raises AttributeError where there are none."""
        self._need_cell_state("c")
        return self._trace.states[1]

    @property
    def gates(self) -> dict[str, Tensor]:
        """Gates and inner activations after their nonlinearity, `time batch hidden` each, by their letters."""
        return {name: self._trace.gates[name] for name in self.recurrence.gate_bounds}

    def jacobians(self, times: Any = None, batch: Any = None, *, dense: bool = True) -> Tensor | JacobianOperator:
        """∂s_t/∂s_{t−1} of the full state (the LSTM's is (h, c)); backward in time ∂s_t/∂s_{t+1}.

        Args:
            times: time steps, as a slice or indices; all by default.
            batch: members of the batch, likewise.
            dense: the matrices, `time batch states states`, row the new state; otherwise the operator, which makes
                products with them and log|det J| without forming them.
        """
        operator, padding = self._operator(times, batch)
        return operator.dense().masked_fill(padding[..., None, None], torch.nan) if dense else operator

    @torch.no_grad()
    def singular_values(self, times: Any = None, batch: Any = None) -> Tensor:
        """Singular values of the Jacobians at the time steps and batch members chosen, `time batch states`.

        Descending, computed in float64; NaN where a Jacobian is not finite.
        """
        operator, padding = self._operator(times, batch)
        values = dynamics.singular_values(operator.to(torch.float64))
        return values.masked_fill(padding.unsqueeze(-1), torch.nan)

    @torch.no_grad()
    def weight_gradient_norms(self, weight: str = "weight_hh") -> Tensor:
        """‖G_t‖ of the contribution of each time step to a weight's gradient G = Σ_t G_t, `time`, float64.

        Pascanu, Mikolov & Bengio 2013, eq. 4. Raises ValueError for a weight that the layer lacks.
        """
        norms = []
        for part in self._contributions(weight):
            largest = part.abs().max()
            safe = torch.where(largest > 0, largest, torch.ones_like(largest))
            norms.append(safe * (part / safe).norm())
        return torch.stack(norms)

    @torch.no_grad()
    def weight_gradient_shares(self, weight: str = "weight_hh") -> Tensor:
        """⟨G_t, G⟩/‖G‖²: the share of each time step in a weight's gradient G = Σ_t G_t, `time`, float64.

        They sum to 1; negative where a step pulls against the sum, NaN where the gradient is zero.

        Args:
            weight: `weight_hh`, `weight_ih`, `bias_hh`, `bias_ih` or, with a projection, `weight_hr`.

        Raises ValueError for a weight that the layer lacks.
        """
        parts = self._contributions(weight)
        total = torch.stack(parts).sum(0)
        scale = total.abs().max()
        total = total / scale
        along = torch.stack([(part * total).sum() for part in parts])
        return along / scale / total.square().sum()

    def _contributions(self, weight: str) -> list[Tensor]:
        """G_t of each time step, in float64."""
        if weight not in self._factors:
            raise ValueError(f"weight: expected one of {', '.join(self._factors)}, got {weight!r}")
        left, right = self._factors[weight]
        left = left.double()
        if right is None:
            return list(left.sum(1))
        return [a.flatten(0, -2).T @ b.flatten(0, -2) for a, b in zip(left, right.double(), strict=True)]

    def _operator(self, times: Any, batch: Any) -> tuple[Any, Tensor]:
        """The Jacobians at the time steps and batch members chosen, and which of them are padding."""
        t, b = (
            torch.arange(count) if wanted is None else torch.arange(count)[wanted].reshape(-1)
            for count, wanted in zip(self.real_steps.shape, (times, batch), strict=True)
        )
        trace, before = self._trace.select(t, b)
        with torch.no_grad():
            return self.recurrence.jacobian(self.weights, trace, before), ~self.real_steps[t][:, b]

    def _need_cell_state(self, what: str) -> None:
        if "c" not in self.gradients:
            raise AttributeError(f"{what}: expected an LSTM, got {self.recurrence.name!r}, which has no cell state")

    def __repr__(self) -> str:
        steps, size = self.real_steps.shape
        return (
            f"LayerRecording of {self.recurrence.name!r}: layer={self.layer}, direction={self.direction}, "
            f"time={steps}, batch={size}, hidden={self.grad_h.shape[-1]}"
        )


def _unsorted(value: Tensor, order: Tensor | None) -> Tensor:
    """`time batch …` with the batch as it was given."""
    return value if order is None else value.index_select(1, order.to(value.device).argsort())
