"""A scorer as an MLflow model: text in, scores out, nothing pickled."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

LOADER = "xlembed.probe.served"
PINNED = (
    *("torch", "transformers", "sentence-transformers", "safetensors", "tokenizers", "peft", "lightgbm"),
    *("scikit-learn", "numpy", "pandas", "pydantic", "pyyaml", "filelock"),
)
"""What scoring imports; the package itself travels as code."""
EXAMPLE = ["A volunteer group has planted 300 trees along the river.", "Os preços do pão voltaram a subir."]
LEFT_OUT = ("bundled", "__pycache__", "*.pyc")
"""The bundled weights are not needed: the encoder's own files travel with the model."""


def log_scorer(
    folder: Path, name: str, outputs: Sequence[tuple[str, str]], metadata: Mapping[str, Any]
) -> str:
    """Log a scorer's folder as a model of the active run; returns its URI.

    A served one takes `{"dataframe_split": {"columns": ["text"], "data": [["..."]]}}` or `{"inputs": {"text": [...]}}`.

    Args:
        folder: see `probe.served.write_scorer`; links are followed.
        name: of the logged model.
        outputs: name and type of each column that comes out.
        metadata: shown with the model; JSON.
    """
    import xlembed

    signature = ModelSignature(
        inputs=Schema([ColSpec("string", "text")]),
        outputs=Schema([ColSpec(kind, column) for column, kind in outputs]),
    )
    with tempfile.TemporaryDirectory() as temporary:
        code = Path(temporary) / "xlembed"
        source = Path(xlembed.__file__).parent
        shutil.copytree(source, code, ignore=shutil.ignore_patterns(*LEFT_OUT))
        info = mlflow.pyfunc.log_model(
            name=name,
            loader_module=LOADER,
            data_path=str(folder),
            code_paths=[str(code)],
            signature=signature,
            input_example=pd.DataFrame({"text": EXAMPLE}),
            pip_requirements=[f"{package}=={version(package).partition('+')[0]}" for package in PINNED],
            metadata=dict(metadata),
        )
    return str(info.model_uri)
