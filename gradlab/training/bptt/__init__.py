"""How far back the gradient flows; a further way is one file here and one member of the union."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from gradlab.training.bptt.base import Bptt, Stretch, Unrolling
from gradlab.training.bptt.full import Full

_Union = Full

BPTT: tuple[type[Bptt], ...] = (Full,)
"""The classes behind `AnyBptt`, in the same order."""


def _from_name(value: Any) -> Any:
    """A bare name stands for that form with its defaults."""
    return {"name": value} if isinstance(value, str) else value


AnyBptt = Annotated[_Union, BeforeValidator(_from_name, json_schema_input_type=str | _Union)]
"""Any form of backpropagation through time, by its settings or by its bare name."""

__all__ = ["BPTT", "AnyBptt", "Bptt", "Full", "Stretch", "Unrolling"]
