"""Data that is made once and then kept, wherever the caller is about to build a model."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

import torch

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_MOST = 64
"""Results that are kept, of each function; those used longest ago give way."""


def kept(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The same function of hashable arguments, which remembers its results; tensors in them are on the CPU.

    Models are tried on torch's meta device, where tensors hold nothing: were they made then, they would be kept.
    """

    @wraps(function)
    def made(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        with torch.device("cpu"):
            return function(*arguments, **named)

    return cast("Callable[_Arguments, _Result]", lru_cache(maxsize=_MOST)(made))
