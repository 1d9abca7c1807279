"""Numbers spelled out letter by letter: the alphabet, START and END, loss, score and the blind speller."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gradlab.shapes import Bool, Float, Int
from gradlab.tasks.accuracy import right
from gradlab.tasks.base import Batch, Prompted

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LETTERS = "".join(sorted({*"".join(WORDS), " "}))
END = len(LETTERS)
"""Said when all is said; the last of the tokens that can be answered."""
START = END + 1
"""Read first; never an answer."""
ANSWERS = END + 1
LONGEST = max(map(len, WORDS))
_TOKEN = {letter: token for token, letter in enumerate(LETTERS)}


def steps(words: int) -> int:
    """Letters, spaces and END of the longest answer of that many words."""
    return words * LONGEST + (words - 1) + 1


def spelled(given: Tensor, numbers: Int[Tensor, "word batch"]) -> Batch:
    """A batch that asks for numbers in letters about something given; behind END there is nothing but END.

    Args:
        given: what the numbers are about.
        numbers: 0 … 9.
    """
    longest = steps(len(numbers))
    answers = [" ".join(WORDS[number] for number in column) for column in numbers.T.tolist()]
    rows = [[_TOKEN[letter] for letter in answer] + [END] * (longest - len(answer)) for answer in answers]
    targets = torch.tensor(rows).T.contiguous()
    said = torch.cat((torch.full((1, targets.shape[1]), START), targets[:-1]))
    return Batch(Prompted(given, said), targets)


def text(tokens: Int[Tensor, " letter"]) -> str:
    """What was said, up to END."""
    letters = tokens.tolist()
    end = letters.index(END) if END in letters else len(letters)
    return "".join(LETTERS[token] for token in letters[:end])


def counted(targets: Int[Tensor, "time batch"]) -> Bool[Tensor, "time batch"]:
    """The places that are answers: up to the first END, and that one."""
    return torch.cat((torch.ones_like(targets[:1]), targets[:-1] != END)).bool()


def loss(outputs: Float[Tensor, "time batch answer"], targets: Int[Tensor, "time batch"]) -> Tensor:
    """Cross-entropy in nats of whole answers, mean over the sequences; what stands behind END does not count."""
    each = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")
    return (each * counted(targets).flatten()).sum() / targets.shape[1]


def score(outputs: Float[Tensor, "time batch answer"], targets: Int[Tensor, "time batch"]) -> float:
    """Share of answers in which every letter is the likeliest one.

    The net reads the right letters here (teacher forcing). Left to itself, always saying the likeliest, it gets
    exactly these answers right: up to its first mistake it has read the same.
    """
    return float((right(outputs, targets) | ~counted(targets)).all(dim=0).double().mean())


def blind_guess(shares: Float[Tensor, " number"]) -> int:
    """The number that a speller names who knows the shares of the numbers only, and says the likeliest letter."""
    likely = shares.tolist()
    candidates = list(range(len(WORDS)))
    for place in range(LONGEST):
        weights: dict[str, float] = {}
        for number in candidates:
            letter = WORDS[number][place : place + 1]
            weights[letter] = weights.get(letter, 0.0) + likely[number]
        chosen = max(weights, key=weights.__getitem__)
        candidates = [number for number in candidates if WORDS[number][place : place + 1] == chosen]
    return candidates[0]
