"""The list that feeds the contract suite of models: a further cell or setting is a line here."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import torch

from gradlab.models import ModelSettings


@dataclass(frozen=True)
class Sizes:
    """A task as a model sees it."""

    reads: str = "last"
    inputs: str = "numbers"
    input_size: int = 3
    output_size: int = 4
    title: ClassVar[str] = "stand-in"
    net: ClassVar[str] = "sequence"
    length: ClassVar[int] = 12

    def batch(self, size: int, generator: torch.Generator) -> SimpleNamespace:
        if self.inputs == "tokens":
            return SimpleNamespace(inputs=torch.randint(0, self.input_size, (12, size), generator=generator))
        return SimpleNamespace(inputs=torch.randn(12, size, self.input_size, generator=generator))

    def __str__(self) -> str:
        return f"{self.reads}-{self.inputs}"


TASKS = [
    Sizes(),
    Sizes(reads="every"),
    Sizes(inputs="tokens", input_size=11),
    Sizes("every", "tokens", 11, 11),
]

MODELS = [
    ModelSettings(cell="rnn", hidden=5),
    ModelSettings(cell="rnn", hidden=5, nonlinearity="relu", initialiser="identity"),
    ModelSettings(cell="lstm", hidden=5),
    ModelSettings(cell="lstm", hidden=5, forget_bias=1.0, layers=2, dropout=0.2),
    ModelSettings(cell="gru", hidden=5, layers=3, initialiser="orthogonal"),
    ModelSettings(cell="gru", hidden=5, embedding=7, precision="float64"),
    ModelSettings(cell="mgu", hidden=5, layers=2, dropout=0.2, initialiser="orthogonal"),
    ModelSettings(cell="minimal_rnn", hidden=5),
    ModelSettings(cell="mingru", hidden=5, layers=2),
    ModelSettings(cell="minlstm", hidden=5),
    ModelSettings(cell="lru", hidden=6, layers=2, dropout=0.2),
    ModelSettings(cell="antisymmetric", hidden=5, step_size=0.2, damping=0.0),
    ModelSettings(cell="cornn", hidden=5, layers=2, step_size=0.1, frequency=1.0, damping=0.5),
    ModelSettings(cell="peephole_lstm", hidden=5, forget_bias=1.0),
    ModelSettings(cell="residual", hidden=5, step_size=0.2, damping=0.2, initialiser="identity"),
]


def name(settings: ModelSettings) -> str:
    """A short name for a test's id."""
    return "-".join(f"{key}={value}" for key, value in settings.model_dump(exclude_defaults=True).items() if value)
