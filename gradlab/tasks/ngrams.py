"""What predictors without a net reach on a text: uniform, by the character alone, by the one before."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from gradlab.shapes import Int, Tensor
from gradlab.tasks.accuracy import class_frequencies, entropy


@dataclass(frozen=True, slots=True)
class TextBaselines:
    """Cross-entropies in nats a character, each of the best predictor of its kind on this very text."""

    uniform: float
    """All symbols are equally likely."""
    unigram: float
    """By the frequencies of the symbols."""
    bigram: float
    """By the frequencies of the symbols behind the one before."""


def text_baselines(tokens: Int[Tensor, " character"], symbols: int) -> TextBaselines:
    """Baselines of a text of `symbols` different tokens; ValueError for a text of less than two characters."""
    if len(tokens) < 2:
        raise ValueError(f"expected a text of at least two characters, got {len(tokens)}")
    pairs = entropy(class_frequencies(tokens[:-1] * symbols + tokens[1:], symbols**2))
    first = entropy(class_frequencies(tokens[:-1], symbols))
    return TextBaselines(math.log(symbols), entropy(class_frequencies(tokens, symbols)), pairs - first)


def bigram_logits(tokens: Int[Tensor, " character"], symbols: int) -> Tensor:
    """Logits of the next token by the one before, `symbol symbol`; −∞ for a pair that never came."""
    counts = torch.bincount(tokens[:-1] * symbols + tokens[1:], minlength=symbols**2)
    return counts.reshape(symbols, symbols).double().log()
