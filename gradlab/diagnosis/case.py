"""One run as the rules see it: its tables, its settings, what its task demands, and how well it learned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from gradlab.diagnosis.finding import Advice, CannotJudge
from gradlab.diagnosis.horizon import passes
from gradlab.quantities import TABLES

LEARNED = 0.8
"""From here on a task counts as learned: four fifths of the way from chance to perfect."""
AT_CHANCE = 0.3
"""Below it a task counts as not learned."""
LATE = 0.25
"""The last quarter of what was recorded says how a run stands."""
_ADAPTIVE = ("adam", "adamw", "adagrad", "rmsprop", "adadelta", "adafactor", "adamax", "nadam", "radam", "sparseadam")
"""Optimisers of torch that divide by the gradient's size; a study can name the first four."""

RECORD: dict[str, Advice] = {
    "steps": Advice("Call recorder.step(loss) after every backward().", {}, "recorder.step(loss)"),
    "timesteps": Advice(
        "Record some training steps.", {"record.every": 10}, "recorder = gradlab.watch(model, every=10)"
    ),
    "parameters": Advice(
        "Record some training steps.", {"record.every": 10}, "recorder = gradlab.watch(model, every=10)"
    ),
    "gates": Advice("Record some training steps.", {"record.every": 10}, "recorder = gradlab.watch(model, every=10)"),
    "lags": Advice("Record the table lags.", {"record.tables": ["lags"]}, 'gradlab.watch(model, tables=["lags"])'),
    "lyapunov": Advice(
        "Record the table lyapunov.", {"record.tables": ["lyapunov"]}, 'gradlab.watch(model, tables=["lyapunov"])'
    ),
    "truncation": Advice("Have the bias measured while training.", {"training.measure.bias_every": 50}),
}
"""How to get a table that is missing."""


class Case:
    """The tables of one run. Rules ask for what they need and are stopped by CannotJudge where it is not there."""

    def __init__(self, frames: Mapping[str, pd.DataFrame], run: str = "", known: Mapping[str, Any] | None = None):
        self._frames = frames
        self.run = run
        self._known = dict(known or {})

    def rows(self, table: str) -> pd.DataFrame:
        """A table; empty, with its columns, where nothing was recorded."""
        frame = self._frames.get(table)
        return pd.DataFrame(columns=list(TABLES[table].columns)) if frame is None else frame

    def need(self, table: str, *columns: str) -> pd.DataFrame:
        """A table with some number in each of these columns; raises CannotJudge naming what is missing."""
        frame = self.rows(table)
        if frame.empty:
            raise CannotJudge(f"the table `{table}` is missing", RECORD[table])
        for name in columns:
            if name not in frame.columns or not frame[name].notna().any():
                raise CannotJudge(f"the table `{table}` has nothing in `{name}`", RECORD[table])
        return frame

    @cached_property
    def about(self) -> dict[str, Any]:
        """Settings by dotted key and facts, what is not known left out."""
        frame = self.rows("runs")
        row = {} if frame.empty else dict(frame.iloc[0])
        row = {str(key): value for key, value in row.items() if not _absent(value)}
        return {**row, **self._known}

    def number(self, key: str) -> float | None:
        """A setting or fact that is a number."""
        value = self.about.get(key)
        return float(value) if isinstance(value, int | float | np.number) and not isinstance(value, bool) else None

    @cached_property
    def steps(self) -> pd.DataFrame:
        """The table `steps` in order; raises CannotJudge without it."""
        return self.need("steps").sort_values("step", kind="stable")

    @cached_property
    def losses(self) -> np.ndarray:
        """Training loss of every step, NaN and infinities as they were."""
        return self.steps["loss"].to_numpy(dtype=float)

    @cached_property
    def passes(self) -> pd.DataFrame:
        """What the gradient does in every recorded pass; raises CannotJudge without the table `timesteps`."""
        return passes(self.need("timesteps", "grad_h"))

    @cached_property
    def trend(self) -> np.ndarray:
        """The losses, with truncated windows the mean of as many as make one sequence: they are not alike."""
        k1, length = self.number("training.bptt.k1"), self.number("task_length")
        if k1 is None or length is None or self.reads != "every" or k1 >= length:
            return self.losses
        period = math.ceil(length / k1)
        smooth = pd.Series(self.losses).rolling(period, min_periods=1).mean().to_numpy(copy=True)
        smooth[:period] = smooth[:period][-1:]  # the first sequence counts whole
        return smooth

    @cached_property
    def norms(self) -> np.ndarray:
        """Gradient norm of every step as backward() left it."""
        return self.steps["grad_norm"].to_numpy(dtype=float)

    @cached_property
    def usual_norm(self) -> float:
        """Mean of the finite gradient norms without the largest hundredth; NaN without any."""
        norms = np.sort(self.norms[np.isfinite(self.norms) & (self.norms > 0)])
        return float(norms[: max(1, math.ceil(0.99 * len(norms)))].mean()) if len(norms) else math.nan

    @property
    def largest_norm(self) -> float:
        """The largest gradient norm, infinite ones among them; NaN without any."""
        norms = self.norms[~np.isnan(self.norms)]
        return float(norms.max()) if len(norms) else math.nan

    @property
    def advised_threshold(self) -> float:
        """Geometric middle of half to ten times the usual norm (Pascanu, Mikolov & Bengio 2013, section 3.2)."""
        return rounded(math.sqrt(0.5 * 10) * self.usual_norm)

    @cached_property
    def initial_loss(self) -> float:
        """Median loss of the first hundredth of the steps, one step at least."""
        count = max(1, len(self.trend) // 100)
        return float(np.median(self.trend[:count]))

    @cached_property
    def final_loss(self) -> float:
        """Mean loss of the last tenth of the steps, infinite when the last is not finite."""
        if not len(self.losses) or not math.isfinite(self.losses[-1]):
            return math.inf
        last = self.losses[-max(1, len(self.losses) // 10) :]
        return float(np.mean(last[np.isfinite(last)]))

    @cached_property
    def _held_out_loss(self) -> float:
        """The last one on held-out data; where there is none, the training loss at the end."""
        known = self.steps["score_loss"].dropna()
        return float(known.iloc[-1]) if len(known) and math.isfinite(self.final_loss) else self.final_loss

    @cached_property
    def learned(self) -> float | None:
        """How far the run got from chance (0) to perfect (1), by score or loss, the better; None if not known."""
        ways = []
        chance = self.number("chance_loss")
        if chance is not None and chance > 0:
            ways.append(1 - self._held_out_loss / chance)
        score = self._score()
        base = self.number("chance_score")
        if score is not None and base is not None:
            perfect = 1.0 if self.about.get("higher_is_better", True) else 0.0
            if perfect != base:
                ways.append((score - base) / (perfect - base))
        return max(ways) if ways else None

    def _score(self) -> float | None:
        scores = self.steps["score"].dropna() if "score" in self.steps.columns else pd.Series(dtype=float)
        return float(scores.iloc[-1]) if len(scores) else self.number("final_score")

    @property
    def has_learned(self) -> bool:
        """Whether the task counts as learned."""
        return self.learned is not None and self.learned >= LEARNED

    @property
    def is_at_chance(self) -> bool:
        """Whether the task counts as not learned; False when that is not known."""
        return self.learned is not None and self.learned < AT_CHANCE

    @property
    def learned_something(self) -> bool:
        """Whether the net is known to be away from chance."""
        return self.learned is not None and self.learned >= AT_CHANCE

    @property
    def demanded_lag(self) -> int | None:
        """How many steps back the gradient must reach; None where that is not known."""
        lag = self.number("demanded_lag")
        return int(lag) if lag is not None and lag > 0 else None

    @property
    def reads(self) -> str | None:
        """`last` or `every`: where the answers are read; None if not known."""
        return self.about.get("reads")

    @property
    def cell(self) -> str | None:
        """Name of the cell: from the settings, or told from the gates; None if not known."""
        given = self.about.get("model.cell")
        if given is not None:
            return str(given)
        names = set(self.rows("gates")["gate"].unique())
        if {"i", "f", "g", "o"} <= names:
            return "lstm"
        return "gru" if {"r", "z", "n"} <= names else None

    @property
    def nonlinearity(self) -> str | None:
        """Of the units: `tanh` or `relu`; None if not known."""
        given = self.about.get("model.nonlinearity")
        if given is not None:
            return str(given)
        times = self.rows("timesteps")
        if "dead" in times.columns and times["dead"].notna().any():
            # written for rectified units alone
            return "relu"
        return "tanh" if self.cell not in (None, "rnn") else None

    @property
    def is_adaptive(self) -> bool | None:
        """Whether the optimiser divides by the gradient's size; None if not known."""
        name = self.about.get("training.optimiser.name")
        return None if name is None else name in _ADAPTIVE

    @property
    def rate(self) -> float | None:
        """Learning rate: of the settings, or the largest recorded."""
        given = self.number("training.optimiser.rate")
        if given is not None:
            return given
        rates = self.steps["learning_rate"].dropna()
        return float(rates.max()) if len(rates) else None

    @cached_property
    def broke_at(self) -> int | None:
        """The first training step with a loss or gradient norm that is NaN or infinite."""
        broken = ~(np.isfinite(self.losses) & (np.isfinite(self.norms) | np.isnan(self.norms) & self._no_norms))
        places = np.flatnonzero(broken)
        return int(self.steps["step"].iloc[places[0]]) if len(places) else None

    @cached_property
    def born(self) -> str:
        """What was the first to be not finite, in the recorder's words; empty where nothing broke or nobody looked."""
        if self.broke_at is None:
            return ""
        said = self.steps.loc[self.steps["step"] == self.broke_at, "first_nonfinite"].iloc[0]
        return said if isinstance(said, str) else ""

    def before(self, step: int) -> Case:
        """The same run as it stood before a training step."""
        tables = {
            name: frame[frame["step"] < step] if "step" in frame.columns else frame
            for name, frame in self._frames.items()
        }
        return Case(tables, self.run, self._known)

    @property
    def _no_norms(self) -> bool:
        return not np.isfinite(self.norms).any()

    @cached_property
    def leaps(self) -> np.ndarray:
        """Steps, by place, at which the loss is over three times, and well above, the median of the 20 before."""
        if not len(self.trend):
            return np.array([], dtype=int)
        usual = pd.Series(self.trend).shift(1).rolling(20, min_periods=1).median().fillna(math.inf)
        allowed = np.maximum(3 * usual.to_numpy(), 0.5 * self.initial_loss)
        allowed[:5] = math.inf
        return np.flatnonzero(~(self.trend <= allowed))


def early(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first recorded step."""
    return frame[frame["step"] == frame["step"].min()]


def late(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last quarter of the recorded steps, one at least."""
    steps = np.sort(frame["step"].unique())
    return frame[frame["step"] >= steps[-max(1, round(LATE * len(steps)))]]


def span(frame: pd.DataFrame) -> dict[str, Any]:
    """First and last training step of some rows, as `Where` takes them."""
    return {"first_step": int(frame["step"].min()), "last_step": int(frame["step"].max())} if len(frame) else {}


def beginning(holds: pd.Series) -> int | None:
    """The training step from which on something holds at every later recorded one; None where it ended before.

    Args:
        holds: training step → whether it holds there.
    """
    ordered = holds.sort_index()
    if not len(ordered) or not ordered.iloc[-1]:
        return None
    others = ordered.index[~ordered.to_numpy(dtype=bool)]
    return int(ordered.index[0] if not len(others) else ordered.index[ordered.index > others[-1]][0])


def rounded(value: float, digits: int = 2) -> float:
    """A number with so many significant digits: what one would type."""
    return float(f"{value:.{digits}g}")


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
