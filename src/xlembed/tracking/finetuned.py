"""A fine-tuned model in MLflow: logged in the sentence-transformers flavour, registered, linked to what made it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
from mlflow.data.meta_dataset import MetaDataset
from mlflow.data.sources import LocalArtifactDatasetSource  # type: ignore[attr-defined]  # made at run time
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.sentence_transformers import log_model
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

from xlembed.models.folder import folder_modules
from xlembed.tracking.log import DIGEST_CHARS, metric_name
from xlembed.words import Role

CANDIDATE = "candidate"
PINNED = ("torch", "transformers", "sentence-transformers", "safetensors", "tokenizers")
EXAMPLE = ["Wie laut ist die Mühle?", "Değirmen ne kadar gürültülü?"]
ABOUT = (
    "Embedding models fine-tuned by xlembed. Alias `candidate`: the newest version; alias `champion`: the version that "
    "passed the gate of `xlembed promote`."
)


@dataclass(frozen=True)
class Registered:
    """A version in the registry."""

    name: str
    version: str

    @property
    def uri(self) -> str:
        """As MODEL is typed."""
        return f"models:/{self.name}/{self.version}"


class _Saved:
    """All that the flavour asks of a model it saves: the folder is copied as it is, nothing is loaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def modules(self) -> tuple[()]:
        """Nothing that would write this machine's paths into the record."""
        return ()

    def save(self, path: str) -> None:
        """Copy."""
        shutil.copytree(self._folder, path)


def log_finetuned(folder: Path, name: str, dim: int, metadata: Mapping[str, Any]) -> str:
    """Log a sentence-transformers folder as a model of the active run; returns its model id.

    A served model takes `{"inputs": [texts], "params": {"prompt_name": "query"}}` and gives what our encoder gives:
    unit vectors, the role's prompt before each text. Own modules travel along as code.

    Args:
        folder: with `query` and `document` among its prompts.
        name: of the logged model.
        dim: of its vectors.
        metadata: shown with the model; JSON.
    """
    import xlembed

    modules = folder_modules(folder)
    own = any(module.type.startswith("xlembed.") for module in modules)
    pinned = (*PINNED, "peft") if own else PINNED
    info = log_model(
        _Saved(folder),
        name=name,
        signature=_signature(dim),
        input_example=EXAMPLE,
        pip_requirements=[f"{package}=={version(package).partition('+')[0]}" for package in pinned],
        code_paths=[str(Path(xlembed.__file__).parent)] if own else None,
        metadata=dict(metadata),
    )
    return str(info.model_id)


def _signature(dim: int) -> ModelSignature:
    return ModelSignature(
        inputs=Schema([ColSpec("string")]),
        outputs=Schema([TensorSpec(_float32(), (-1, dim))]),
        params=ParamSchema(
            [
                ParamSpec("prompt_name", "string", Role.DOCUMENT.value),
                ParamSpec("normalize_embeddings", "boolean", True),
            ]
        ),
    )


def _float32() -> Any:
    import numpy as np

    return np.dtype("float32")


def log_training_data(sets: Iterable[tuple[str, Path, str]]) -> None:
    """Link pair sets (name, folder, digest) to the active run."""
    for name, folder, digest in sets:
        source = LocalArtifactDatasetSource(folder.as_posix())
        dataset = MetaDataset(source, name=name, digest=digest[:DIGEST_CHARS])  # type: ignore[abstract]
        mlflow.log_input(dataset, context="training")


def link_evaluation(model_id: str, run_id: str, metrics: Mapping[str, float], task: str, digest: str) -> None:
    """Show an evaluation's scores on the logged model's own page too."""
    source = LocalArtifactDatasetSource(task)
    dataset = MetaDataset(source, name=task, digest=digest[:DIGEST_CHARS])  # type: ignore[abstract]
    mlflow.log_metrics(
        {metric_name(key): value for key, value in metrics.items()},
        run_id=run_id,
        model_id=model_id,
        dataset=dataset,
    )


def register_finetuned(
    model_id: str, run_id: str, name: str, tags: Mapping[str, str], description: str
) -> Registered:
    """A new version with the alias `candidate`; the one that is there if this run registered before.

    Args:
        model_id: of the logged model.
        run_id: parent run of the fine-tuning.
        name: registered model; made if it is not there.
        tags: of the version.
        description: Markdown, shown in the registry.
    """
    client = MlflowClient()
    _ensure_model(client, name)
    known = [v for v in client.search_model_versions(f"name = '{name}'") if v.run_id == run_id]
    if known:
        number = str(known[0].version)
    else:
        made = client.create_model_version(
            name,
            source=f"models:/{model_id}",
            run_id=run_id,
            tags=dict(tags),
            description=description,
            model_id=model_id,
        )
        number = str(made.version)
    for key, value in tags.items():
        client.set_model_version_tag(name, number, key, value)
    client.set_registered_model_alias(name, CANDIDATE, number)
    return Registered(name, number)


def _ensure_model(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name, description=ABOUT)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
