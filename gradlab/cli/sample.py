"""`gradlab sample`: let the net of a run speak, fed its own output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.fork import RunArgument
from gradlab.cli.options import StoreOption
from gradlab.errors import GradlabError

if TYPE_CHECKING:
    from torch import nn

    from gradlab.models import Speaker
    from gradlab.store import RunInfo
    from gradlab.study.config import RunConfig
    from gradlab.tasks import Characters, Task

_EXAMPLES = 10


def sample(
    run: RunArgument,
    prompt: Annotated[str, typer.Option("--prompt", help="Text to go on with.")] = "",
    length: Annotated[int, typer.Option("--length", min=1, help="Characters to write.")] = 500,
    temperature: Annotated[
        float, typer.Option("--temperature", min=0, help="Below 1 bolder, above 1 wilder; 0 takes the likeliest.")
    ] = 1.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed writes the same.")] = 0,
    store: StoreOption = "runs",
) -> None:
    """Let the net of a run write, each character drawn from its own prediction and fed back.

    Character models go on with a prompt. Captions and digit strings read aloud are said for a few held-out examples,
    beside what would have been right. The weights are those of the run's last checkpoint.
    """
    from gradlab.models import Speaker
    from gradlab.store import Store
    from gradlab.tasks import Characters

    info = Store(store).run(run)
    config = _config(info)
    try:
        model = _trained(info, config)
        if isinstance(config.task, Characters):
            typer.echo(_written(model, config.task, prompt, length, seed, temperature))
        elif isinstance(model, Speaker):
            for line in _said(model, config.task, seed, temperature):
                typer.echo(line)
        else:
            raise GradlabError(
                f"expected a run whose net says something (characters, captions, read_aloud), got {config.task.name}"
            )
    except (ValueError, OSError) as error:
        raise GradlabError(str(error)) from error


def _config(info: RunInfo) -> RunConfig:
    import yaml

    from gradlab.study.config import read_config
    from gradlab.study.yaml_nodes import Dumper

    text = yaml.dump(dict(info.config), Dumper=Dumper, sort_keys=False, allow_unicode=True)
    return read_config(text, info.path)


def _trained(info: RunInfo, config: RunConfig) -> nn.Module:
    """The run's net with the weights that it left; a GradlabError says what is missing."""
    from gradlab.study.build import build_model
    from gradlab.training import WEIGHTS, load_weights
    from gradlab.training.checkpoint import weights_from_bytes

    known = info.facts.get("text_sha256")
    if known is not None and config.task.describe().get("text_sha256") != known:
        raise GradlabError(
            f"{info.path}: expected the text that the run was trained on (SHA-256 {known}), found another one here; "
            "its characters have other tokens"
        )
    if WEIGHTS not in info.artifacts():
        raise GradlabError(
            f"{info.path}: expected the artifact {WEIGHTS}, found none: the run is {info.status} and has not come to "
            "a checkpoint; let it finish, or set training.checkpoint_every to fewer steps"
        )
    model = build_model(config)
    load_weights(model, weights_from_bytes(info.read_artifact(WEIGHTS)))
    return model


def _written(model: nn.Module, task: Characters, prompt: str, length: int, seed: int, temperature: float) -> str:
    from gradlab.models import sample_text

    symbols = task.source.symbols
    start = prompt or ("\n" if "\n" in symbols else symbols[0])
    return prompt + sample_text(model, task.source, start, length, seed=seed, temperature=temperature)


def _said(model: Speaker, task: Task, seed: int, temperature: float) -> list[str]:
    import torch

    from gradlab.models import speak
    from gradlab.tasks import Prompted, spelling

    generator = torch.Generator().manual_seed(seed)
    batch = task.batch(_EXAMPLES, generator, "test").to(torch.device("cpu"), next(model.parameters()).dtype)
    if not isinstance(batch.inputs, Prompted):
        raise ValueError(f"expected inputs of something given and something said, got those of {task.name}")
    said = speak(model, batch.inputs.given, spelling.START, len(batch.targets), generator, temperature)
    pairs = [(spelling.text(right), spelling.text(own)) for right, own in zip(batch.targets.T, said.T, strict=True)]
    width = max(len(right) for right, _ in pairs)
    return [f"{right:{width}}  {own}" for right, own in pairs]
