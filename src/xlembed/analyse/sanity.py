"""Is anything wrong with the vectors before one reads scores? Faults, duplicates, self-retrieval, prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from xlembed.analyse.points import BLOCK_CELLS, SAME, estimate, vector_faults
from xlembed.analyse.result import Equal, Faults, Missed, Sanity, SelfRetrieval
from xlembed.data.task import Task
from xlembed.embeddings.encoding import Encoding
from xlembed.embeddings.export import Embeddings
from xlembed.embeddings.texts import document_text
from xlembed.models.catalogue import catalogue
from xlembed.models.folder import stored_prompts
from xlembed.models.spec import ModelRef
from xlembed.stats.layout import Ints
from xlembed.words import Lang, Role, Vectors

SELF_QUERIES = 200
"""Documents whose own text is asked."""
EXAMPLES = 20
"""Ids that are listed; counts are of all."""
DECIMALS = 5


def sanity_section(
    task: Task,
    ref: ModelRef,
    embeddings: Embeddings,
    documents: Vectors,
    usable: Ints,
    encoding: Encoding,
    encode_queries: Callable[[list[str], list[Lang]], Vectors],
) -> Sanity:
    """Faults of the vectors, documents that do not find themselves, prompts that are missing.

    `documents`: unit vectors, or zeros; `usable`: rows that have one; `encode_queries`: texts and their languages ->
    unit vectors in the query role.
    """
    ids, texts = embeddings.doc_ids, [document_text(ref.card, d) for d in task.documents]
    asked = usable[:: max(1, len(usable) // SELF_QUERIES)][:SELF_QUERIES]
    rows = asked.tolist()
    queries = encode_queries([texts[row] for row in rows], [task.documents[row].lang for row in rows])
    used = encoding.base.description["prompts"]
    same = duplicate_rows(documents, usable)
    return Sanity(
        documents=_faults(embeddings.documents, ids),
        queries=_faults(embeddings.queries, embeddings.query_ids),
        duplicate_vectors=Equal(
            groups=len(same),
            documents=sum(map(len, same)),
            first=[[ids[row] for row in group[:EXAMPLES]] for group in same[:EXAMPLES]],
        ),
        self_retrieval=_self_retrieval([ids[row] for row in rows], self_ranks(queries, asked, documents)),
        prompts=used,
        prompts_missing=missing_prompts(used, _asked_prompts(ref, encoding)),
        prompts_doubled=doubled_prompts(
            used, {str(Role.DOCUMENT): texts, str(Role.QUERY): [q.text for q in task.queries]}
        ),
    )


def _faults(vectors: Vectors, ids: Sequence[str]) -> Faults:
    zero, broken = ([ids[row] for row in rows.tolist()] for rows in vector_faults(vectors))
    return Faults(
        n=len(ids),
        zero=len(zero),
        not_finite=len(broken),
        zero_ids=zero[:EXAMPLES],
        not_finite_ids=broken[:EXAMPLES],
    )


def _self_retrieval(ids: Sequence[str], ranks: Ints) -> SelfRetrieval:
    table = estimate(np.zeros(len(ids), dtype=np.int64), ranks == 1, ids, 1, binary=[True])
    (score,) = table.macros["all"]
    if score is None:  # the sample is of these documents
        raise RuntimeError("no document to ask for")
    missed = [Missed(document=n, rank=r) for n, r in zip(ids, ranks.tolist(), strict=True) if r > 1]
    return SelfRetrieval.of(score, missed=missed[:EXAMPLES])


def _asked_prompts(ref: ModelRef, encoding: Encoding) -> dict[str, Mapping[str, str]]:
    """Who asks for which prompts: the model's folder, and cards of the catalogue for the same weights."""
    asked: dict[str, Mapping[str, str]] = {"the model's folder": stored_prompts(encoding.folder)}
    for name, card in catalogue().items():
        if name == ref.card.name or (ref.card.hub_id and card.hub_id == ref.card.hub_id):
            asked[f"card {name}"] = {str(role): card.prompt(role, ref.card.instruction) for role in Role}
    return asked


def duplicate_rows(vectors: Vectors, rows: Ints) -> list[list[int]]:
    """Groups of rows whose vectors are equal to five decimals: texts that no search can tell apart.

    Only `rows` are looked at (leave out zeros and NaN). Groups of two or more, each ascending, in the order of their
    first rows.
    """
    groups: dict[bytes, list[int]] = {}
    for row in rows.tolist():
        key = (np.round(vectors[row], DECIMALS) + 0.0).astype(np.float32).tobytes()
        groups.setdefault(key, []).append(row)
    return [group for group in groups.values() if len(group) > 1]


def self_ranks(queries: Vectors, rows: Ints, documents: Vectors) -> Ints:
    """Rank of each document when its own text is asked: 1 + documents that are nearer (by more than 1e-6).

    `queries`: vectors of the texts in the query role, shape (n, dim); `rows`: of their documents, shape (n,);
    `documents`: shape (m, dim), unit length or zeros. Ranks are from 1; a duplicate is not nearer than itself.
    """
    ranks = np.empty(len(rows), dtype=np.int64)
    size = max(1, BLOCK_CELLS // max(len(documents), 1))
    for start in range(0, len(rows), size):
        block = slice(start, start + size)
        cosines = queries[block] @ documents.T
        own = cosines[np.arange(len(cosines)), rows[block]]
        ranks[block] = 1 + (cosines > own[:, None] + SAME).sum(axis=1)
    return ranks


def missing_prompts(used: Mapping[str, str], asked: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Roles without a prompt although someone asks for one.

    `used`: role -> what is put before its texts; `asked`: who asks (``card e5_base``) -> role -> prompt.

    >>> missing_prompts({"query": "", "document": "text: "}, {"card e5": {"query": "query: ", "document": "text: "}})
    ["query: nothing is put before texts, but card e5 asks for 'query: '"]
    """
    return [
        f"{role}: nothing is put before texts, but {who} asks for {prompts[role]!r}"
        for who, prompts in asked.items()
        for role in map(str, Role)
        if prompts.get(role) and not used.get(role)
    ]


def doubled_prompts(used: Mapping[str, str], texts: Mapping[str, Sequence[str]]) -> list[str]:
    """Roles whose texts begin with the prompt already, so that the model reads it twice.

    `used`: role -> what is put before its texts; `texts`: role -> texts without prompt.

    >>> doubled_prompts({"query": "query: "}, {"query": ["query: where?", "when?"]})
    ["query: 1 of 2 texts begin with 'query:' already, and it is put before them again"]
    """
    lines = []
    for role, prompt in used.items():
        mark = prompt.strip()
        n = sum(text.lstrip().startswith(mark) for text in texts.get(role, ())) if mark else 0
        if n:
            lines.append(
                f"{role}: {n:,} of {len(texts[role]):,} texts begin with {mark!r} already, and it is put before them "
                "again"
            )
    return lines
