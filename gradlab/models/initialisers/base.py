"""What every initialiser does: it sets weights of a recurrent module before training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from torch import Tensor, nn

from gradlab.settings import Settings


class Initialiser(Settings):
    """A way to start, as it stands in a study file. Stateless: it draws from torch's global generator.

    `gradlab.models.build` seeds that generator, and gives it back as it was.
    """

    name: str
    """Subclasses declare it as a `Literal` with that default."""

    @abstractmethod
    def apply(self, recurrent: nn.RNNBase) -> None:
        """Set weights in place; what an initialiser does not name keeps torch's default."""


def recurrent_blocks(recurrent: nn.RNNBase) -> Iterator[Tensor]:
    """Every recurrent matrix, gate by gate: views `hidden hidden` of `weight_hh_*`, in torch's order."""
    for name, weight in recurrent.named_parameters():
        if name.startswith("weight_hh"):
            yield from weight.detach().split(recurrent.hidden_size, dim=0)


def biases(recurrent: nn.RNNBase) -> Iterator[Tensor]:
    """Every bias vector, detached: `gates·hidden`, in torch's order."""
    for name, bias in recurrent.named_parameters():
        if name.startswith("bias"):
            yield bias.detach()
