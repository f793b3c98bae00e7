"""Files that are probably not what they are said to be: translations by accident, queries that are documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from xlembed.data.checks import Place, Problems
from xlembed.data.task import Task
from xlembed.data.text_digest import text_digest
from xlembed.words import Lang, UserError

SAME_SHARE = 0.5
"""Share of translations that are the same text above which nothing is believed."""

BELIEVE = "take the files as they are with --believe"


def check_shared_ids(
    files: Sequence[Path], ids: Sequence[Collection[str]], noun: str, believe: bool, problems: Problems
) -> None:
    """Tell how many ids files share, which makes their rows translations.

    Running numbers prove nothing: they are an error unless `believe`. `noun` says what `ids` (of each file) are of.
    """
    for number, (file, own) in enumerate(zip(files, ids, strict=True)):
        earlier = set().union(*ids[:number])
        if not (shared := set(own) & earlier):
            continue
        message = f"{len(shared):,} of {len(set(own)):,} stand in another file too"
        if all(map(_is_running, (shared, own, earlier))) and not believe:
            fix = f"make them differ, or import one file at a time; if the rows are translations, {BELIEVE}"
            message += ", and they are running numbers, which say nothing"
            problems.error(Place(str(file)), noun, "running numbers", message, fix)
        else:
            problems.warn(Place(str(file)), noun, "shared ids", message, "taken for translations")


def check_same_texts(texts: Mapping[str, Iterable[tuple[Lang, str]]], noun: str, believe: bool) -> list[str]:
    """Notes on translations that are the same text (case, spacing and Unicode form aside), by pair of languages.

    `texts` are what belongs together: by any name, its texts with their languages.

    Raises:
        UserError: when more than `SAME_SHARE` of several are the same, unless `believe`.
    """
    n_pairs: dict[tuple[Lang, Lang], int] = defaultdict(int)
    n_same: dict[tuple[Lang, Lang], int] = defaultdict(int)
    for versions in texts.values():
        by_lang: dict[Lang, set[str]] = defaultdict(set)
        for lang, text in versions:
            by_lang[lang].add(text_digest(text))
        for one, other in combinations(by_lang, 2):
            n_pairs[one, other] += 1
            n_same[one, other] += bool(by_lang[one] & by_lang[other])
    notes = []
    for (one, other), n in n_pairs.items():
        if same := n_same[one, other]:
            notes.append(f"{same:,} of {n:,} {noun} are the same in {one} and {other}")
            if n > 1 and same > SAME_SHARE * n and not believe:
                raise UserError(
                    f"{notes[-1]}: are they translations? Give each language its own texts, or {BELIEVE}"
                )
    return notes


def same_in_task(task: Task, believe: bool) -> list[str]:
    """`check_same_texts` for documents of a group and for queries of a need.

    Raises:
        UserError: as `check_same_texts`.
    """
    groups: dict[str, list[tuple[Lang, str]]] = defaultdict(list)
    for document in task.documents:
        if document.group is not None:
            groups[document.group].append((document.lang, document.text))
    needs: dict[str, list[tuple[Lang, str]]] = defaultdict(list)
    for query in task.queries:
        needs[query.need_id].append((query.lang, query.text))
    return [*check_same_texts(groups, "documents", believe), *check_same_texts(needs, "queries", believe)]


def self_note(task: Task) -> tuple[str, ...]:
    """How many queries are documents themselves, and what is done about it; nothing for none."""
    n = len(task.self_documents)
    if not n or task.unjudged:
        return ()
    subject = (
        f"{n:,} of {len(task.queries):,} queries {'is' if n == 1 else 'are'} also a document, word for word"
    )
    if task.leave_out_self:
        return (f"{subject}: each query's own copy is left out of its ranking (leave_out_self)",)
    return (
        f"{subject}, which is not judged relevant: a model that ranks the copy first gets accuracy@1 0 there. "
        "Leave copies out of their queries' rankings: `leave_out_self: true` in task.yaml, or import with "
        "--leave-out-self",
    )


def _is_running(ids: Collection[str]) -> bool:
    """Whole numbers from 0 or 1, with few gaps."""
    numbers = {int(i) for i in ids if i.isdecimal()}
    return len(numbers) == len(set(ids)) and min(numbers) <= 1 and max(numbers) <= 2 * len(numbers) + 10
