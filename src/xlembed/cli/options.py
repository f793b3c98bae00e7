"""Options that commands share, and turning them into settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from xlembed.models.spec import ModelRef
    from xlembed.stages.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])

SETTING_OPTIONS = {
    "corpus": ("keep_duplicates", "relevance", "max_documents_per_language"),
    "encode": ("instruction", "storage_dtype", "device", "batch_tokens", "trust_remote_code"),
    "index": (
        "index",
        "index_type",
        "m",
        "ef_construction",
        "num_candidates",
        "oversample",
        "shards",
        "replicas",
        "force_merge",
        "ignore_forecast",
    ),
    "evaluate": ("modes", "measures", "depth", "other_versions", "resamples", "language_k"),
    "compare": ("primary_measure", "alpha"),
    "analyse": (
        "sample_per_language",
        "sampling_seed",
        "neighbours",
        "folds",
        "project_per_language",
        "perplexity",
        "umap",
        "word_pairs",
    ),
    "promote": ("name", "task", "metric", "mode", "pool", "margin", "alpha", "strict"),
    "paradox": ("with", "margin_mono", "margin_loss"),
    "probe": ("probe", "rival", "split", "split_seed", "max_tokens"),
}
"""Section of params.yaml -> options that override its keys."""
KEY_OF_OPTION = {
    "index": "engine",
    "index_type": "type",
    "with": "variants",
    "probe": "probes",
    "rival": "rivals",
}
SHORT = {"task": "-t"}
SWITCHES = frozenset({"strict", "umap"})
"""Options whose bare name means true."""

OPTION_HELP = {
    "keep_duplicates": "Keep identical documents apart instead of uniting them (true or false).",
    "relevance": "all: every document of the right answer counts; own: only the query's own document.",
    "max_documents_per_language": "Evaluate on a seeded part of the corpus that keeps every judged document.",
    "instruction": "Instruction of models that take one.",
    "storage_dtype": "Number format of stored vectors: float32 or float16.",
    "device": "cpu, cuda, cuda:1, mps; default: the best there is.",
    "batch_tokens": "Tokens per batch; smaller needs less memory.",
    "trust_remote_code": "Run code from the model's repository (true or false).",
    "index": "Search engine: exact or elasticsearch.",
    "index_type": "Elasticsearch: hnsw, int8_hnsw, int4_hnsw, bbq_hnsw or flat.",
    "m": "Elasticsearch: neighbours per vector in the graph.",
    "ef_construction": "Elasticsearch: candidates while the graph is built.",
    "num_candidates": "Elasticsearch: candidates per shard while searching.",
    "oversample": "Elasticsearch: rescored candidates per wanted one, for quantised types; 0 is none.",
    "shards": "Elasticsearch: primary shards.",
    "replicas": "Elasticsearch: copies, made after loading.",
    "force_merge": "Elasticsearch: merge to one segment per shard after loading (true or false).",
    "ignore_forecast": "Elasticsearch: load even if the cluster seems to have too little room (true or false).",
    "modes": "Comma-separated: monolingual,cross_lingual,true_cross_lingual.",
    "measures": "Comma-separated, for example accuracy@1,nDCG@10,MRR.",
    "depth": "Documents per ranking that are scored.",
    "other_versions": "Relevant documents in other languages: ignore, wrong or relevant.",
    "resamples": "Bootstrap resamples.",
    "language_k": "Depth of the retrieval language matrix that is drawn.",
    "primary_measure": "Measure of the primary family of tests.",
    "alpha": "Level of the tests.",
    "sample_per_language": "Documents of each language in the balanced sample, at most.",
    "sampling_seed": "Of the sample, the folds, KMeans and t-SNE.",
    "neighbours": "Neighbours of the neighbourhood purity.",
    "folds": "Folds of the language classifier.",
    "project_per_language": "Documents of each language in the t-SNE, at most; 0: none.",
    "perplexity": "Of the t-SNE.",
    "umap": "Draw UMAP of the same documents too; needs the extra umap (true or false).",
    "word_pairs": "YAML file of word pairs for the morphology score (default: the bundled list).",
    "name": "Registered model, when no MODEL is given.",
    "task": "Task of the gate; it must serve nothing else.",
    "metric": "Measure of the gate.",
    "mode": "Mode of the gate: monolingual, cross_lingual or true_cross_lingual.",
    "pool": "Pool of the gate, for true_cross_lingual: all or target.",
    "margin": "Fall of one language that is still borne, 0.03 is 3 points.",
    "strict": "Refuse while a fall beyond the margin is not excluded in every language (true or false).",
    "with": "Suffixes to try on every model, comma-separated, for example dim64,dim64+bf16.",
    "probe": "Comma-separated probes: ridge,mlp,lightgbm.",
    "rival": "Comma-separated fine-tuned rivals: ready ones or YAML files; `none` for none.",
    "split": "documents: 70/15/15 in whole documents; published: the file's own parts.",
    "split_seed": "Of the split and of everything random in probes.",
    "max_tokens": "Truncation study: cut texts at each of these numbers of tokens, comma-separated.",
    "margin_mono": "Monolingual score below the best one that is still borne, 0.03 is 3 points.",
    "margin_loss": "Loss across languages that is still borne, 0.05 is 5 points.",
}


def settings_options(*sections: str) -> Callable[[F], F]:
    """Options for the keys of some sections; empty means unset, so that MLproject can pass everything on."""

    def decorate(command: F) -> F:
        for section in reversed(sections):
            for option in reversed(SETTING_OPTIONS[section]):
                names = [f"--{option.replace('_', '-')}", *([SHORT[option]] if option in SHORT else [])]
                bare: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if option in SWITCHES else {}
                command = click.option(*names, default=None, help=OPTION_HELP[option], **bare)(command)
        if "index" in sections:
            command = click.option(
                "--es-url", default=None, help="Elasticsearch server (default: XLEMBED_ES_URL)."
            )(command)
        return command

    return decorate


def workspace_options(command: F) -> F:
    """--params and --out."""
    command = click.option(
        "--out", default=None, help="Write results under this folder instead of the checkout."
    )(command)
    return click.option(
        "--params", default=None, help="Settings file (default: ./params.yaml if there is one)."
    )(command)


def variation_options(command: F) -> F:
    """Options that become part of the model's name."""
    command = click.option(
        "--dtype", default=None, help="Compute in float32, bfloat16 or float16 (name: +bf16, +fp16)."
    )(command)
    command = click.option("--max-tokens", default=None, help="Cut texts at N tokens (name: +maxN).")(command)
    return click.option("--dim", default=None, help="Cut vectors to N dimensions (name: +dimN).")(command)


def open_workspace(
    params: str | None, out: str | None, options: dict[str, Any], *, named: tuple[str, ...] = ()
) -> Workspace:
    """Settings from file and options.

    Args:
        params: settings file.
        out: folder for results.
        options: of the command line, by name.
        named: sections whose options change nothing that is written under the model's name.

    Raises:
        UserError: for a bad value, or when an option would change results under a name that does not say so.
    """
    from xlembed.settings import load_settings, result_overrides
    from xlembed.stages.workspace import Workspace
    from xlembed.types import UserError

    path = Path(params) if params else None
    if path and path.is_dir():
        raise UserError(f"--params: expected a file, found the folder {path}")
    if out and Path(out).exists() and not Path(out).is_dir():
        raise UserError(f"--out: expected a folder, found the file {out}")
    overrides = {
        f"{section}.{KEY_OF_OPTION.get(name, name)}": options[name]
        for section, names in SETTING_OPTIONS.items()
        for name in names
        if name in options
    }
    settings = load_settings(path, overrides)
    changed = [
        key for key in result_overrides(settings, load_settings(path)) if key.partition(".")[0] not in named
    ]
    if changed and not out:
        raise UserError(
            f"{', '.join(changed)}: differs from params.yaml, and results/TASK/MODEL.json would not say so. "
            "Set it in params.yaml, or give --out FOLDER for results of their own."
        )
    es_url = str(options.get("es_url") or "") or None
    return Workspace(settings, Path(), Path(out) if out else Path(), es_url)


def undeclared_runs(workspace: Workspace) -> str:
    """In a stage of DVC: how dvc.yaml and params.yaml disagree about the runs to compare; elsewhere nothing."""
    from xlembed.stages.declared import undeclared

    dvc_file = workspace.root / "dvc.yaml"
    return undeclared(workspace.settings.run, dvc_file) if os.environ.get("DVC_STAGE") else ""


def check_declared(workspace: Workspace) -> None:
    """Nothing, unless DVC runs this stage by a list that no longer fits params.yaml.

    Raises:
        UserError: names what is missing or too much.
    """
    from xlembed.types import UserError

    if problem := undeclared_runs(workspace):
        raise UserError(problem)


def open_ref(
    workspace: Workspace, model: str, dim: str | None, max_tokens: str | None, dtype: str | None
) -> ModelRef:
    """A model with the variation that `variation_options` ask for.

    Raises:
        UserError: an unknown model, or a bad value.
    """
    return workspace.open_model(
        model,
        dim=whole_number("dim", dim),
        max_tokens=whole_number("max-tokens", max_tokens),
        dtype=dtype or None,
    )


def whole_number(name: str, value: str | None) -> int | None:
    """An optional positive integer option; empty is unset."""
    if not value:
        return None
    if not value.isdigit() or int(value) < 1:
        from xlembed.types import UserError

        raise UserError(f"--{name}: expected a positive whole number, found {value!r}")
    return int(value)
