"""The initialisers that a study can name; a further one is one file and one member of the union."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field

from gradlab.models.initialisers.base import Initialiser
from gradlab.models.initialisers.chrono import Chrono
from gradlab.models.initialisers.critical import Critical
from gradlab.models.initialisers.default import Default
from gradlab.models.initialisers.forget_bias import ForgetBias
from gradlab.models.initialisers.gaussian import Gaussian
from gradlab.models.initialisers.identity import Identity
from gradlab.models.initialisers.orthogonal import Orthogonal
from gradlab.models.initialisers.pascanu import Pascanu
from gradlab.models.initialisers.ring import Ring

Single = Chrono | Critical | Default | ForgetBias | Gaussian | Identity | Orthogonal | Pascanu | Ring
"""Every initialiser but the one that joins others."""

SINGLE: tuple[type[Initialiser], ...] = get_args(Single)
"""The classes of `Single`, in the same order."""


def from_name(value: Any) -> Any:
    """A bare name stands for that initialiser with its defaults."""
    return {"name": value} if isinstance(value, str) else value


_Union = Annotated[Single, Field(discriminator="name")]
AnySingle = Annotated[_Union, BeforeValidator(from_name, json_schema_input_type=str | _Union)]
"""Any of them, by its settings or by its bare name."""
