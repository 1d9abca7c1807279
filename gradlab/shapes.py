"""The words in which shapes are written, as `Float[Tensor, "time batch hidden"]`.

Checked at run time only under pytest (jaxtyping's import hook with beartype); elsewhere they are comments.
"""

from jaxtyping import Bool, Float, Inexact, Int
from torch import Tensor

__all__ = ["Bool", "Float", "Inexact", "Int", "Tensor"]
