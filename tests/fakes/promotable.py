"""A task of forty needs in two languages, and registered models of which it is known how many queries they answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.tracking import MlflowClient

from fakes.toy import save_toy_model, write_toy
from xlembed.data.text_digest import text_digest

TASK = "forty"
N = 40
LANGS = ("en", "de")
NAME = "xlembed-retriever"
UNSEEN = "a text of no task"
PARAMS = f"promote: {{task: {TASK}}}\nevaluate: {{resamples: 200}}\nmodels: {{weak: {{source: weak}}}}\n"


def write_task(data: Path) -> Path:
    """Need i has one document in each language, and a query in each."""
    documents = [
        {"_id": f"d{i}-{lang}", "title": "", "text": f"{lang}d{i}", "lang": lang, "group": f"g{i}"}
        for i in range(N)
        for lang in LANGS
    ]
    queries = [
        {"_id": f"q{i}-{lang}", "text": f"{lang}q{i}", "lang": lang, "need_id": f"n{i}"}
        for i in range(N)
        for lang in LANGS
    ]
    qrels = [(f"q{i}-{lang}", f"d{i}-{lang}", 1) for i in range(N) for lang in LANGS]
    return write_toy(data / TASK, documents, queries, qrels)


def save_model(folder: Path, right: tuple[int, int], first: int = 0) -> Path:
    """A model that answers `right` of the forty queries of each language, from need `first` on; others it mistakes."""
    vectors = np.random.default_rng(0).standard_normal((N, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    words: dict[str, Sequence[float]] = {}
    for lang, n_right in zip(LANGS, right, strict=True):
        for i in range(N):
            words[f"{lang}d{i}"] = vectors[i].tolist()
            words[f"{lang}q{i}"] = vectors[i if (i - first) % N < n_right else (i + 1) % N].tolist()
    return save_toy_model(folder, words)


def make_checkout(root: Path) -> Path:
    """Settings, the task, and the base model `weak`, which answers ten queries of each language."""
    write_task(root / "data")
    save_model(root / "weak", (10, 10))
    (root / "params.yaml").write_text(PARAMS, encoding="utf-8")
    return root


def register(
    root: Path,
    right: tuple[int, int],
    name: str = NAME,
    *,
    texts: Sequence[str] | None = (UNSEEN,),
    base: str | None = "weak",
    first: int = 0,
    card: str = "",
) -> str:
    """A new version with the tags of a fine-tuned model; returns its number. The store is the active one."""
    client = MlflowClient()
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name)
    experiment = client.get_experiment_by_name("finetune")
    where = (
        experiment.experiment_id
        if experiment
        else client.create_experiment("finetune", (root / "mlruns").as_uri())
    )
    folder = root / "made" / f"{right[0]}-{right[1]}-{first}"
    if not folder.is_dir():
        save_model(folder, right, first)
    if card:
        (folder / "xlembed_card.yaml").write_text(card, encoding="utf-8")
    with mlflow.start_run(experiment_id=where) as run:
        mlflow.log_artifacts(str(folder), "model")
        if texts is not None:
            lines = "".join(f"{text_digest(t)}\n" for t in texts)
            mlflow.log_text(lines, "text_digests.txt")
    tags: dict[str, Any] = {"xlembed.training_run": run.info.run_id, "xlembed.base": base}
    source = f"{run.info.artifact_uri}/model"
    made = client.create_model_version(
        name, source, run_id=run.info.run_id, tags={k: v for k, v in tags.items() if v}
    )
    client.set_registered_model_alias(name, "candidate", made.version)
    return str(made.version)


def champion(name: str = NAME) -> str | None:
    found = MlflowClient().get_registered_model(name).aliases.get("champion")
    return None if found is None else str(found)
