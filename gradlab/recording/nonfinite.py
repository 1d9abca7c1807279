"""What went non-finite first: the parameters, forward by layer and time, the loss, backward, their gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gradlab.instrument import Pass


def first_nonfinite(passes: Sequence[Pass], loss: Tensor | float, model: nn.Module) -> str:
    """Name the first NaN or infinity in causal order; empty when everything is finite.

    Parameters that are broken were so before the pass began: an earlier update broke them.
    """
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            return f"parameter {name}"
    forward = sorted(passes, key=lambda p: (p.sequence, p.offset, p.layer, p.direction))
    found = [place for passed in forward if (place := _in_forward(passed))]
    if found:
        return found[0]
    if not bool(torch.isfinite(torch.as_tensor(loss)).all()):
        return "loss"
    backward = sorted(passes, key=lambda p: (-p.sequence, -p.offset, -p.layer, p.direction))
    found = [place for passed in backward if (place := _in_backward(passed))]
    if found:
        return found[0]
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
            return f"gradient of {name}"
    return ""


def _place(passed: Pass, step: int, what: str) -> str:
    length = passed.steps
    real = length - 1 - step if passed.direction and passed.lengths is None else step
    direction = ", backward direction" if passed.direction else ""
    return f"{what} of {passed.name}, layer {passed.layer}{direction}, time step {passed.offset + real}"


def _first_step(values: Tensor, real: Tensor, last: bool) -> int | None:
    """First (or last) step in reading order at which a real entry of `time batch …` is not finite."""
    broken = (~torch.isfinite(values).all(-1) & real).any(1).nonzero().flatten()
    if len(broken) == 0:
        return None
    return int(broken[-1] if last else broken[0])


def _in_forward(passed: Pass) -> str:
    """The earliest step with a broken input, gate or state."""
    real = passed.real_steps()
    named = {"input": passed.trace.inputs}
    named |= {
        f"gate {name}": gate for name, gate in passed.trace.gates.items() if name in passed.recurrence.gate_bounds
    }
    named |= {
        f"state {name}": state for name, state in zip(passed.recurrence.state_names, passed.trace.states, strict=True)
    }
    steps = {what: step for what, values in named.items() if (step := _first_step(values, real, False)) is not None}
    if not steps:
        return ""
    # At one step the order of `named` is the causal one: min() keeps the first of equals.
    what = min(steps, key=lambda name: steps[name])
    return _place(passed, steps[what], what)


def _in_backward(passed: Pass) -> str:
    """The latest step with a broken gradient: backpropagation meets it first."""
    real = passed.real_steps()
    gradients = zip(passed.recurrence.state_names, passed.adjoint.states, strict=True)
    steps = {f"dL/d{name}_t": _first_step(values, real, True) for name, values in gradients}
    found = {what: step for what, step in steps.items() if step is not None}
    if not found:
        return ""
    what = max(found, key=lambda name: found[name])
    return _place(passed, found[what], what)
