"""What the theory takes as numbers: one, or many in any nesting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Numbers = float | int | Sequence[Any] | np.ndarray
"""Real numbers that broadcast against each other as numpy's do."""
