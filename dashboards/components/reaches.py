"""How far back the gradient reaches in each group of runs, as every page says it: the median over the group's runs."""

import pandas as pd

from gradlab import reports
from gradlab.figures.groups import with_group


def group_reaches(frame: pd.DataFrame, step: int, by: tuple[str, ...], quantity: str) -> dict[str, float]:
    """Median reach of every group's runs, each at its recorded step nearest to the one asked for."""
    found = reports.reach(frame, quantity=quantity)
    distance = (found["step"] - step).abs()
    found = found.loc[distance.groupby(found["run"], observed=True).idxmin()]
    group = with_group(frame, by).drop_duplicates("run").set_index("run")["group"]
    medians = found.groupby(found["run"].map(group).astype(str))["reach"].median()
    return {str(name): float(value) for name, value in medians.items()}
