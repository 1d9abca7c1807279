"""How clipping may be written in a study file."""

import pytest
from pydantic import ValidationError

from gradlab.training import TrainingSettings
from gradlab.training.clipping import Clipping, NoClipping, NormClipping


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (None, NoClipping()),
        ("none", NoClipping()),
        (1, NormClipping(threshold=1.0)),
        (0.25, NormClipping(threshold=0.25)),
        ("norm", NormClipping(threshold=1.0)),
        ({"name": "norm", "threshold": 3}, NormClipping(threshold=3.0)),
        (NormClipping(threshold=3), NormClipping(threshold=3.0)),
    ],
)
def test_short_forms_are_the_long_ones(written: object, meant: Clipping) -> None:
    settings = TrainingSettings.model_validate({"clip": written})
    assert settings.clip == meant
    assert settings.model_dump()["clip"] == meant.model_dump()
    assert TrainingSettings.model_validate(settings.model_dump()) == settings


@pytest.mark.parametrize("written", [0, -1.0, True, "nrom", float("inf"), {"name": "norm", "limit": 2}, [1.0]])
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        TrainingSettings.model_validate({"clip": written})
