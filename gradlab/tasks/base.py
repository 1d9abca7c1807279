"""What every task gives: batches, targets, loss, score, the chance level and the lag that it demands."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from gradlab.settings import Settings
from gradlab.tasks.padded import Padded

Split = Literal["train", "test"]
Reads = Literal["last", "every"]
InputKind = Literal["numbers", "tokens"]


class Prompted(NamedTuple):
    """Inputs of a net that says something about something: what it is about, and what was said so far."""

    given: Tensor
    """`time batch feature`, float (the rows of an image, say), or `time batch`, int64 (tokens)."""
    said: Tensor
    """`time batch`, int64: the answer up to each step, START first (teacher forcing)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of sequences, time first, sequences second."""

    inputs: Tensor | Padded | Prompted
    """`time batch feature`, float; or `time batch`, int64, where the task's inputs are tokens. `Padded` where
    lengths differ."""
    targets: Tensor
    """What the loss compares with: `batch ...` when read at the last step, `time batch ...` at every one. Of padded
    sequences the loss counts real steps only."""

    def to(self, device: torch.device, dtype: torch.dtype) -> Batch:
        """The same batch where a model is, its floating-point tensors in the model's precision."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device, dtype if tensor.is_floating_point() else None)

        inputs = self.inputs
        if isinstance(inputs, Padded):
            inputs = Padded(moved(inputs.values), moved(inputs.lengths))
        elif isinstance(inputs, Prompted):
            inputs = Prompted(*map(moved, inputs))
        else:
            inputs = moved(inputs)
        return Batch(inputs, moved(self.targets))


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a predictor that has learned nothing reaches."""

    loss: float
    score: float
    meaning: str
    """Which predictor this is, in words."""


class Task(Settings):
    """A problem for a recurrent net. A task is a value: its fields are its settings, and it holds no state.

    Subclasses give `name` as a `Literal` with that default (it tells the tasks of a study file apart),
    `title`, and the properties and methods below, and stand in `gradlab.tasks.TASKS`. A batch is a function
    of the generator's state alone, so a run is a function of its settings and seed.
    """

    name: str
    title: ClassVar[str]
    reads: ClassVar[Reads] = "last"
    inputs: ClassVar[InputKind] = "numbers"
    """Numbers reach the recurrent layer as they are; tokens below `input_size` one-hot or embedded."""
    net: ClassVar[str] = "sequence"
    """The kind of net that the task needs, by its name in `gradlab.models.KINDS`."""
    score_name: ClassVar[str] = "accuracy"
    """What the score counts."""
    higher_is_better: ClassVar[bool] = True
    """Of the score: 1 is perfect and 0 the worst; otherwise 0 is perfect."""

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Features per time step."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Numbers that the readout gives."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Time steps per sequence."""

    @property
    @abstractmethod
    def demanded_lag(self) -> int:
        """How many steps back the gradient must reach for the task to be learned."""

    @property
    @abstractmethod
    def chance(self) -> Baseline:
        """The best constant or memoryless predictor."""

    @abstractmethod
    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Draw `size` sequences. Test batches never share an example with training batches."""

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Scalar loss of the readout's `batch output` (read at the last step) or `time batch output`."""

    @abstractmethod
    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Score of the same outputs; `higher_is_better` says which way."""

    def describe(self) -> dict[str, Any]:
        """Facts about the task for the store: name, length, demanded lag, where it is read, chance level."""
        return {
            "task_title": self.title,
            "task_length": self.length,
            "demanded_lag": self.demanded_lag,
            "reads": self.reads,
            "score_name": self.score_name,
            "higher_is_better": self.higher_is_better,
            "chance_loss": self.chance.loss,
            "chance_score": self.chance.score,
        }
