"""`gradlab new`: a first study file, to be changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradlab.errors import GradlabError


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the study; the file is NAME.yaml.")],
    task: Annotated[str, typer.Option("--task", help="What the net must learn, such as adding or digits.")] = "adding",
) -> None:
    """Write a commented study file to start from; `gradlab check` accepts it as it is."""
    from gradlab.study.template import first_study

    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    text = first_study(path.name, task)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise GradlabError(f"{path}: expected a name that is free, there is such a file; it is left as it is") from None
    except (OSError, ValueError) as error:
        raise GradlabError(f"{path}: expected a file that can be written, got {error}") from error
    typer.echo(f"{path}\nCheck it:  gradlab check {path}\nRun it:  gradlab run {path}")
