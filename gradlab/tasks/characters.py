"""The character language model: which character comes next?"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from gradlab.tasks.accuracy import class_frequencies, cross_entropy, entropy
from gradlab.tasks.base import Baseline, Batch, InputKind, Reads, Split, Task
from gradlab.tasks.examples import draw
from gradlab.tasks.kept import kept
from gradlab.tasks.ngrams import text_baselines
from gradlab.tasks.streams import stream
from gradlab.tasks.texts import Text, TextName, text


class Characters(Task):
    """Windows of a text, and at every step the next character.

    Training windows begin anywhere in the first part of the text; test windows stand side by side in the last part,
    so that as many of them as there are read it once. The score is bits per character on them: lower is better, and
    0 would be perfect. With `model.embedding` the characters are embedded, otherwise they are one-hot.
    """

    name: Literal["characters"] = "characters"
    title: ClassVar[str] = "Character language model"
    reads: ClassVar[Reads] = "every"
    inputs: ClassVar[InputKind] = "tokens"
    score_name: ClassVar[str] = "bits per character"
    higher_is_better: ClassVar[bool] = False

    text: TextName = "topics"
    """`topics`, the language documentation that ships with Python (it changes with Python's version);
    `shakespeare`, fetched once (needs pooch) unless `path` names a copy; or `file`, any text in UTF-8."""
    path: str | None = None
    """The text's file."""
    steps: Annotated[int, Field(ge=1)] = 50
    """Characters of a sequence."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the text, its end, that is for testing."""

    @model_validator(mode="after")
    def _has_its_file(self) -> Characters:
        if self.text == "file" and self.path is None:
            raise ValueError("path: expected the path of a text for text 'file', got null")
        if self.text == "topics" and self.path is not None:
            raise ValueError(f"path: expected null for text 'topics', got {self.path!r}; choose text 'file'")
        return self

    @property
    def source(self) -> Text:
        """The whole text. Raises ValueError or OSError when it cannot be had."""
        return text(self.text, self.path)

    def part(self, split: Split) -> Tensor:
        """The tokens of a split, `character`; ValueError where not a single window fits into it."""
        tokens = self.source.tokens
        border = len(tokens) - int(len(tokens) * self.held_out)
        part = tokens[:border] if split == "train" else tokens[border:]
        if len(part) <= self.steps:
            raise ValueError(
                f"expected a text whose part for {split} is longer than {self.steps} characters, got {len(part)} of "
                f"{len(tokens)}; take fewer steps or another share for held_out"
            )
        return part

    @property
    def input_size(self) -> int:
        """Different characters of the text."""
        return len(self.source.symbols)

    @property
    def output_size(self) -> int:
        """One logit a character."""
        return len(self.source.symbols)

    @property
    def length(self) -> int:
        """Characters of a sequence."""
        return self.steps

    @property
    def demanded_lag(self) -> int:
        """One step, to be better than a bigram; a text has no end of what could be gained further back."""
        return min(1, self.steps - 1)

    @property
    def chance(self) -> Baseline:
        """The frequencies of the characters in the test windows; more baselines are in `describe`."""
        loss = _unigram(self, self.source.sha256)
        return Baseline(loss, loss / math.log(2), "answers with the characters' frequencies, not looking")

    def batch(self, size: int, generator: torch.Generator, split: Split = "train") -> Batch:
        """Inputs `time batch`, and the same one character on."""
        part = self.part(split)
        if split == "train":
            starts = torch.randint(0, len(part) - self.steps, (size,), generator=stream(generator, split))
        else:
            starts = self.steps * draw((len(part) - 1) // self.steps, size, generator)
        places = torch.arange(self.steps + 1).unsqueeze(1) + starts
        return Batch(part[places[:-1]], part[places[1:]])

    def stream_length(self, size: int) -> int:
        """Characters of each of `size` streams, into which the training text is cut for truncated BPTT."""
        return (len(self.part("train")) - 1) // size

    def stream(self, size: int, start: int, steps: int) -> Batch:
        """The characters from `start` on of `size` parallel streams, and the same one character on."""
        part, begins = self.part("train"), torch.arange(size) * self.stream_length(size)
        places = torch.arange(start, start + steps + 1).unsqueeze(1) + begins
        return Batch(part[places[:-1]], part[places[1:]])

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy in nats a character of the logits `time batch character`."""
        return cross_entropy(outputs, batch.targets)

    def score(self, outputs: Tensor, batch: Batch) -> float:
        """Bits per character; NaN where a logit is."""
        return float(cross_entropy(outputs.detach().double(), batch.targets)) / math.log(2)

    def describe(self) -> dict[str, Any]:
        """With the text's identity, and what predictors without a net reach on the whole of it, in bits."""
        source = self.source
        baselines = text_baselines(source.tokens, len(source.symbols))
        return {
            **super().describe(),
            "text_sha256": source.sha256,
            "text_characters": len(source.tokens),
            "text_symbols": len(source.symbols),
            "uniform_bits": baselines.uniform / math.log(2),
            "unigram_bits": baselines.unigram / math.log(2),
            "bigram_bits": baselines.bigram / math.log(2),
        }


@kept
def _unigram(task: Characters, version: str) -> float:
    """Entropy of the characters that are asked for in testing, in nats; of this version of the text."""
    part = task.part("test")
    asked = part[1 : 1 + (len(part) - 1) // task.steps * task.steps]
    return entropy(class_frequencies(asked, task.output_size))
