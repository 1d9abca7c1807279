"""The settings of one run, as a study file gives them: task, model, training, recording, seed."""

from __future__ import annotations

from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from gradlab.errors import ConfigError
from gradlab.models import ModelSettings
from gradlab.recording.settings import RecordSettings
from gradlab.settings import Settings
from gradlab.study.faults import faults_of
from gradlab.study.tree import Node, with_tuples
from gradlab.study.yaml_nodes import Dumper, read_yaml
from gradlab.tasks import AnyTask
from gradlab.training import TrainingSettings


class RunConfig(Settings):
    """Everything that decides a run. Two runs with equal configs are one run; its id is the hash of this."""

    task: AnyTask
    """What the net must learn; `name` says which task."""
    model: ModelSettings = ModelSettings()
    """The net."""
    training: TrainingSettings = TrainingSettings()
    """Steps, batch, optimiser, clipping."""
    record: RecordSettings = RecordSettings()
    """What is measured, and when."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Decides initial weights, order of the data, dropout: everything in a run that is drawn by chance."""


def config_of(tree: Node) -> RunConfig:
    """The run that a tree of settings describes; raises ConfigError with every mistake in it."""
    try:
        # Strict: no text for a number, no true for 1.
        return RunConfig.model_validate(with_tuples(tree.plain()), strict=True)
    except ValidationError as error:
        raise ConfigError(faults_of(error, tree, RunConfig)) from None


def resolved(config: RunConfig) -> dict[str, Any]:
    """The config with every default filled in, as plain values: what is hashed and stored."""
    return config.model_dump(mode="json")


def write_config(config: RunConfig) -> str:
    """The config as YAML, every default filled in; `read_config` gives an equal one back."""
    return yaml.dump(resolved(config), Dumper=Dumper, sort_keys=False, allow_unicode=True)


def read_config(text: str, source: str = "config") -> RunConfig:
    """Read what `write_config` wrote; raises ConfigError with every mistake."""
    return config_of(read_yaml(text, source))
