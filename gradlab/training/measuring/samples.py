"""Samples of what a net that speaks says on its way, so that one can watch it improve."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from gradlab.models import SequenceModel, Speaker, sample_text, speak
from gradlab.models.sampling import NonfiniteLogitsError
from gradlab.tasks import Characters, Prompted, Task, spelling
from gradlab.training.measuring.settings import MeasuringSettings
from gradlab.training.placement import on_model
from gradlab.training.seeds import derived_seed, generator

EXAMPLES = 5
"""Images or strings that are spoken about."""

Sampler = Callable[[], dict[str, np.ndarray]]
"""Gives the columns of the table `samples` but for its step, by the weights of now."""


def sampler(model: nn.Module, task: Task, settings: MeasuringSettings, seed: int) -> Sampler | None:
    """What lets this model speak; None for one that has nothing to say.

    Prompt, examples and random numbers are the same at every call, so that what changes is the net. Neither the
    model's mode nor any random stream of the training is touched.

    Raises ValueError for a prompt with characters that the text does not have.
    """
    if isinstance(task, Characters) and isinstance(model, SequenceModel):
        return _writer(model, task, settings, seed)
    if isinstance(model, Speaker) and task.output_size == spelling.ANSWERS:
        return _speller(model, task, seed)
    return None


def _writer(model: SequenceModel, task: Characters, settings: MeasuringSettings, seed: int) -> Sampler:
    source = task.source
    prompt = settings.sample_prompt or ("\n" if "\n" in source.symbols else source.symbols[0])
    source.encode(prompt)  # a character that is not known is told at once

    def write() -> dict[str, np.ndarray]:
        said: str | None
        try:
            said = sample_text(
                model, source, prompt, settings.sample_length,
                seed=derived_seed(seed, "samples"), temperature=settings.sample_temperature,
            )  # fmt: skip
        except NonfiniteLogitsError:
            said = None
        return _columns([prompt], [said], [None])

    return write


def _speller(model: Speaker, task: Task, seed: int) -> Sampler:
    batch = task.batch(EXAMPLES, generator(seed, "samples"), "test")
    assert isinstance(batch.inputs, Prompted)
    wanted = [spelling.text(answer) for answer in batch.targets.T]

    def spell() -> dict[str, np.ndarray]:
        inputs = on_model(batch, model).inputs
        assert isinstance(inputs, Prompted)
        said: list[str | None]
        try:
            answers = speak(model, inputs.given, spelling.START, len(batch.targets), generator(seed, "samples"))
            said = [spelling.text(answer) for answer in answers.T]
        except NonfiniteLogitsError:
            said = [None] * EXAMPLES
        return _columns([None] * EXAMPLES, said, wanted)

    return spell


def _columns(
    prompts: Sequence[str | None], said: Sequence[str | None], wanted: Sequence[str | None]
) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {"example": np.arange(len(said), dtype=np.int64)}
    for name, texts in {"prompt": prompts, "said": said, "wanted": wanted}.items():
        mask = [text is None for text in texts]
        columns[name] = np.ma.array(np.array([text or "" for text in texts], dtype=object), mask=mask)
    return columns
