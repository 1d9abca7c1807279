"""What every initialiser does: it sets weights of recurrent layers before training."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from gradlab.settings import Settings

_NAME = re.compile(r"(?:(?:recurrent|blocks)\.(\d+)\.)?(\w+)_l(\d+)")
"""`weight_hh_l1` of torch's modules and of `RecurrentLayer`; `recurrent.1.nu_l0` of `ReadBlocks`; `blocks.1.bias_l0` of
a `Stack`, whose blocks count as layers."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an initialiser may know of the place that the layers have in a model."""

    nonlinearity: Literal["tanh", "relu"]
    """Of `rnn` cells."""
    length: int
    """Time steps of the task's sequences."""
    inputs: Callable[[], Tensor]
    """Gives what the first layer will read, `time batch feature`: a sample of the task, encoded."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of one layer, to be set in place."""

    index: int
    hidden: int
    weights: dict[str, Tensor]
    """By their short names, such as `weight_hh`; detached."""

    def recurrent_blocks(self) -> Iterator[Tensor]:
        """The recurrent matrix, gate by gate and by what it reads: views `hidden hidden`, in torch's order."""
        if "weight_hh" in self.weights:
            for gate in self.weights["weight_hh"].split(self.hidden, dim=0):
                yield from gate.split(self.hidden, dim=1)

    def biases(self) -> Iterator[Tensor]:
        """Every bias vector, `gates·hidden`."""
        return (weight for name, weight in self.weights.items() if name.startswith("bias"))

    def set_bias(self, gate: int, value: Tensor | float) -> None:
        """Set the bias of one gate; of two bias vectors it is the sum that counts, so the second becomes 0."""
        for place, bias in enumerate(self.biases()):
            bias[gate * self.hidden : (gate + 1) * self.hidden] = value if place == 0 else 0.0


def layers_of(recurrent: nn.Module) -> list[Layer]:
    """The layers of recurrent modules, from the input up."""
    hidden: Any = recurrent.hidden_size
    found: dict[int, dict[str, Tensor]] = {}
    for name, weight in recurrent.named_parameters():
        if match := _NAME.fullmatch(name):
            index = int(match[1] or 0) + int(match[3])
            found.setdefault(index, {})[match[2]] = weight.detach()
    return [Layer(index, hidden, weights) for index, weights in sorted(found.items())]


class Initialiser(Settings):
    """A way to start, as it stands in a study file. Stateless: it draws from torch's global generator.

    `gradlab.models.build` seeds that generator, and gives it back as it was.
    """

    name: str
    """Subclasses declare it as a `Literal` with that default."""
    cells: ClassVar[frozenset[str] | None] = None
    """The cells that it is for; None for every one that has a recurrent matrix."""
    reads_inputs: ClassVar[bool] = False
    """Whether it looks at inputs or input weights, which a stack of blocks has not."""

    @abstractmethod
    def apply(self, recurrent: nn.Module, surroundings: Surroundings) -> None:
        """Set weights in place; what an initialiser does not name keeps torch's default."""

    def apply_to_readout(self, readout: nn.Linear) -> None:
        """Set the weights of the readout, where the source says so."""

    def parts(self) -> tuple[Initialiser, ...]:
        """The initialisers that this one consists of: itself."""
        return (self,)

    def highest_layer(self) -> int:
        """The highest layer that is named, −1 for none."""
        return -1


class LayerInitialiser(Initialiser):
    """An initialiser that treats every layer alike, or only some of them."""

    layers: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] | None = None
    """The layers that it is for, from 0 at the input; null for all."""

    def apply(self, recurrent: nn.Module, surroundings: Surroundings) -> None:
        """Set the chosen layers, one after the other."""
        for layer in layers_of(recurrent):
            if self.chooses(layer):
                self.start(layer, surroundings)

    @abstractmethod
    def start(self, layer: Layer, surroundings: Surroundings) -> None:
        """Set the weights of one layer."""

    def chooses(self, layer: Layer) -> bool:
        """Whether a layer is among the chosen ones."""
        return self.layers is None or layer.index in self.layers

    def highest_layer(self) -> int:
        """The highest of the chosen layers."""
        return max(self.layers or (-1,))
