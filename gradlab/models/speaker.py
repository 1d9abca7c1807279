"""What models that say something about something have in common: they take it in, and then speak token by token."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from gradlab.models.sampling import choose, evaluating
from gradlab.shapes import Float, Int


class Speaker(nn.Module):
    """A model of `(given, said)`: what it is about, and the answer so far, which is its own when it speaks freely."""

    @abstractmethod
    def begin(self, given: Tensor) -> Any:
        """The recurrent state after taking in what is given, `time batch ...`, and before START."""

    @abstractmethod
    def say(self, said: Int[Tensor, "time batch"], state: Any) -> tuple[Float[Tensor, "time batch answer"], Any]:
        """Logits of the token behind each of those said, and the state afterwards."""

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Float[Tensor, "time batch answer"]:
        """Logits at every step, with the right tokens so far read (teacher forcing).

        Args:
            inputs: what is given, `time batch ...`, and what was said, `time batch`.
        """
        given, said = inputs
        return self.say(said, self.begin(given))[0]


def speak(
    model: Speaker,
    given: Tensor,
    start: int,
    steps: int,
    generator: torch.Generator,
    temperature: float = 0.0,
) -> Int[Tensor, "steps batch"]:
    """What the model says by itself, every token fed back.

    Args:
        model: is run in evaluation mode and without gradient, and left in the mode that it had.
        given: `time batch ...`.
        start: the token that is read first.
        steps: tokens to be said, those behind the end included.
        generator: on the CPU.
        temperature: 0 says the likeliest.

    Raises ValueError for a negative temperature or weights that are no longer finite.
    """
    device = next(model.parameters()).device
    said = torch.empty(steps, given.shape[1], dtype=torch.int64)
    token = torch.full((1, given.shape[1]), start)
    with torch.no_grad(), evaluating(model):
        state = model.begin(given.to(device))
        for step in range(steps):
            logits, state = model.say(token.to(device), state)
            token = choose(logits[0], generator, temperature).unsqueeze(0)
            said[step] = token[0]
    return said
