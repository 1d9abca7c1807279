"""Terms beside the loss; a further one is one class here and one member of the union."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field

from gradlab.training.regularisers.base import Penalty, Regulariser
from gradlab.training.regularisers.flossing import Flossing
from gradlab.training.regularisers.matrices import L1, L2, Orthogonality, SpectralNorm
from gradlab.training.regularisers.pascanu import Pascanu

_Union = Annotated[Pascanu | Flossing | SpectralNorm | Orthogonality | L1 | L2, Field(discriminator="name")]

REGULARISERS: tuple[type[Regulariser], ...] = get_args(get_args(_Union)[0])
"""The classes behind `AnyRegulariser`, in the same order."""


def _from_name(value: Any) -> Any:
    """A bare name stands for that term with its defaults."""
    return {"name": value} if isinstance(value, str) else value


AnyRegulariser = Annotated[_Union, BeforeValidator(_from_name, json_schema_input_type=str | _Union)]
"""Any term, by its settings or by its bare name."""

__all__ = [
    "L1",
    "L2",
    "REGULARISERS",
    "AnyRegulariser",
    "Flossing",
    "Orthogonality",
    "Pascanu",
    "Penalty",
    "Regulariser",
    "SpectralNorm",
]
