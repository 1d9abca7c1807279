"""Sampling: a net that reads tokens is fed its own output, token by token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gradlab.errors import GradlabError
from gradlab.models.sequence_model import SequenceModel
from gradlab.shapes import Float, Int


class NonfiniteLogitsError(GradlabError, ValueError):
    """A net whose weights are no longer finite was asked to say something."""


@runtime_checkable
class Alphabet(Protocol):
    """What turns text into tokens and back; the text of the task `characters` does."""

    def encode(self, text: str) -> Tensor:
        """Tokens `character`."""

    def decode(self, tokens: Tensor) -> str:
        """Text of tokens `character`."""


def sample(
    model: SequenceModel,
    prompt: Int[Tensor, "time batch"],
    steps: int,
    generator: torch.Generator,
    temperature: float = 1.0,
) -> Int[Tensor, "steps batch"]:
    """Tokens that the net goes on with after a prompt, each drawn and then fed back.

    A function of weights, prompt and the generator's state. The model is run in evaluation mode and without gradient,
    and is left in the mode that it had.

    Args:
        model: reads tokens, and answers at every step with logits of the next one.
        prompt: read first; at least one token.
        steps: how many tokens are wanted.
        generator: on the CPU.
        temperature: the logits are divided by it: below 1 bolder, above 1 wilder; 0 always takes the likeliest.

    Raises ValueError for a net that answers at the last step only, an empty prompt or a negative temperature.
    """
    if model.reads != "every":
        raise ValueError("expected a model that answers at every step, got one that is read at the last step")
    if len(prompt) == 0 or steps < 0:
        raise ValueError(f"expected a prompt of at least one token and steps ≥ 0, got {len(prompt)} and {steps}")
    device = next(model.parameters()).device
    said = torch.empty(steps, prompt.shape[1], dtype=torch.int64)
    with torch.no_grad(), evaluating(model):
        outputs, state = model.unroll(prompt.to(device))
        for step in range(steps):
            said[step] = choose(outputs[-1], generator, temperature)
            if step + 1 < steps:
                outputs, state = model.unroll(said[step : step + 1].to(device), state)
    return said


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module is in the mode that it had."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def choose(
    logits: Float[Tensor, "batch token"], generator: torch.Generator, temperature: float = 1.0
) -> Int[Tensor, " batch"]:
    """One token per row from softmax(logits/temperature), in float64; the likeliest at temperature 0.

    Raises ValueError for a negative temperature, NonfiniteLogitsError for logits that are not numbers.
    """
    if not temperature >= 0:
        raise ValueError(f"expected a temperature ≥ 0, got {temperature}")
    logits = logits.double().cpu()
    if not (logits < torch.inf).all():
        raise NonfiniteLogitsError(
            "expected logits that are numbers, got NaN or infinity: the weights are no longer finite"
        )
    if temperature == 0:
        return logits.argmax(dim=-1)
    probabilities = ((logits - logits.amax(dim=-1, keepdim=True)) / temperature).softmax(dim=-1)
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(-1)


def sample_text(
    model: nn.Module, alphabet: Alphabet, prompt: str, length: int, *, seed: int, temperature: float = 1.0
) -> str:
    """What a character model writes after a prompt, the prompt not included.

    Args:
        model: a `SequenceModel` of the task `characters`.
        alphabet: the task's `source`.
        prompt: read first.
        length: characters wanted.
        seed: two calls with the same one write the same.
        temperature: as in `sample`.

    Raises ValueError as `sample` does, and for characters that the model does not know.
    """
    if not isinstance(model, SequenceModel):
        raise ValueError(f"expected a SequenceModel, got {type(model).__name__}")
    generator = torch.Generator().manual_seed(seed)
    tokens = sample(model, alphabet.encode(prompt).unsqueeze(1), length, generator, temperature)
    return alphabet.decode(tokens.squeeze(1))
