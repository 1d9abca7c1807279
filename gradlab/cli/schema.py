"""`gradlab schema`: the JSON schema of study files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gradlab.errors import GradlabError


def schema(
    out: Annotated[Path | None, typer.Option("--out", help="Write it into this file.")] = None,
) -> None:
    """Print the JSON schema of a study file, for editors that complete and check YAML.

    With the schema beside it, a study file begins with the line
    `# yaml-language-server: $schema=study.schema.json`.
    """
    import json

    from gradlab.study.json_schema import study_schema

    text = json.dumps(study_schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GradlabError(f"{out}: expected a file that can be written, got {error.strerror}") from error
    typer.echo(out)
