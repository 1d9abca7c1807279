"""How far back the gradient flows; a further way is one file here and one member of the union."""

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field

from gradlab.training.bptt.adaptive import Adaptive
from gradlab.training.bptt.base import Bptt, Stretch, Unrolling, unrollable
from gradlab.training.bptt.bias import bias_columns, ladder
from gradlab.training.bptt.decay import leading_exponent
from gradlab.training.bptt.full import Full
from gradlab.training.bptt.nested import WindowGradient, nested_gradients
from gradlab.training.bptt.randomised import Randomised
from gradlab.training.bptt.truncated import Truncated
from gradlab.training.bptt.walk import Streams

_Union = Annotated[Full | Truncated | Randomised | Adaptive, Field(discriminator="name")]

BPTT: tuple[type[Bptt], ...] = get_args(get_args(_Union)[0])
"""The classes behind `AnyBptt`, in the same order."""


def _from_name(value: Any) -> Any:
    """A bare name stands for that form with its defaults."""
    return {"name": value} if isinstance(value, str) else value


AnyBptt = Annotated[_Union, BeforeValidator(_from_name, json_schema_input_type=str | _Union)]
"""Any form of backpropagation through time, by its settings or by its bare name."""

__all__ = [
    "BPTT",
    "Adaptive",
    "AnyBptt",
    "Bptt",
    "Full",
    "Randomised",
    "Streams",
    "Stretch",
    "Truncated",
    "Unrolling",
    "WindowGradient",
    "bias_columns",
    "ladder",
    "leading_exponent",
    "nested_gradients",
    "unrollable",
]
