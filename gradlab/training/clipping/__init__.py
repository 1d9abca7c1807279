"""Clipping strategies; a further one is one file here and one member of the union."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field

from gradlab.training.clipping.agc import AGC, AGClipping
from gradlab.training.clipping.autoclip import AutoClip, AutoClipping
from gradlab.training.clipping.base import Clipper, Clipping, ClipReport
from gradlab.training.clipping.none import NoClipping, Unclipped
from gradlab.training.clipping.norm import Norm, NormClipping
from gradlab.training.clipping.normalised import Normalised, Normalising
from gradlab.training.clipping.parameter import ParameterClipping, PerParameter
from gradlab.training.clipping.value import Value, ValueClipping
from gradlab.training.clipping.zclip import ZClip, ZClipping

_Union = Annotated[
    NoClipping | NormClipping | ValueClipping | ParameterClipping | AGClipping | AutoClipping | ZClipping | Normalising,
    Field(discriminator="name"),
]

CLIPPERS: tuple[type[Clipping], ...] = get_args(get_args(_Union)[0])
"""The classes behind `AnyClipping`, in the same order."""


def _from_short_form(value: Any) -> Any:
    """Null stands for no clipping, a number for a threshold on the norm, text for a strategy's defaults."""
    if value is None:
        return {"name": "none"}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"name": "norm", "threshold": value}
    return {"name": value} if isinstance(value, str) else value


AnyClipping = Annotated[_Union, BeforeValidator(_from_short_form, json_schema_input_type=None | float | str | _Union)]
"""Any strategy: by its settings, by its bare name, as a number (norm clipping), or null."""

__all__ = [
    "AGC",
    "CLIPPERS",
    "AGClipping",
    "AnyClipping",
    "AutoClip",
    "AutoClipping",
    "ClipReport",
    "Clipper",
    "Clipping",
    "NoClipping",
    "Norm",
    "NormClipping",
    "Normalised",
    "Normalising",
    "ParameterClipping",
    "PerParameter",
    "Unclipped",
    "Value",
    "ValueClipping",
    "ZClip",
    "ZClipping",
]
