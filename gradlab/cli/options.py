"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="Path of a study file, or the name of a shipped study.")
]
OverridesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Settings that win over the file, such as model.hidden=64."),
]
StoreOption = Annotated[str, typer.Option("--store", help="Folder that holds the runs.")]
ThreadsOption = Annotated[int, typer.Option("--threads", min=1, help="Threads that torch uses for one run.")]
ScaleOption = Annotated[
    str, typer.Option("--scale", help="small is the study as it stands; others, such as full, stand in its file.")
]
