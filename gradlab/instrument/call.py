"""One call of a recurrent module, as it was seen from outside: what went in, what came out, which gradients arrived."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gradlab.errors import InstrumentError, UnsupportedError
from gradlab.instrument.modules import Layout


@dataclass(slots=True, eq=False, weakref_slot=True)
class Call:
    """Kept only between the forward pass of a recorded step and its replay."""

    name: str
    layout: Layout
    inputs: Tensor | PackedSequence
    initial: tuple[Tensor, ...] | None
    """The state as it was given, or None where the module started from zero."""
    output: Tensor | PackedSequence
    """Hidden states of the last layer; for a cell, its hidden state."""
    final: tuple[Tensor, ...]
    """The state as it was returned."""
    random_state: Tensor | None
    """State of the random generator before the call, where dropout will have to be drawn again."""
    during_backward: bool
    starts_from_leaf: bool
    """Whether the given state has no history: zeros, a learned state, or one that was detached."""
    autocast: torch.dtype | None
    arrived: dict[str, Tensor] = field(default_factory=dict)
    """Gradients by name: `output`, and `h` and `c` for the parts of the returned state."""
    cell_gradient_is_total: bool = False
    """Whether the gradient seen at a cell's c already holds the path through h (torch's unfused LSTMCell)."""
    listener: Callable[[Call], None] | None = None
    """Told after every gradient that arrives."""
    vectorised: bool = False
    """Whether a gradient arrived from a vectorised backward pass (`is_grads_batched`), many losses at once."""
    second_order: bool = False
    """Whether a backward pass went through here that was itself to be differentiated."""
    _versions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Remember the versions of all tensors, to notice a change in place."""
        self._versions = self._versions or tuple(tensor._version for tensor in self._kept())

    def _kept(self) -> list[Tensor]:
        def data(value: Tensor | PackedSequence) -> Tensor:
            return value.data if isinstance(value, PackedSequence) else value

        return [data(self.inputs), data(self.output), *(self.initial or ()), *self.final]

    def arrive(self, where: str, gradient: Tensor | None) -> None:
        """Add a gradient that reached an output; several backward passes add up.

        Autograd hands on None for an output that the loss does not depend on, when a sibling output was used.
        """
        if gradient is None:
            return
        if is_vectorised(gradient):
            self.vectorised = True
            if self.listener is not None:
                self.listener(self)
            return
        self.second_order |= torch.is_grad_enabled()  # only backward(create_graph=True) runs hooks in grad mode
        gradient = gradient.detach()
        held = self.arrived.get(where)
        self.arrived[where] = gradient.clone() if held is None else held + gradient
        if self.listener is not None:
            self.listener(self)

    @property
    def output_is_intact(self) -> bool:
        """False when the output was overwritten in place since the call, so that it must be computed again."""
        return self._kept()[1]._version == self._versions[1]

    @property
    def precision(self) -> torch.dtype:
        """The coarsest dtype that the pass went through, by which agreement is judged."""
        return self.output.data.dtype if self.autocast is None else self.autocast

    def check_replayable(self) -> None:
        """Raise UnsupportedError or InstrumentError when a replay of this call would not be the truth."""
        if self.vectorised:
            raise UnsupportedError(
                f"module {self.name!r}: expected the gradients of one loss, got those of a vectorised backward pass "
                "(is_grads_batched, vectorize=True), which belong to many; call backward() on one loss"
            )
        if self.second_order:
            raise UnsupportedError(
                f"module {self.name!r}: a backward pass with create_graph=True went through it (a gradient penalty, "
                "for example), whose second derivatives gradlab does not take apart; record other steps with "
                "watch(..., at=[...])"
            )
        names = ["input", ""] + ["initial state"] * len(self.initial or ())
        for what, tensor, version in zip(names, self._kept(), self._versions, strict=False):
            if what and tensor._version != version:
                raise InstrumentError(
                    f"module {self.name!r}: its {what} was changed in place between the forward pass and "
                    "its replay (recorder.step(), or .recording), so it cannot be replayed; use an out-of-place "
                    "operation there, or look earlier"
                )


def is_vectorised(gradient: Tensor) -> bool:
    """Whether a gradient stands for many losses at once, by `vmap` or by `is_grads_batched`."""
    kinds = torch._C._functorch
    return kinds.is_batchedtensor(gradient) or kinds.is_legacy_batchedtensor(gradient)
