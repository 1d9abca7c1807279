"""The JSON documents of a store: strict JSON, in which NaN and infinities survive as `{"$float": "nan"}`."""

import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

_FLOAT = "$float"


def encode(document: Mapping[str, Any]) -> bytes:
    """A document as UTF-8 JSON, one key a line at the top.

    Raises:
        ValueError: naming the key whose value JSON cannot hold.
    """
    text = json.dumps(plain(document), ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode("utf-8", "backslashreplace")


def decode(data: bytes) -> dict[str, Any]:
    """The document that was encoded.

    Raises:
        ValueError: when the bytes are not a JSON object.
    """
    hook = _restore if b'"$float"' in data else None
    document = json.loads(data, object_hook=hook)
    if not isinstance(document, dict):
        raise ValueError(f"expected a JSON object, got {type(document).__name__}")
    return document


def plain(value: Any, key: str = "") -> Any:
    """The value in the types of JSON: numpy scalars, arrays, tuples and paths are converted.

    Raises:
        ValueError: naming the key, for a value that JSON cannot hold.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist(), key)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_FLOAT: repr(float(value))}
    if isinstance(value, Mapping):
        return {str(name): plain(item, f"{key}.{name}" if key else str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{key}[{place}]") for place, item in enumerate(value)]
    if isinstance(value, PurePath):
        return str(value)
    raise ValueError(f"{key or 'value'}: expected text, a number, a flag, null, a list or a mapping, got {type(value)}")


def _restore(item: dict[str, Any]) -> Any:
    return float(item[_FLOAT]) if item.keys() == {_FLOAT} else item
