"""One forward and backward pass of a model, with everything recorded, that leaves the model as it was."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from gradlab.instrument import Cell, paused
from gradlab.recording.amount import TABLES
from gradlab.recording.recorder import Recorder
from gradlab.recording.watch import watch


def record_once(
    model: nn.Module,
    inputs: Any,
    loss: Callable[[Any], Tensor],
    *,
    cells: Mapping[Any, Cell] | None = None,
    sequences: int | Literal["all"] = "all",
    jacobian_times: int | Literal["all"] = "all",
    jacobian_sequences: int = 2,
    tables: Collection[str] = TABLES,
) -> Recorder:
    """The closed recorder of a single pass; see `gradlab.analyse`, which shows what is in it."""
    with paused(), as_it_was(model), torch.inference_mode(False), torch.enable_grad(), _cudnn_that_can(model):
        recorder = watch(
            model, cells=cells, every=1, sequences=sequences, jacobian_times=jacobian_times,
            jacobian_sequences=jacobian_sequences, check_every=1, tables=tables,
        )  # fmt: skip
        with recorder:
            recorder.include_eval()
            value = _checked(loss(_called(model, inputs)))
            parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
            # Not backward(): nothing accumulates elsewhere, in inputs or in a criterion's own parameters, and an
            # optimiser that steps from within the backward pass does not.
            gradients = torch.autograd.grad(value, parameters, allow_unused=True)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            recorder.step(value)
    return recorder


def _called(model: nn.Module, inputs: Any) -> Any:
    """A mapping is keyword arguments, a plain tuple or list positional ones, anything else the one argument."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    # A PackedSequence is a tuple too, and one argument.
    return model(*inputs) if type(inputs) in (tuple, list) else model(inputs)


def _checked(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise ValueError(f"loss: expected a function of the model's output that gives a tensor, got {value!r}")
    if value.numel() != 1:
        raise ValueError(
            f"loss: expected one number, got a tensor of shape {list(value.shape)}; end it with .sum() or .mean()"
        )
    if not value.requires_grad:
        raise ValueError(
            "loss: expected one that depends on parameters of the model that require grad, got one that does not"
        )
    return value.reshape(())


@contextlib.contextmanager
def as_it_was(model: nn.Module) -> Iterator[None]:
    """Put everything back: gradients, buffers, modes and attributes of all modules, and all random states.

    Gradients are None inside. Only what a module keeps outside of its attributes, and objects that it changes in
    place other than buffers, are beyond reach.
    """
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    attributes = [(module, dict(module.__dict__)) for module in model.modules()]
    buffers = [
        (module._buffers, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    for parameter, _ in gradients:
        parameter.grad = None
    with _random_states():
        try:
            yield
        finally:
            for parameter, gradient in gradients:
                parameter.grad = gradient
            for module, before in attributes:
                module.__dict__.clear()
                module.__dict__.update(before)
            for table, name, buffer, values in buffers:
                # Past the version counter: to a graph that is waiting for its backward pass nothing has happened.
                buffer.data.copy_(values)
                table[name] = buffer


@contextlib.contextmanager
def _random_states() -> Iterator[None]:
    """Random numbers inside, and none of them missing afterwards: torch's on all devices, numpy's and Python's."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - models may use the global one
    try:
        devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


@contextlib.contextmanager
def _cudnn_that_can(model: nn.Module) -> Iterator[None]:
    """Backward through a recurrent module in eval mode, which cuDNN cannot do: torch's own kernels stand in."""
    stands_in = any(
        isinstance(module, nn.RNNBase) and not module.training and any(p.is_cuda for p in module.parameters())
        for module in model.modules()
    )
    with torch.backends.cudnn.flags(enabled=False) if stands_in else contextlib.nullcontext():
        yield
