"""How recurrent weights start; a further initialiser is one file here and one member of the union."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field

from gradlab.models.initialisers.base import Initialiser
from gradlab.models.initialisers.default import Default
from gradlab.models.initialisers.identity import Identity
from gradlab.models.initialisers.orthogonal import Orthogonal

_Union = Annotated[Default | Identity | Orthogonal, Field(discriminator="name")]

INITIALISERS: tuple[type[Initialiser], ...] = get_args(get_args(_Union)[0])
"""The classes behind `AnyInitialiser`, in the same order."""


def _from_name(value: Any) -> Any:
    """A bare name stands for that initialiser with its defaults."""
    return {"name": value} if isinstance(value, str) else value


AnyInitialiser = Annotated[_Union, BeforeValidator(_from_name, json_schema_input_type=str | _Union)]
"""Any initialiser, by its settings or by its bare name."""

__all__ = ["INITIALISERS", "AnyInitialiser", "Default", "Identity", "Initialiser", "Orthogonal"]
