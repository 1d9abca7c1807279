"""What every initialiser does: it sets weights of a recurrent module before training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from gradlab.settings import Settings


class Initialiser(Settings):
    """A way to start, as it stands in a study file. Stateless: it draws from torch's global generator.

    `gradlab.models.build` seeds that generator, and gives it back as it was.
    """

    name: str
    """Subclasses declare it as a `Literal` with that default."""

    @abstractmethod
    def apply(self, recurrent: nn.Module) -> None:
        """Set weights in place; what an initialiser does not name keeps torch's default."""


def recurrent_blocks(recurrent: nn.Module) -> Iterator[Tensor]:
    """Every recurrent matrix, gate by gate and by what it reads: views `hidden hidden` of `weight_hh_*`, in order."""
    hidden: Any = recurrent.hidden_size
    for name, weight in recurrent.named_parameters():
        if name.startswith("weight_hh"):
            for gate in weight.detach().split(hidden, dim=0):
                yield from gate.split(hidden, dim=1)


def biases(recurrent: nn.Module) -> Iterator[Tensor]:
    """Every bias vector, detached: `gates·hidden`, in torch's order."""
    for name, bias in recurrent.named_parameters():
        if name.startswith("bias"):
            yield bias.detach()
