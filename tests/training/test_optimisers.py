"""The optimisers of a study file are torch's, with torch's defaults."""

import inspect

import pytest
import torch
from pydantic import ValidationError

from gradlab.training import OPTIMISERS, TrainingSettings

TORCH = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}
ARGUMENTS = {
    "rate": "lr",
    "decay": {"adam": "betas", "adamw": "betas", "rmsprop": "alpha"},
    "momentum": "momentum",
    "weight_decay": "weight_decay",
}


def test_names() -> None:
    assert [optimiser.model_fields["name"].default for optimiser in OPTIMISERS] == list(TORCH)


@pytest.mark.parametrize("name", TORCH)
def test_every_setting_arrives_and_defaults_are_torchs(name: str) -> None:
    settings = TrainingSettings.model_validate({"optimiser": name}).optimiser
    started = settings.start([torch.nn.Parameter(torch.zeros(2))])
    assert type(started) is TORCH[name]
    defaults = inspect.signature(TORCH[name]).parameters
    for field in type(settings).model_fields:
        if field == "name":
            continue
        argument = ARGUMENTS[field][name] if isinstance(ARGUMENTS[field], dict) else ARGUMENTS[field]
        assert getattr(settings, field) == defaults[argument].default == started.defaults[argument]
    changed = settings.model_copy(update={"rate": 0.5}).start([torch.nn.Parameter(torch.zeros(2))])
    assert changed.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize(
    "optimiser",
    ["adm", {"name": "sgd", "rate": 0}, {"name": "sgd", "decay": 0.9}, {"name": "adam", "rate": "fast"}],
)
def test_anything_else_is_refused(optimiser: object) -> None:
    with pytest.raises(ValidationError):
        TrainingSettings.model_validate({"optimiser": optimiser})
