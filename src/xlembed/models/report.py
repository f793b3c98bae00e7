"""The loading report of transformers: caught while a model loads, and what of it is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xlembed.data.patterns import compile_pattern, find_pattern
from xlembed.words import UserError

POOLER = r"(^|\.)pooler\."
BUFFERS = r"(^|\.)position_ids$"
SHOWN = 5


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No tables and progress bars of transformers inside: we say the same, and refuse."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # parts of it are untyped
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def reports() -> Iterator[list[Mapping[str, Any]]]:
    """Collects the report of every transformers model loaded inside; without it, misfits are only logged.

    Not safe when several threads load at once: the class method is replaced meanwhile.
    """
    from transformers import PreTrainedModel

    original = PreTrainedModel.__dict__["from_pretrained"]
    found: list[Mapping[str, Any]] = []

    def recording(cls: type[PreTrainedModel], *args: Any, **kwargs: Any) -> Any:
        wanted = kwargs.pop("output_loading_info", False)
        model, info = original.__func__(cls, *args, output_loading_info=True, **kwargs)
        found.append(info)
        return (model, info) if wanted else model

    type.__setattr__(PreTrainedModel, "from_pretrained", classmethod(recording))
    try:
        with quiet_transformers():
            yield found
    finally:
        type.__setattr__(PreTrainedModel, "from_pretrained", original)


def refuse_bad_report(
    name: str, folder: Path, report: Mapping[str, Any], unused_weights: Iterable[str], *, uses_pooler: bool
) -> None:
    """Refuse weights that are missing (they would be random), unexpected or of another shape.

    Args:
        name: the model, for the message.
        folder: its files, for the message.
        report: `missing_keys`, `unexpected_keys`, `mismatched_keys`, `error_msgs` of transformers.
        unused_weights: patterns of unexpected weights that are rightly left out.
        uses_pooler: whether the vectors come from the body's pooler; an unused one may be missing.

    Raises:
        UserError: names the weights.
    """
    harmless = [BUFFERS] if uses_pooler else [BUFFERS, POOLER]
    missing = _without(report.get("missing_keys", ()), harmless)
    unexpected = _without(report.get("unexpected_keys", ()), [*harmless, *unused_weights])
    mismatched = [
        f"{key} (file {tuple(has)}, model {tuple(wants)})"
        for key, has, wants in report.get("mismatched_keys", ())
    ]
    problems = [
        *_say("missing, so they would be random", missing),
        *_say("of another shape", mismatched),
        *_say("in the files but not in the model", unexpected),
        *_say("in error", list(report.get("error_msgs", ()))),
    ]
    if problems:
        unused = " What is rightly unused belongs into `unused_weights` (regular expressions) of the card."
        advice = unused if unexpected else ""
        raise UserError(
            f"{name}: the weights in {folder} do not fit the model class that transformers built: "
            f"{'; '.join(problems)}. "
            f"The vectors would be wrong. Is it a model of custom code, or an incomplete copy?{advice}"
        )


def _without(keys: Iterable[str], patterns: Iterable[str]) -> list[str]:
    compiled = [compile_pattern(pattern, "unused_weights") for pattern in patterns]
    return sorted(
        key for key in keys if not any(find_pattern(pattern, key, "unused_weights") for pattern in compiled)
    )


def _say(what: str, keys: Sequence[str]) -> list[str]:
    if not keys:
        return []
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return [f"{len(keys)} {what}: {', '.join(keys[:SHOWN])}{more}"]
