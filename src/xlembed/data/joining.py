"""One task of several files or folders, a language each, whose ids may be equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from xlembed.data.card import Card
from xlembed.data.checks import Place, Problems, first_of
from xlembed.data.read_options import EqualIds
from xlembed.data.reading import Rows
from xlembed.data.task import Alignment
from xlembed.words import Lang, counted

OFFER = (
    "say what equal ids mean: --equal-ids translations (they are one text in several languages) or --equal-ids apart "
    "(they have nothing to do with each other)"
)


def join(parts: Sequence[tuple[str, Rows]], card: Card, equal: EqualIds | None, problems: Problems) -> Rows:
    """The rows of all named parts in one; parts have been read, and checked each by itself.

    Where ids are equal in several, all ids get their language in front. As translations, equal ids are one group of
    documents and one need, and what is judged in one language is judged in all. Without a word on what they mean they
    are an error.
    """
    joined = Rows(card, problems)
    ids = [
        ({d.doc_id: d.lang for d in rows.documents}, {q.query_id: q.lang for q in rows.queries})
        for _, rows in parts
    ]
    apart = _check_shared(ids, [name for name, _ in parts], equal, problems)
    translated = equal is EqualIds.TRANSLATIONS

    def named(row_id: str, lang: Lang) -> str:
        return f"{lang}-{row_id}" if apart and not row_id.startswith(f"{lang}-") else row_id

    versions: dict[str, list[str]] = {}
    for (_, rows), (langs, _) in zip(parts, ids, strict=True):
        joined.excluded += rows.excluded
        for document in rows.documents:
            doc_id, group = named(document.doc_id, document.lang), document.group
            group = document.doc_id if translated and group is None else group
            joined.documents.append(replace(document, doc_id=doc_id, group=group))
            joined.document_places[doc_id] = rows.document_places[document.doc_id]
            versions.setdefault(document.doc_id, []).append(doc_id)
        for query in rows.queries:
            own = None if query.doc_id is None else named(query.doc_id, langs.get(query.doc_id, query.lang))
            need, query_id = query.need_id, named(query.query_id, query.lang)
            if not translated and need == query.query_id:
                need = query_id
            joined.queries.append(replace(query, query_id=query_id, need_id=need, doc_id=own))
            joined.query_places[query_id] = rows.query_places[query.query_id]
    for (_, rows), (langs, asked) in zip(parts, ids, strict=True):
        for query_id, docs in rows.judgements.items():
            own_docs = joined.judgements.setdefault(named(query_id, asked.get(query_id, "")), {})
            for doc_id, judged in docs.items():
                right = versions.get(doc_id, []) if translated else [named(doc_id, langs.get(doc_id, ""))]
                for each in right:
                    own_docs.setdefault(each, judged)
    if translated and all(
        langs.keys() == ids[0][0].keys() for langs, _ in ids
    ):  # the same documents everywhere
        joined.card = replace(joined.card, alignment=Alignment.PARALLEL)
    return joined


def _check_shared(
    ids: Sequence[tuple[dict[str, Lang], dict[str, Lang]]],
    names: Sequence[str],
    equal: EqualIds | None,
    problems: Problems,
) -> bool:
    """Whether several parts have an id; an error where nothing says what that means, or the language is the same."""
    where: dict[tuple[int, str], int] = {}
    shared: dict[tuple[int, str], tuple[int, int]] = {}
    for number, own in enumerate(ids):
        for kind in (0, 1):
            for row_id in own[kind]:
                first = where.setdefault((kind, row_id), number)
                if first != number:
                    shared.setdefault((kind, row_id), (first, number))
    same = [(k, i) for (k, i), (one, other) in shared.items() if ids[one][k][i] == ids[other][k][i]]
    if not (told := same or list(shared)):
        return False
    numbers = Counter(("document id", "query id")[kind] for kind, _ in sorted(told))
    counts = " and ".join(counted(n, noun) for noun, n in numbers.items())
    one, other = shared[told[0]]
    message = f"{counts} of it stand in {names[one]} too{', in the same language' * bool(same)}: "
    message += first_of([row_id for _, row_id in told])
    if same or equal is None:
        fix = "make them differ" if same else OFFER
        problems.error(Place(names[other]), "", "shared ids", message, fix)
    else:
        apart = "kept apart, with the language before them"
        done = "taken for translations" if equal is EqualIds.TRANSLATIONS else apart
        problems.warn(Place(names[other]), "", "shared ids", message, done)
    return True
