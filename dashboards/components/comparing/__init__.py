"""What the page Compare shows: groups of runs, or single runs, beside each other."""

from dashboards.components.comparing.groups import compare_groups
from dashboards.components.comparing.keys import QUANTITIES, keys_of, outcome_of
from dashboards.components.comparing.single import compare_runs

__all__ = ["QUANTITIES", "compare_groups", "compare_runs", "keys_of", "outcome_of"]
