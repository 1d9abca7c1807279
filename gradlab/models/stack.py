"""Depth in the place of time: the step of a recurrence again and again, each with weights of its own and no input.

Weights differ from block to block, so a stack is no `gradlab.recurrence.Recurrence`, whose steps share theirs. Watching
treats the blocks as the steps of one sequence,

    gradlab.watch(model, cells={StackBlock: gradlab.instrument.Cell(input=None, state=0, depth=True)})

so that `t` in the tables is the depth. What plain, residual and gated RNNs are through time, plain nets, residual nets
(He et al. 2016, eq. 1) and highway nets (Srivastava, Greff & Schmidhuber 2015) are through depth.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gradlab.models.cells import equations
from gradlab.models.encoders import encoder
from gradlab.models.interface import TaskInterface, readout_layer
from gradlab.models.padded import Padded
from gradlab.models.recurrent_layers import started
from gradlab.models.settings import ModelSettings
from gradlab.recurrence import Recurrence
from gradlab.shapes import Float

BlockState = Tensor | tuple[Tensor, ...]
"""`batch width`, or one such tensor for each part of the state."""


class StackBlock(nn.Module):
    """One block: a step of the recurrence that reads nothing but the state below it."""

    def __init__(self, equations: Recurrence, width: int) -> None:
        super().__init__()
        self.equations = equations
        shapes = equations.weight_shapes(0, width)
        self._names = [name for name, shape in shapes.items() if 0 not in shape]
        self._unused = {name: shape for name, shape in shapes.items() if 0 in shape}
        for name in self._names:
            self.register_parameter(f"{name}_l0", nn.Parameter(torch.empty(shapes[name])))
        equations.initialise({name: getattr(self, f"{name}_l0") for name in self._names}, width)

    def forward(self, state: BlockState) -> BlockState:
        """The state one block higher, in the form of the one below."""
        states = state if isinstance(state, tuple) else (state,)
        weights = {name: getattr(self, f"{name}_l0") for name in self._names}
        weights |= {name: states[0].new_zeros(shape) for name, shape in self._unused.items()}
        new = self.equations.step(weights, states[0].new_zeros(len(states[0]), 0), states)
        return new if isinstance(state, tuple) else new[0]


class Stack(nn.Module):
    """So many blocks, one above the other.

    Attributes:
        blocks: from the bottom up.
        hidden_size: their width.
    """

    def __init__(self, equations: Recurrence, width: int, depth: int) -> None:
        super().__init__()
        self.hidden_size = width
        self.parts = len(equations.state_names)
        self.blocks = nn.ModuleList(StackBlock(equations, width) for _ in range(depth))

    def forward(self, bottom: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The first part of the highest state; the lowest has `bottom` in it, and zeros in its other parts."""
        several = (bottom, *(torch.zeros_like(bottom) for _ in range(self.parts - 1)))
        state: BlockState = several if self.parts > 1 else bottom
        for block in self.blocks:
            state = block(state)
        return state[0] if isinstance(state, tuple) else state


class DeepModel(nn.Module):
    """Reads a whole sequence at once, and answers at the top of a stack.

    Attributes:
        encoder: `time batch …` to `time batch feature`.
        bottom: `batch time·feature` to `batch width`.
        recurrent: the stack, by the name that the recurrent part of other models has.
        readout: `batch width` to `batch output`.
    """

    def __init__(self, encoder: nn.Module, bottom: nn.Linear, stack: Stack, readout: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.bottom = bottom
        self.recurrent = stack
        self.readout = readout

    def forward(self, inputs: Tensor | Padded) -> Float[Tensor, "batch output"]:
        """Answers of the whole stack; raises ValueError for sequences of other lengths than it was made for."""
        if not isinstance(inputs, Tensor):
            raise ValueError("depth: expected sequences of one length, got a task whose lengths differ; set it to null")
        features = self.encoder(inputs).transpose(0, 1).flatten(1)
        if features.shape[1] != self.bottom.in_features:
            expected, found = self.bottom.in_features, features.shape[1]
            raise ValueError(f"depth: expected {expected} numbers a sequence, as the task's length has, got {found}")
        return self.readout(self.recurrent(self.bottom(features)))


def deep_model(settings: ModelSettings, task: TaskInterface) -> DeepModel:
    """The model of settings with a depth; ValueError for a task that is not read at the end of one sequence."""
    if task.net != "sequence" or task.reads != "last":
        raise ValueError(
            "depth: expected null, or a task whose answer is read at the end of one sequence, got one that is read "
            f"{task.reads!r} by a net of the kind {task.net!r}"
        )
    assert settings.depth is not None
    encoding, width = encoder(task.inputs, task.input_size, settings.embedding)
    bottom = nn.Linear(width * task.length, settings.hidden)
    stack = Stack(equations(settings), settings.hidden, settings.depth)
    stack = started(stack, settings, settings.depth, _no_inputs)
    return DeepModel(encoding, bottom, stack, readout_layer(settings, task.output_size))


def _no_inputs() -> Tensor:
    raise AssertionError("the settings let no initialiser pass that looks at inputs")
