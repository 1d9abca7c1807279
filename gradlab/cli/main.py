"""The command `gradlab`: which subcommands there are. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gradlab.cli.check import check
from gradlab.cli.dashboard_command import dashboard
from gradlab.cli.diagnose import diagnose
from gradlab.cli.fork import fork
from gradlab.cli.new import new
from gradlab.cli.report import report
from gradlab.cli.run import run
from gradlab.cli.sample import sample
from gradlab.cli.schema import schema
from gradlab.cli.store import store_commands
from gradlab.cli.studies import studies
from gradlab.cli.watch import watch
from gradlab.errors import GradlabError


class _Commands(TyperGroup):
    """Turns the errors that are made for users into one message, and Ctrl-C into its exit code."""

    def invoke(self, context: Any) -> Any:
        try:
            return super().invoke(context)
        except GradlabError as error:
            typer.echo(f"gradlab: {error}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        import gradlab

        typer.echo(f"gradlab {gradlab.__version__}")
        raise typer.Exit


@app.callback()
def gradlab_command(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """What backpropagation through time does to the gradient of a recurrent net, at every step.

    A study is a question with a grid of runs. Start with [bold]gradlab studies[/bold], then
    [bold]gradlab run digits[/bold] and [bold]gradlab dashboard[/bold].
    """


for command in (run, fork, sample, check, new, schema, studies, watch, diagnose, report, dashboard):
    app.command(command.__name__)(command)
app.add_typer(store_commands, name="store")


def main() -> None:
    """Entry point of the command."""
    sys.exit(app())
