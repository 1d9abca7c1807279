"""How recurrent weights start: each initialiser is a file here, and `single.py` lists them."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gradlab.models.initialisers.base import Initialiser, Surroundings
from gradlab.models.initialisers.chrono import Chrono
from gradlab.models.initialisers.critical import Critical
from gradlab.models.initialisers.default import Default
from gradlab.models.initialisers.forget_bias import ForgetBias
from gradlab.models.initialisers.gaussian import Gaussian
from gradlab.models.initialisers.identity import Identity
from gradlab.models.initialisers.in_turn import InTurn
from gradlab.models.initialisers.orthogonal import Orthogonal
from gradlab.models.initialisers.pascanu import Pascanu
from gradlab.models.initialisers.ring import Ring
from gradlab.models.initialisers.single import SINGLE, AnySingle, Single, from_name

_Union = Annotated[Single | InTurn, Field(discriminator="name")]

INITIALISERS: tuple[type[Initialiser], ...] = (*SINGLE, InTurn)
"""The classes behind `AnyInitialiser`."""


def _from_short_form(value: Any) -> Any:
    """A bare name stands for that initialiser with its defaults, a list for several in turn."""
    if isinstance(value, list | tuple):
        return {"name": "in_turn", "initialisers": tuple(value)}
    return from_name(value)


AnyInitialiser = Annotated[
    _Union, BeforeValidator(_from_short_form, json_schema_input_type=str | list[AnySingle] | _Union)
]
"""Any initialiser, by its settings or by its bare name; a list for several in turn."""

__all__ = [
    "INITIALISERS",
    "AnyInitialiser",
    "Chrono",
    "Critical",
    "Default",
    "ForgetBias",
    "Gaussian",
    "Identity",
    "InTurn",
    "Initialiser",
    "Orthogonal",
    "Pascanu",
    "Ring",
    "Surroundings",
]
