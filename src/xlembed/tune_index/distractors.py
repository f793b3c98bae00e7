"""Distractors for a small corpus: texts of the user encoded by the model, or interpolations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xlembed.data.task import Task
from xlembed.embeddings.encode import Progress, encode_texts
from xlembed.embeddings.encoding import open_encoding
from xlembed.embeddings.export import Embeddings
from xlembed.embeddings.postprocessing import derive_more, fit_documents
from xlembed.models.spec import ModelRef
from xlembed.search.elastic.padding import Padded, pad, read_texts
from xlembed.words import Lang, Role, Vectors
from xlembed.workspace import Watch, Workspace


def pad_corpus(
    task: Task,
    ref: ModelRef,
    embeddings: Embeddings,
    vectors: Vectors,
    workspace: Workspace,
    *,
    wanted: int,
    texts: Path | None,
    lang: Lang,
    seed: int,
    watch: Watch,
) -> Padded:
    """The corpus with as many distractors as it lacks; vectors pass through memory chunk by chunk.

    Args:
        task: the corpus.
        ref: the model.
        embeddings: of the task.
        vectors: its documents', float32.
        workspace: settings, and the cache that the padded vectors are written to.
        wanted: documents in all.
        texts: file of texts, see `padding.read_texts`; None interpolates.
        lang: of texts that do not say.
        seed: of the interpolation.
        watch: told of the encoding.
    """
    lacking = max(0, wanted - len(task.documents))
    known = {d.text for d in task.documents}
    found = [t for t in read_texts(texts, lang) if t[0] not in known][:lacking] if texts and lacking else []
    return pad(
        task,
        vectors,
        wanted,
        workspace.cache / "padded",
        fingerprint=str(embeddings.manifest["fingerprint"]),
        seed=seed,
        texts=found,
        text_vectors=_encoded(found, task, ref, workspace, watch),
    )


def _encoded(
    found: Sequence[tuple[str, Lang]], task: Task, ref: ModelRef, workspace: Workspace, watch: Watch
) -> Iterator[Vectors]:
    """Vectors of texts as documents; what the store holds is not encoded again, and nothing before it is asked for.

    Post-processing keeps the statistics of the task's own documents.
    """
    if not found:
        return
    texts, langs = [text for text, _ in found], [lang for _, lang in found]
    encoding = open_encoding(ref, workspace)

    def tell(progress: Progress) -> None:
        watch("encode distractors", progress.n_done, progress.n_total)

    with encoding.crew as crew:
        encode_texts(crew, texts, Role.DOCUMENT, encoding.store, progress=tell)
    fitted = fit_documents(task, ref, workspace)
    start = 0
    for chunk in encoding.store.read(Role.DOCUMENT, texts).chunks():
        yield derive_more(chunk, langs[start : start + len(chunk)], ref, fitted)
        start += len(chunk)
