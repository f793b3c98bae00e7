"""A task of ours as one of MTEB: for `mteb.evaluate`, and for everything else that package does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlembed.data.loading import load_task
from xlembed.data.subsets import long_codes, subsets
from xlembed.data.task import Task
from xlembed.words import UserError

MAIN = "ndcg_at_10"


def mteb_task(task: Task | str | Path) -> Any:
    """A retrieval task of MTEB with a subset per language and per ordered pair of languages.

    Args:
        task: as loaded, or a name under data/, or a folder.

    Returns:
        An `AbsTaskRetrieval`; nothing is registered or downloaded.

    Raises:
        UserError: mteb is not installed, or the task cannot be read.
    """
    try:
        from mteb.abstasks.retrieval import AbsTaskRetrieval
        from mteb.abstasks.task_metadata import TaskMetadata
    except ImportError:
        raise UserError("mteb_task: the package is not installed: pip install 'mteb>=2.26,<3'") from None
    opened = task if isinstance(task, Task) else load_task(task)
    parts, codes = list(subsets(opened)), long_codes(opened)
    langs = {part.name: list(dict.fromkeys((codes[part.query_lang], codes[part.doc_lang]))) for part in parts}

    def load_data(self: Any, num_proc: int | None = None, **_: Any) -> None:
        if self.data_loaded:
            return
        self.corpus = {
            part.name: {"test": {d.doc_id: {"title": d.title, "text": d.text} for d in part.documents}}
            for part in parts
        }
        self.queries = {part.name: {"test": {q.query_id: q.text for q in part.queries}} for part in parts}
        self.relevant_docs = {
            part.name: {"test": {q: dict(judged) for q, judged in part.qrels.items()}} for part in parts
        }
        self.data_loaded = True

    metadata = TaskMetadata(
        name=opened.name,
        description=opened.description or f"The task {opened.name} of xlembed.",
        type="Retrieval",
        main_score=MAIN,
        eval_langs=langs,
        dataset={"path": opened.name, "revision": opened.digest[:16]},
    )
    kind = type(f"{opened.name}Task", (AbsTaskRetrieval,), {"metadata": metadata, "load_data": load_data})
    return kind()
