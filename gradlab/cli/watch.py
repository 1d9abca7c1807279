"""`gradlab watch`: the last norms, the horizon and the findings of a run while it trains."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.console import console
from gradlab.cli.diagnose import frames_of
from gradlab.cli.fork import RunArgument
from gradlab.cli.options import StoreOption
from gradlab.cli.words import number

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, RenderableType

    from gradlab.diagnosis import Diagnosis
    from gradlab.store import RunInfo, Store

_RECENT = 100
"""Training steps over which the share of clipped ones is taken."""


def watch(
    run: RunArgument,
    store: StoreOption = "runs",
    once: Annotated[bool, typer.Option("--once", help="Print what there is now, and end.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks.")] = 2.0,
) -> None:
    """Look on while a run trains, in another terminal than its own. Ends when the run ends."""
    from gradlab.store import Store

    opened, shown = Store(store), console()
    if once or not shown.is_terminal:
        _print_lines(opened, run, shown, once, every)
    else:
        live(opened, run, shown, every)


@dataclass(frozen=True, slots=True)
class Look:
    """What a run shows at one moment."""

    run: str
    status: str
    step: int
    """The last one written; −1 before the first."""
    steps: int | None
    """Of the whole training, where that is known."""
    loss: float
    norm: float
    clipped: float
    """Share of the last hundred steps at which clipping fired; NaN where nothing clips."""
    horizon: float
    """Steps that the gradient came back when last recorded, in the best layer; NaN if not recorded."""
    demanded: int | None
    diagnosis: Diagnosis

    @property
    def progress(self) -> str:
        """Which step it is at."""
        return f"{self.step + 1}" + (f" of {self.steps}" if self.steps else "")

    @property
    def reach(self) -> str:
        """The horizon, and what the task demands."""
        if math.isnan(self.horizon):
            return "not recorded"
        return f"{self.horizon:.0f} steps" + (f", needed {self.demanded}" if self.demanded else "")

    @property
    def clipping(self) -> str:
        """How often clipping fires."""
        return "none" if math.isnan(self.clipped) else f"at {self.clipped:.0%} of the last steps"


def look_at(store: Store, info: RunInfo) -> Look:
    """Read a run as it stands."""
    from gradlab.diagnosis import diagnose
    from gradlab.diagnosis.case import Case

    frames = frames_of(store, info)
    case = Case(frames, info.id)
    rows = case.rows("steps").sort_values("step")
    last = rows.iloc[-1] if len(rows) else None
    steps = case.number("training.steps")
    return Look(
        run=info.id,
        status=info.status,
        step=-1 if last is None else int(last["step"]),
        steps=None if steps is None else int(steps),
        loss=math.nan if last is None else float(last["loss"]),
        norm=math.nan if last is None else float(last["grad_norm"]),
        clipped=_share_clipped(rows, case.about.get("training.clip.name")),
        horizon=_horizon(case.rows("timesteps")),
        demanded=case.demanded_lag,
        diagnosis=diagnose(frames).of(info.id),
    )


def _share_clipped(rows: pd.DataFrame, strategy: object) -> float:
    fired = rows["clip_fired"].tail(_RECENT).dropna().astype(float)
    return float(fired.mean()) if len(fired) and strategy != "none" else math.nan


def _horizon(rows: pd.DataFrame) -> float:
    from gradlab.diagnosis.horizon import flows, passes

    last = rows[rows["step"] == rows["step"].max()]
    return max((flow.horizon for flow in flows(passes(last))), default=math.nan)


def _print_lines(store: Store, run: str, shown: Console, once: bool, every: float) -> None:
    """A line whenever there is something new, and at the end the whole diagnosis."""
    before = ""
    while True:
        info = store.run(run)
        if info.fingerprint != before:
            before = info.fingerprint
            look = look_at(store, info)
            shown.print(line(look), soft_wrap=True, markup=False)
        if once or info.status != "running":
            shown.print(str(look.diagnosis), soft_wrap=True, markup=False)
            return
        time.sleep(every)


def line(look: Look) -> str:
    """One look in one line."""
    problems = ", ".join(dict.fromkeys(finding.name for finding in look.diagnosis.problems)) or "none"
    return (
        f"{look.run} {look.status}, step {look.progress}: loss {number(look.loss)}, gradient norm {number(look.norm)}, "
        f"horizon {look.reach}, clipping {look.clipping}, problems: {problems}"
    )


def live(store: Store, run: str, shown: Console, every: float) -> None:
    """A table that is drawn anew in its place."""
    from rich.live import Live

    info = store.run(run)
    before = info.fingerprint
    with Live(table(look_at(store, info)), console=shown, auto_refresh=False) as live:
        while info.status == "running":
            time.sleep(every)
            info = store.run(run)
            if info.fingerprint != before:
                before = info.fingerprint
                live.update(table(look_at(store, info)), refresh=True)


def table(look: Look) -> RenderableType:
    """One look as a table: numbers above, findings below."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    numbers = Table(title=Text(f"{look.run}: {look.status}"), show_header=False, title_justify="left")
    for name, value in (
        ("training step", look.progress),
        ("loss", number(look.loss)),
        ("gradient norm", number(look.norm)),
        ("clipping", look.clipping),
        ("horizon of the gradient", look.reach),
    ):
        numbers.add_row(name, Text(value))
    parts: list[RenderableType] = [numbers]
    for finding in look.diagnosis:
        parts.append(Text(f"{finding.weight}, {finding.certainty}: {finding.title}", style=_STYLE[finding.weight]))
        if finding.weight == "problem":
            parts.append(Text(f"  {finding.advice.words}", style="dim"))
    if not look.diagnosis.findings:
        parts.append(Text("Nothing is wrong, as far as this was recorded."))
    return Group(*parts)


_STYLE = {"problem": "bold", "note": ""}
