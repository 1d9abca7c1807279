"""What identifies a run: the hash of its resolved config, and the config flattened to dotted keys."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from gradlab.store.documents import plain


def run_id(config: Mapping[str, Any]) -> str:
    """12 hexadecimal characters of the SHA-256 of the config as canonical JSON.

    The order of keys does not count, tuples count as lists, and numbers by their value: 1 and 1.0 are the
    same setting (true is not). Floats enter by `repr`, the shortest decimal that reads back to the same bits.

    Raises:
        ValueError: naming the key whose value is not a setting (see `documents.plain`).
    """
    text = json.dumps(_canonical(plain(config)), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one level of dotted keys (`model.cell`); lists become tuples."""
    flat: dict[str, Any] = {}
    _flatten(config, prefix, flat)
    return flat


def _flatten(config: Mapping[str, Any], prefix: str, flat: dict[str, Any]) -> None:
    for key, value in config.items():
        # Most values are plain: asking whether they are mappings costs more than all the rest, for thousands of runs.
        kind = type(value)
        if kind is str or kind is int or kind is float or kind is bool or value is None:
            flat[prefix + key] = value
        elif isinstance(value, Mapping):
            _flatten(value, f"{prefix}{key}.", flat)
        else:
            flat[prefix + key] = _hashable(value)


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


def _hashable(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_hashable(item) for item in value)
    return value if not isinstance(value, Mapping) else json.dumps(value, sort_keys=True)
