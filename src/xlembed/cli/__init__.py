"""The command line: thin; heavy imports happen inside commands, so that `xlembed --help` stays quick."""

from __future__ import annotations

import atexit
import codecs
import gc
import importlib
import io
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click

from xlembed import __version__

COMMANDS = {
    "run": ("xlembed.cli.run:run", "Encode, index, evaluate and track a model on a task: the main job."),
    "encode": ("xlembed.cli.stages:encode", "Stage 1: texts to vectors."),
    "index": ("xlembed.cli.stages:index", "Stage 2: the search index."),
    "evaluate": ("xlembed.cli.stages:evaluate", "Stage 3: scores in every mode."),
    "compare": ("xlembed.cli.compare:compare", "Paired tests and figures over evaluated models."),
    "guide": ("xlembed.cli.guide:guide", "Which of the evaluated models to take for a use, and how sure."),
    "paradox": (
        "xlembed.cli.paradox:paradox",
        "Does separating languages help within and hurt across them, and which model breaks that?",
    ),
    "explore": (
        "xlembed.cli.explore:explore",
        "Every query with the models' rankings side by side, and why queries fail.",
    ),
    "analyse": (
        "xlembed.cli.analyse:analyse",
        "Geometry of vectors, morphology, tokens, and whether anything is wrong.",
    ),
    "report": ("xlembed.cli.report:report", "All results of a task as one page, as tables and as a paper."),
    "probe": (
        "xlembed.cli.probe:probe",
        "Is a frozen embedding with a small model on top as good as a fine-tuned one?",
    ),
    "reproduce": ("xlembed.cli.reproduce:reproduce", "Published figures, measured again: do they agree?"),
    "promote": (
        "xlembed.cli.promote:promote",
        "Let the champion's alias stand for a better version, or back.",
    ),
    "search": ("xlembed.cli.search:search", "Ask a task's documents, or a published alias, a question."),
    "publish": (
        "xlembed.cli.publish:publish",
        "Let an Elasticsearch alias point to a checked index, or back.",
    ),
    "indices": ("xlembed.cli.indices:indices", "Our Elasticsearch indices; delete those nobody uses."),
    "tune-index": (
        "xlembed.cli.tune_index:tune_index",
        "What Elasticsearch index settings cost, and which to take.",
    ),
    "models": ("xlembed.cli.models:models", "The catalogue of models, or one card."),
    "tasks": ("xlembed.cli.tasks:tasks", "The tasks at hand, or one of them."),
    "import": ("xlembed.cli.import_:import_task", "Turn files into a task under data/."),
    "import-run": ("xlembed.cli.import_run:import_run", "Evaluate rankings that another system made."),
    "export-run": ("xlembed.cli.export:export_run", "Rankings as TREC run files, or scores as MTEB's."),
    "export-task": ("xlembed.cli.export:export_task", "A task as a Hub dataset or as BEIR folders."),
    "import-vectors": ("xlembed.cli.vectors:import_vectors", "Take vectors made elsewhere as a model."),
    "export-vectors": ("xlembed.cli.vectors:export_vectors", "A model's vectors of a task as a file."),
    "store": ("xlembed.cli.store:store", "Carry encoded vectors to another machine and back."),
    "generate-queries": (
        "xlembed.cli.generate:generate_queries",
        "Let a language model write questions about documents.",
    ),
    "translate-queries": (
        "xlembed.cli.generate:translate_queries",
        "Let a language model put questions into other languages.",
    ),
    "check-queries": (
        "xlembed.cli.check:check_queries",
        "Can a task's questions be believed, and which of them stay?",
    ),
    "judge-pairs": (
        "xlembed.cli.judge:judge_pairs",
        "Let a language model grade what models find; does it judge as people do?",
    ),
    "finetune": ("xlembed.cli.finetune:finetune", "Train a model as a recipe says; measure and register it."),
    "ablate": ("xlembed.cli.ablate:ablate", "Variants of a recipe, trained, compared and drawn."),
    "train-static": (
        "xlembed.cli.train_static:train_static",
        "Train the bundled static model from parallel data.",
    ),
}
"""Name -> where the command lives, and its line in the help."""

GARBAGE = 50_000
"""New objects between two searches for garbage; at Python's 700 the searches are a quarter of all imports' time."""
ALONE = "alone"
"""Said of a command that has a process of its own, which ends with it."""
PLAIN = {"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{BOX DRAWINGS LIGHT HORIZONTAL}": "-"}
"""What stands for a character where an encoding lacks it."""
FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


class LazyGroup(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, or a click error with a suggestion."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the near miss named."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from xlembed.words import near_miss

            ctx.fail(f"no command {args[0]!r}.{near_miss(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


def _hyphens(option: str) -> str:
    """`--max_tokens` works as `--max-tokens`: `mlflow run -P max_tokens=...` passes names as they are."""
    return option.replace("_", "-")


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": _hyphens},
)
@click.version_option(__version__, prog_name="xlembed")
def xlembed() -> None:
    """A lab bench for multilingual text embeddings.

    Exit codes: 0 done, 1 failed, 2 bad usage or bad input.
    """


def main() -> None:
    """Run the command line; a user's mistake or a full disk becomes a message and exit code 2, never a traceback."""
    from xlembed.tracking.errors import TrackingError, hide_secrets
    from xlembed.words import UserError

    _print_what_can_be_printed()
    gc.set_threshold(GARBAGE)
    atexit.register(gc.freeze)  # what a process that ends holds need not be searched once more
    signal.signal(signal.SIGTERM, _terminate)
    _WARNINGS.said.clear()
    logging.getLogger("xlembed").addHandler(_WARNINGS)
    try:
        _check_code()
        xlembed(standalone_mode=False, obj=ALONE)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_INPUT)
    except UserError as error:
        _complain(f"Error: {error}")
        sys.exit(BAD_INPUT)
    except TrackingError as error:
        _complain(f"Error: {error}")
        sys.exit(FAILED)
    except (click.Abort, KeyboardInterrupt):
        _complain("Interrupted; finished work is kept, the same command goes on from there.")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `| head` has read enough; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except Exception as error:
        from xlembed.cli.failures import explain

        message = explain(error)
        if message is None:
            raise
        _complain(hide_secrets(f"Error: {message}"))
        sys.exit(BAD_INPUT)


def _print_what_can_be_printed() -> None:
    """A character that the terminal's or the pipe's encoding lacks costs that character, not the result or a sign."""

    def replaced(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        return "".join(PLAIN.get(char, "?") for char in error.object[error.start : error.end]), error.end

    codecs.register_error("plain", replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _check_code() -> None:
    """In a checkout, say if the code of another place runs; a stage would be recorded as this checkout's, so it stops.

    MLflow names its environments by their requirements, and an editable install points at one checkout: in a second
    one, its code would run. MLproject and dvc.yaml put this checkout's src/ first.

    Raises:
        UserError: under `mlflow run`, or in a stage of DVC.
    """
    from xlembed.words import UserError

    ours, theirs = Path(__file__).resolve().parents[1], Path("src/xlembed").resolve()
    if ours == theirs or not (Path("MLproject").is_file() and (theirs / "__init__.py").is_file()):
        return
    found = (
        f"this checkout has its own code in {theirs}, but {ours} runs: activate this checkout's environment, "
        "or set PYTHONPATH=src"
    )
    if {"DVC_STAGE", "MLFLOW_RUN_ID"} & set(os.environ):
        raise UserError(found)
    _complain(f"Warning: {found}")


def _complain(text: str) -> None:
    """On stderr."""
    from xlembed.cli.console import say

    say(text, err=True)


class _Warnings(logging.Handler):
    """What modules warn of, marked as a warning, each once in a command."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        from xlembed.cli.console import open_console, print_warning

        if (text := record.getMessage()) not in self.said:
            self.said.add(text)
            print_warning(open_console(stderr=True), text)


_WARNINGS = _Warnings(logging.WARNING)


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def echo_json(value: Any) -> None:
    """A result for scripts, on stdout; escaped where its encoding lacks characters."""
    import json

    is_whole = str(sys.stdout.encoding).lower() in ("utf-8", "utf8", "none")
    click.echo(json.dumps(value, ensure_ascii=not is_whole, indent=2, sort_keys=True))
